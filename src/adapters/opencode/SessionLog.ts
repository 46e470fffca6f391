/**
 * One opencode session as a numbered log. opencode does not number its events and cannot send them again, so the numbers
 * are made here: they begin with what the session had said when it was first looked at, under an epoch of their own, and
 * they last as long as no event was missed.
 */
import { EventLog } from "../../domain/EventLog.ts"
import { type InFlight, trim } from "../../domain/Snapshot.ts"
import { bounded, maxTitle } from "../../domain/ToolValue.ts"
import type { WorkerState } from "../../domain/Worker.ts"
import { event, type KnownEvent } from "../../domain/WorkerEvent.ts"
import { type Event, isSaid, type Messages, type Part, saidIn, type Session } from "./OpencodeWire.ts"

/** Events that can be resumed from, and their length as JSON in UTF-16 units, for one session. */
export const maxEvents = 2_000
export const maxLength = 2_097_152

/** Where something that was said stands. */
export interface Place {
  readonly sequence: number
  readonly event_id: number
}

/** What of a log outlives it. */
export interface Numbers {
  readonly head: number
  readonly places: ReadonlyMap<string, Place>
}

/** `asked`: an input was taken and opencode has not said yet that it works on it. */
type Phase = "idle" | "asked" | "busy" | "stopped"

const growing = (messages: Messages): InFlight | null => {
  const last = messages.at(-1)
  const open = last?.info.role === "assistant" ? last.parts.filter((part) => part.time?.end === undefined) : []
  const textOf = (type: string) =>
    open
      .filter((part) => part.type === type)
      .map(({ text }) => text ?? "")
      .join("")
  const flight = { text: textOf("text"), thinking: textOf("reasoning"), tool_calls: [] }
  return flight.text === "" && flight.thinking === "" ? null : flight
}

export class SessionLog {
  readonly log: EventLog
  /** Of what was said, by the id of its part. */
  readonly places = new Map<string, Place>()
  /** Called once for every user text that turns up in the session. */
  onUserText: ((text: string, place: Place) => void) | undefined
  onPhase: (() => void) | undefined
  #phase: Phase
  #aborted = false
  #ending = false
  readonly #roles = new Map<string, "user" | "assistant">()
  readonly #types = new Map<string, string>()
  readonly #done = new Set<string>()

  /** @param before the log that the session had until events were missed; its numbers are not given again */
  constructor(epoch: string, session: Session, messages: Messages, busy: boolean, before?: Numbers) {
    let head = before?.head ?? 0
    const items = saidIn(messages).map(({ content, part_id, role }, index) => {
      const place = { sequence: index + 1, event_id: before?.places.get(part_id)?.event_id ?? ++head }
      this.places.set(part_id, place)
      this.#done.add(part_id)
      return { ...place, role, content }
    })
    for (const { info, parts } of messages) {
      this.#roles.set(info.id, info.role)
      for (const part of parts) {
        this.#types.set(part.id, part.type)
        if (part.state?.status === "completed" || part.state?.status === "error") this.#done.add(part.id)
      }
    }
    const tail = trim(items)
    this.#phase = session.time.archived !== undefined ? "stopped" : busy ? "busy" : "idle"
    this.log = new EventLog({
      epoch,
      maxEvents,
      maxBytes: maxLength,
      head,
      snapshot: {
        status: this.#phase === "busy" ? "running" : "idle",
        state: this.state,
        transcript: { start: items.length - tail.length, total_items: items.length, items: tail },
        in_flight: this.#phase === "busy" ? growing(messages) : null,
        as_of: String(head)
      }
    })
  }

  get state(): WorkerState {
    return this.#phase === "asked" ? "busy" : this.#phase
  }

  get numbers(): Numbers {
    return { head: this.log.head, places: this.places }
  }

  get said(): number {
    return this.places.size
  }

  /** Takes one event of the session. What is known already adds nothing. */
  take({ properties, type }: Event): void {
    switch (type) {
      case "message.updated":
        return void this.#roles.set(properties.info.id, properties.info.role)
      case "message.part.updated":
        return this.#part(properties.part)
      case "message.part.delta":
        return this.#delta(properties.partID, properties.delta)
      case "session.status":
        return this.#status(properties.status.type)
      case "session.error":
        return this.#failed(properties.error?.name)
      case "session.updated":
        return properties.info.time.archived === undefined ? undefined : this.stop()
      case "session.deleted":
        return this.log.close()
    }
  }

