/**
 * Folds a source's frames into the log that the watchers of one worker share. Numbers are the runtime's own where it
 * numbers its durable events 1, 2, 3, …: then a missing number is a hole and a repeated one a duplicate, for certain.
 */
import type { EventLog, ResyncReason } from "../EventLog.ts"
import type { SourceFrame } from "../RuntimeSource.ts"
import type { InFlight, Snapshot } from "../Snapshot.ts"
import type { WorkerState } from "../Worker.ts"
import { event } from "../WorkerEvent.ts"

const integer = /^(0|[1-9][0-9]{0,14})$/

const numberOf = (event_id: string): number | undefined => (integer.test(event_id) ? Number(event_id) : undefined)

const nothing: InFlight = { text: "", thinking: "", tool_calls: [] }

export class Upstream {
  readonly log: EventLog
  #started = false
  /** Where to resume at the source. */
  #cursor: string | undefined
  /** Set when the source announced a loss and has not yet sent the snapshot that follows. */
  #lost: ResyncReason | undefined
  /** The snapshot of a resumed connection, until the replay has reached it. */
  #catchingUp: Snapshot | undefined
  #lastEventId = "0"
  #ended = false
  #broken = false

  constructor(log: EventLog) {
    this.log = log
  }

  /** Whether the first snapshot has arrived. */
  get started(): boolean {
    return this.#started
  }
  get cursor(): string | undefined {
    return this.#cursor
  }
  /** Whether the worker has ended: nothing more will come. */
  get ended(): boolean {
    return this.#ended
  }

  /** Whether the connection has to be given up for a new one that starts from a snapshot. */
  get broken(): boolean {
    return this.#broken
  }
  /** The source does not know the cursor any more. */
  forget(): void {
    this.#cursor = undefined
    this.#lost ??= "invalid"
    this.#broken = false
  }

  apply(frame: SourceFrame): void {
    switch (frame.kind) {
      case "snapshot":
        return this.#snapshot(frame.cursor, frame.snapshot)
      case "event":
        return this.#event(frame)
      case "bookmark":
        this.#cursor = frame.cursor
        return
      case "resync":
        this.#lost = frame.reason
        return
      case "end":
        this.#ended = true
        this.#follow(frame.state)
    }
  }

  #snapshot(cursor: string, snapshot: Snapshot): void {
    this.#cursor = cursor
    this.#broken = false
    if (!this.#started) {
      this.#started = true
      this.#restart("epoch_changed", snapshot)
      return
    }
    if (this.#lost !== undefined) {
      this.#restart(this.#lost, snapshot)
      return
    }
    // Resumed: the replay follows. What the snapshot knows of text in flight is compared once the replay has caught up.
    this.#catchingUp = snapshot
    this.#reconcile()
  }

  #event(frame: Extract<SourceFrame, { kind: "event" }>): void {
    if (frame.durable) {
      const { seq } = frame
      if (frame.event_id === this.#lastEventId || (seq !== undefined && seq <= this.log.head)) return
      if (seq !== undefined && seq > this.log.head + 1) {
        // A hole. What is there cannot be trusted to be whole: ask for everything again.
        this.#cursor = undefined
        this.#lost = "expired"
        this.#broken = true
        return
      }
      this.#lastEventId = frame.event_id
      this.#cursor = frame.cursor
    } else if (this.#catchingUp !== undefined) {
      // Live again although the replay did not reach the snapshot's event: it never will.
      this.#catchingUp = undefined
    }
    this.log.append(frame.event, frame.durable, frame.json)
    if (frame.durable) this.#reconcile()
  }

  #restart(reason: ResyncReason, snapshot: Snapshot): void {
    this.#lost = undefined
    this.#catchingUp = undefined
    this.#lastEventId = snapshot.as_of
    this.log.restart(reason, snapshot, numberOf(snapshot.as_of) ?? this.log.head + 1)
  }

  /** After the replay: text that grew while the source was away is shown as one delta, or announced as lost. */
  #reconcile(): void {
    const theirs = this.#catchingUp
    if (theirs === undefined || theirs.as_of !== this.#lastEventId) return
    this.#catchingUp = undefined
    const ours = this.log.snapshot.in_flight ?? nothing
    const now = theirs.in_flight ?? nothing
    const sameCalls = JSON.stringify(ours.tool_calls) === JSON.stringify(now.tool_calls)
    if (!sameCalls || !now.text.startsWith(ours.text) || !now.thinking.startsWith(ours.thinking)) {
      this.#restart("expired", theirs)
      return
    }
    const thinking = now.thinking.slice(ours.thinking.length)
    if (thinking !== "") this.log.append(event({ event: "thinking_delta", data: { text: thinking } }), false)
    const text = now.text.slice(ours.text.length)
    if (text !== "") this.log.append(event({ event: "text_delta", data: { text } }), false)
    if (theirs.state !== this.log.snapshot.state) this.#follow(theirs.state as WorkerState)
  }

  /** Shows a state that no durable event has told. */
  #follow(state: WorkerState): void {
    if (this.log.snapshot.state === state) return
    const status = state === "busy" ? "running" : "idle"
    this.log.append(event({ event: "status", data: { status, state } }), false)
  }
}
