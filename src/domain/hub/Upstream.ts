/**
 * Folds a source's frames into the log that the watchers of one worker share. Numbers are the runtime's own where it
 * numbers its durable events 1, 2, 3, …: then a missing number is a hole and a repeated one a duplicate, for certain.
 */
import type { EventLog, ResyncReason } from "../EventLog.ts"
import type { SourceFrame } from "../RuntimeSource.ts"
import type { InFlight, Snapshot } from "../Snapshot.ts"
import { isTerminal, type WorkerState } from "../Worker.ts"
import { event } from "../WorkerEvent.ts"

const integer = /^(0|[1-9][0-9]{0,14})$/
/** `12.3`: the third transient event after the durable event 12. */
const pair = /^(0|[1-9][0-9]{0,14})\.([1-9][0-9]{0,8})$/

const numberOf = (event_id: string): number | undefined => (integer.test(event_id) ? Number(event_id) : undefined)

const nothing: InFlight = { text: "", thinking: "", tool_calls: [] }

type EventFrame = Extract<SourceFrame, { kind: "event" }>

/** Whether two snapshots of the same moment tell the same conversation. */
const sameTranscript = (a: Snapshot["transcript"], b: Snapshot["transcript"]): boolean =>
  a.total_items === b.total_items && a.items.at(-1)?.content === b.items.at(-1)?.content

export class Upstream {
  readonly log: EventLog
  #started = false
  /** Where to resume at the source. */
  #cursor: string | undefined
  /** Set when events were lost and the snapshot to go on from has not arrived yet. */
  #lost: ResyncReason | undefined
  /** No event means anything before the connection's first snapshot. */
  #awaiting = true
  /** The snapshot of a resumed connection, until the replay has reached it. */
  #catchingUp: Snapshot | undefined
  #lastEventId = "0"
  /** Whether the source numbers its durable events. */
  #numbered = false
  /** Number of the last transient event after the last durable one, once this connection has shown one. */
  #transient: number | undefined
  #ended = false
  #broken = false

  constructor(log: EventLog) {
    this.log = log
  }

  /** Whether the first snapshot has arrived. */
  get started(): boolean {
    return this.#started
  }

  /** Whether the worker has ended: nothing more will come. */
  get ended(): boolean {
    return this.#ended
  }

  /** Whether the connection has to be given up, because what it delivers does not follow from what is here. */
  get broken(): boolean {
    return this.#broken
  }

  /** A connection begins; returns the cursor to open it with. */
  connect(): string | undefined {
    this.#awaiting = true
    this.#catchingUp = undefined
    this.#transient = undefined
    this.#broken = false
    return this.#cursor
  }

  /** The next connection starts from a fresh snapshot, and the watchers are told why. */
  forget(reason: ResyncReason): void {
    this.#cursor = undefined
    if (this.#started) this.#lost ??= reason
  }

  apply(frame: SourceFrame): void {
    // What follows a hole, or the worker's end, means nothing.
    if (this.#broken || this.#ended) return
    switch (frame.kind) {
      case "snapshot":
        return this.#snapshot(frame.cursor, frame.snapshot)
      case "event":
        return this.#event(frame)
      case "bookmark":
        if (!this.#awaiting && this.#catchingUp === undefined) this.#cursor = frame.cursor
        return
      case "resync":
        this.forget(frame.reason)
        this.#awaiting = true
        return
      case "end":
        this.#follow(frame.state)
        this.#ended = true
    }
  }

  #snapshot(cursor: string, snapshot: Snapshot): void {
    this.#awaiting = false
    this.#cursor = cursor
    const last = numberOf(this.#lastEventId)
    if (!this.#started) this.#restart("epoch_changed", snapshot)
    else if (this.#lost !== undefined) this.#restart(this.#lost, snapshot)
    // A source that started its numbers again without a word.
    else if (last !== undefined && (numberOf(snapshot.as_of) ?? last) < last) this.#restart("epoch_changed", snapshot)
    else {
      // Resumed: the replay follows. What the snapshot knows is compared once the replay has caught up.
      this.#catchingUp = snapshot
      this.#reconcile()
    }
    this.#endWithState()
  }

  #event(frame: EventFrame): void {
    if (this.#awaiting) {
      this.#broken = true
      return
    }
    if (!(frame.durable ? this.#admitDurable(frame) : this.#admitTransient(frame))) return
    this.log.append(frame.event, frame.durable, frame.json)
    if (frame.durable) this.#reconcile()
    this.#endWithState()
  }

  #admitDurable({ cursor, event_id, seq }: EventFrame): boolean {
    if (event_id === this.#lastEventId || (seq !== undefined && seq <= this.log.head)) return false
    if (seq !== undefined && seq > this.log.head + 1) return this.#break("expired")
    this.#numbered = seq !== undefined
    this.#lastEventId = event_id
    this.#cursor = cursor
    this.#transient = undefined
    return true
  }

  #admitTransient({ event_id }: EventFrame): boolean {
    // Live although the replay did not reach the snapshot's event: it never will.
    if (this.#catchingUp !== undefined) return this.#break("expired")
    const match = this.#numbered ? pair.exec(event_id) : null
    if (match === null) return true
    const after = Number(match[1])
    if (after < this.log.head) return false
    if (after > this.log.head) return this.#break("expired")
    const number = Number(match[2])
    if (this.#transient !== undefined) {
      if (number <= this.#transient) return false
      // Text in flight has a hole. Nothing durable is lost: the next snapshot has the whole text.
      if (number > this.#transient + 1) return this.#break(undefined)
    }
    this.#transient = number
    return true
  }

  /** What is there cannot be trusted to be whole. */
  #break(reason: ResyncReason | undefined): false {
    if (reason !== undefined) this.forget(reason)
    this.#broken = true
    return false
  }

  #restart(reason: ResyncReason, snapshot: Snapshot): void {
    this.#started = true
    this.#lost = undefined
    this.#catchingUp = undefined
    this.#transient = undefined
    this.#lastEventId = snapshot.as_of
    this.log.restart(reason, snapshot, numberOf(snapshot.as_of) ?? this.log.head + 1)
  }

  /** After the replay: text that grew while the source was away is shown as one delta, or announced as lost. */
  #reconcile(): void {
    const theirs = this.#catchingUp
    if (theirs === undefined || theirs.as_of !== this.#lastEventId) return
    this.#catchingUp = undefined
    const known = this.log.snapshot
    const ours = known.in_flight ?? nothing
    const now = theirs.in_flight ?? nothing
    const follows =
      sameTranscript(known.transcript, theirs.transcript) &&
      JSON.stringify(ours.tool_calls) === JSON.stringify(now.tool_calls) &&
      now.text.startsWith(ours.text) &&
      now.thinking.startsWith(ours.thinking)
    if (!follows) return this.#restart("expired", theirs)
    const thinking = now.thinking.slice(ours.thinking.length)
    if (thinking !== "") this.log.append(event({ event: "thinking_delta", data: { text: thinking } }), false)
    const text = now.text.slice(ours.text.length)
    if (text !== "") this.log.append(event({ event: "text_delta", data: { text } }), false)
    this.#follow(theirs.state as WorkerState)
  }

  /** Shows a state that no durable event has told. */
  #follow(state: WorkerState): void {
    if (this.log.snapshot.state === state) return
    const status = state === "busy" ? "running" : "idle"
    this.log.append(event({ event: "status", data: { status, state } }), false)
  }

  #endWithState(): void {
    if (this.#catchingUp === undefined && isTerminal(this.log.snapshot.state as WorkerState)) this.#ended = true
  }
}
