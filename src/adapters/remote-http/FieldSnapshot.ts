/** The snapshot that a field-v1 runtime does not send: composed from its worker and the tail of its transcript. */
import { Effect } from "effect"
import type * as Problem from "../../domain/Problem.ts"
import * as Snapshot from "../../domain/Snapshot.ts"
import type { TranscriptItem, TranscriptPage } from "../../domain/Transcript.ts"
import type { Worker } from "../../domain/Worker.ts"

/** Readings until the worker stood still meanwhile; after the last one events put right what moved. */
const maxReadings = 3

/** Pages of the tail, at most: one for each item, should a runtime give them singly. */
const maxTailPages = Snapshot.maxTailItems

export interface Reading {
  readonly worker: Effect.Effect<Worker, Problem.Problem>
  readonly transcript: (start: number) => Effect.Effect<TranscriptPage, Problem.Problem>
}

export interface Composed {
  readonly snapshot: Snapshot.Snapshot
  readonly worker: Worker
  /** Number of the last event that is part of it. */
  readonly as_of: number
}

const tail = Effect.fnUntraced(function* (reading: Reading, length: number) {
  const items: Array<TranscriptItem> = []
  let start: number | null = Math.max(0, length - Snapshot.maxTailItems)
  for (let page = 0; start !== null && page < maxTailPages; page++) {
    const read: TranscriptPage = yield* reading.transcript(start)
    items.push(...read.items)
    // A page that leads nowhere would be read for ever.
    start = read.next_start !== null && read.next_start > start ? read.next_start : null
  }
  return items
})

export const compose = Effect.fnUntraced(function* (reading: Reading) {
  let worker = yield* reading.worker
  let items = yield* tail(reading, worker.transcript_len)
  for (let readings = 1; readings < maxReadings; readings++) {
    const now = yield* reading.worker
    const moved = now.last_event_id !== worker.last_event_id || now.transcript_len !== worker.transcript_len
    worker = now
    if (!moved) break
    items = yield* tail(reading, worker.transcript_len)
  }
  const last = items.at(-1)
  const as_of = Math.max(worker.last_event_id, last?.event_id ?? 0)
  const total_items = Math.max(worker.transcript_len, last?.sequence ?? 0)
  const shown = Snapshot.trim(items)
  const snapshot: Snapshot.Snapshot = {
    status: worker.state === "busy" ? "running" : "idle",
    state: worker.state,
    transcript: { start: Math.max(0, total_items - shown.length), total_items, items: shown },
    in_flight: null,
    as_of: String(as_of)
  }
  return { snapshot, worker, as_of } satisfies Composed
})