  /** The turn is being ended from here: with its end nothing else is said of it but what follows. */
  abort(ending: boolean): void {
    if (this.state !== "busy") return
    this.#aborted = true
    this.#ending = ending
  }

  /** The session is not going to end after all. */
  keep(): void {
    if (this.#ending && this.#phase === "idle") {
      this.#say({ event: "status", data: { status: "idle", state: "idle" } })
    }
    this.#ending = false
  }

  /** Says that the session has ended; once. */
  stop(): void {
    if (this.#phase === "stopped") return
    if (this.state === "busy") {
      this.#ending = true
      this.#rest()
    }
    this.#become("stopped", { event: "status", data: { status: "idle", state: "stopped" } })
  }

  #say(said: KnownEvent): number {
    return this.log.append(event(said)).seq
  }

  #become(phase: Phase, said: KnownEvent): void {
    this.#phase = phase
    this.#say(said)
    this.onPhase?.()
  }

  #once(id: string): boolean {
    if (this.#done.has(id)) return false
    this.#done.add(id)
    return true
  }

  #status(type: string): void {
    if (this.#phase === "stopped") return
    if (type !== "idle") {
      if (this.#phase === "idle") this.#run()
      this.#phase = "busy"
    } else if (this.#phase === "busy" || (this.#phase === "asked" && this.#aborted)) this.#rest()
  }

  #run(): void {
    this.#become("asked", { event: "status", data: { status: "running", state: "busy" } })
  }

  #rest(): void {
    this.#say({ event: "run_end", data: { result: this.#aborted ? "rolled_back" : "finished" } })
    this.#aborted = false
    if (!this.#ending) return this.#become("idle", { event: "status", data: { status: "idle", state: "idle" } })
    this.#phase = "idle"
    this.onPhase?.()
  }

  #failed(name: string | undefined): void {
    if (name === "MessageAbortedError") this.#aborted = this.state === "busy"
    else this.#say({ event: "error", data: { code: "session_error", message: "opencode reports an error." } })
    // It may not have got as far as to say that it works.
    if (this.#phase === "asked") this.#rest()
  }

  #delta(part_id: string, text: string): void {
    if (this.#done.has(part_id)) return
    const type = this.#types.get(part_id)
    if (type === "text") this.#say({ event: "text_delta", data: { text } })
    if (type === "reasoning") this.#say({ event: "thinking_delta", data: { text } })
  }

  #part(part: Part): void {
    this.#types.set(part.id, part.type)
    const role = this.#roles.get(part.messageID) ?? "assistant"
    if (isSaid(part, role)) return this.#text(part, role)
    if (part.type === "reasoning" && part.time?.end !== undefined && this.#once(part.id)) {
      this.#say({ event: "thinking_done", data: { text: part.text ?? "" } })
    }
    if (part.type === "tool") this.#tool(part)
    if (part.type === "step-finish" && part.tokens !== undefined && this.#once(part.id)) {
      const { input, output } = part.tokens
      this.#say({ event: "usage", data: { input_tokens: input, output_tokens: output } })
    }
  }

  #text({ id, text = "" }: Part, role: "user" | "assistant"): void {
    if (!this.#once(id)) return
    const sequence = this.places.size + 1
    const event_id = this.#say(
      role === "user"
        ? { event: "user_message", data: { segments: [{ kind: "text", content: text }], sequence } }
        : { event: "text_done", data: { text, sequence } }
    )
    this.places.set(id, { sequence, event_id })
    if (role === "assistant") return
    if (this.#phase === "idle") this.#run()
    this.onUserText?.(text, { sequence, event_id })
  }

  #tool({ callID, id: part_id, state, tool }: Part): void {
    if (state === undefined) return
    const id = (callID ?? part_id).slice(0, maxTitle)
    const name = (tool ?? "tool").slice(0, maxTitle)
    if (this.#once(`${part_id} start`)) this.#say({ event: "tool_call_start", data: { id, name } })
    if (state.status === "pending") return
    if (this.#once(`${part_id} call`)) {
      this.#say({ event: "tool_call_done", data: { id, name, arguments: bounded(state.input ?? {}) } })
    }
    if (state.status === "running" || !this.#once(part_id)) return
    const is_error = state.status === "error"
    const summary = ((is_error ? state.error : state.title) ?? name).slice(0, maxTitle)
    const output = state.output === undefined ? undefined : { output: bounded(state.output) }
    this.#say({ event: "tool_result", data: { id, summary, ...output, is_error } })
  }
}
