/** What an agent tells of its work, in the words of the worker's event stream. */
import type * as acp from "@agentclientprotocol/sdk"
import { bounded, maxTitle } from "../../domain/ToolValue.ts"
import { event, type WorkerEvent } from "../../domain/WorkerEvent.ts"

/** A message or thought is kept in pieces of at most so many UTF-16 units, so that each fits a record, a frame and a page. */
export const pieceLength = 262_144
/** Entries of a plan. */
const maxEntries = 100
/** Tool calls that are remembered until their end, within one turn. */
const maxCalls = 1_000

const textOf = (content: acp.ContentBlock): string => {
  switch (content.type) {
    case "text":
      return content.text
    case "resource_link":
      return `[${content.name.slice(0, maxTitle)}]`
    default:
      return `[${content.type}]`
  }
}

interface Call {
  readonly name: string
  readonly input: unknown
  readonly output: unknown
  readonly content: unknown
  /** Whether its arguments were told: not yet, without any, or all of them. */
  readonly told: "not" | "none" | "all"
}

/** Agents that do not know the arguments yet tell empty ones. */
const isGiven = (value: unknown): boolean =>
  value !== undefined && value !== null && (typeof value !== "object" || Object.keys(value).length > 0)

/** One turn: growing text is joined until something else is told, then it is kept. */
export class AcpEvents {
  #text = ""
  #thought = ""
  readonly #calls = new Map<string, Call>()

  /** What grew until now, as it is kept. */
  flush(): ReadonlyArray<WorkerEvent> {
    const thought = this.#thought
    const text = this.#text
    this.#thought = ""
    this.#text = ""
    return [
      ...(thought === "" ? [] : [event({ event: "thinking_done", data: { text: thought } })]),
      ...(text === "" ? [] : [event({ event: "text_done", data: { text } })])
    ]
  }

  #grow(kind: "text" | "thought", text: string): ReadonlyArray<WorkerEvent> {
    const events: Array<WorkerEvent> = []
    // One of the two grows at a time: the other is complete.
    if (kind === "text" ? this.#thought !== "" : this.#text !== "") events.push(...this.flush())
    for (let at = 0; at < text.length; at += pieceLength) {
      const piece = text.slice(at, at + pieceLength)
      if (this.#text.length + this.#thought.length + piece.length > pieceLength) events.push(...this.flush())
      if (kind === "text") this.#text += piece
      else this.#thought += piece
      events.push(
        kind === "text"
          ? event({ event: "text_delta", data: { text: piece } })
          : event({ event: "thinking_delta", data: { text: piece } })
      )
    }
    return events
  }

  /** @param asked a person is asked about the call, who has to see all of it that is known: its preview, too */
  #call(update: acp.ToolCallUpdate, asked = false): ReadonlyArray<WorkerEvent> {
    const id = update.toolCallId.slice(0, maxTitle)
    const known = this.#calls.get(id)
    const input = update.rawInput ?? known?.input
    const content = update.content ?? known?.content
    const shown = isGiven(input) ? input : asked && isGiven(content) ? content : undefined
    if (known === undefined && ((asked && shown === undefined) || this.#calls.size >= maxCalls)) return []
    const told = known?.told ?? "not"
    const under = asked || (update.status !== undefined && update.status !== null && update.status !== "pending")
    const tells = shown === undefined ? told === "not" && under : told !== "all"
    const call: Call = {
      name: (update.title ?? known?.name ?? id).slice(0, maxTitle),
      input,
      output: update.rawOutput ?? known?.output,
      content,
      told: tells ? (shown === undefined ? "none" : "all") : told
    }
    const { name } = call
    const events: Array<WorkerEvent> = []
    if (known === undefined) events.push(...this.flush(), event({ event: "tool_call_start", data: { id, name } }))
    if (tells) {
      events.push(event({ event: "tool_call_done", data: { id, name, arguments: bounded(shown ?? input) } }))
    }
    if (update.status === "completed" || update.status === "failed") {
      this.#calls.delete(id)
      const output = bounded(call.output ?? call.content)
      events.push(
        event({
          event: "tool_result",
          data: {
            id,
            summary: name,
            is_error: update.status === "failed",
            ...(output === null ? undefined : { output })
          }
        })
      )
    } else this.#calls.set(id, call)
    return events
  }

  /** A call that a person is asked about, which the agent may not have told before. */
  asked(call: acp.ToolCallUpdate): ReadonlyArray<WorkerEvent> {
    return this.#call(call, true)
  }

  /** What becomes of one update. Kinds that say nothing about the turn, or are not known, become nothing. */
  of(update: acp.SessionUpdate): ReadonlyArray<WorkerEvent> {
    switch (update.sessionUpdate) {
      case "agent_message_chunk":
        return this.#grow("text", textOf(update.content))
      case "agent_thought_chunk":
        return this.#grow("thought", textOf(update.content))
      case "tool_call":
      case "tool_call_update":
        return this.#call(update)
      case "plan": {
        const entries = update.entries.slice(0, maxEntries).map(({ content, priority, status }) => ({
          content: content.slice(0, maxTitle),
          priority,
          status
        }))
        return [...this.flush(), { event: "plan", data: { entries } }]
      }
      default:
        return []
    }
  }
}
