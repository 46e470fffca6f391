/** A browser as the hub sees it: attaches, checks that nothing is missing or doubled, and starts again when it is told to. */
import { assert } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as EventCursor from "../../src/domain/EventCursor.ts"
import type { EventHub, WorkerRef } from "../../src/domain/EventHub.ts"
import type { LogEntry, ResyncReason } from "../../src/domain/EventLog.ts"
import * as Snapshot from "../../src/domain/Snapshot.ts"

export class HubWatcher {
  readonly entries: Array<LogEntry> = []
  /** Every announced loss, in order. */
  readonly resyncs: Array<ResyncReason> = []
  readonly faults: Array<string> = []
  state: Snapshot.Snapshot = Snapshot.empty
  cursor: string | undefined
  gone = false
  #last = 0
  /** Set while the watcher has to attach again. */
  #lost = false

  get lost(): boolean {
    return this.#lost
  }

  /** Attaches, from the last cursor unless a loss was announced, until the scope closes. */
  readonly attach = Effect.fnUntraced(function* (this: HubWatcher, hub: EventHub["Service"], worker: WorkerRef) {
    const early: Array<LogEntry> = []
    let ready = false
    const cursor = this.#lost ? undefined : this.cursor
    this.#lost = false
    const watching = yield* hub.watch(
      worker,
      cursor,
      (entry) => {
        if (this.#lost) return
        if (ready) this.#take(entry)
        else early.push(entry)
      },
      (reason) => {
        if (reason === "gone") this.gone = true
        else if (!this.#lost) {
          this.#lost = true
          this.resyncs.push(reason)
        }
      }
    )
    if (watching.resync !== undefined) this.resyncs.push(watching.resync)
    if (cursor === undefined || watching.resync !== undefined) this.#last = Number(watching.snapshot.as_of)
    this.state = watching.snapshot
    this.cursor = watching.cursor
    for (const entry of [...watching.replay, ...early]) this.#take(entry)
    ready = true
    return watching
  })

  /** What people read: the transcript's tail, the text that grows, the state. */
  get view(): unknown {
    return viewOf(this.state)
  }

  #take(entry: LogEntry): void {
    this.entries.push(entry)
    if (entry.durable) {
      if (entry.seq !== this.#last + 1) this.faults.push(`${this.#last} is followed by ${entry.seq}`)
      this.#last = entry.seq
      this.cursor = entry.cursor
    }
    const at = Option.getOrThrow(EventCursor.parse(entry.cursor)).seq
    if (at !== this.#last) this.faults.push(`cursor ${at} after event ${this.#last}`)
    if (!entry.durable || entry.seq > Number(this.state.as_of)) {
      this.state = Snapshot.apply(this.state, entry.event, entry.durable ? entry.event_id : undefined)
    }
  }

  sound(): void {
    assert.deepStrictEqual(this.faults, [])
  }
}

export const viewOf = ({ in_flight, state, transcript }: Snapshot.Snapshot): unknown => ({
  items: transcript.items.map(({ content, role }) => `${role}: ${content}`),
  total: transcript.total_items,
  text: in_flight?.text ?? "",
  state
})
