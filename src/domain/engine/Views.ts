/** What can be seen of workers: lists, transcript pages, and event streams. */
import { Effect, Option } from "effect"
import { EventLog, type LogEntry, type OnReset, type Watcher } from "../EventLog.ts"
import * as EventCursor from "../EventCursor.ts"
import type { WorkerId } from "../Identifiers.ts"
import * as Problem from "../Problem.ts"
import { maxPageBytes, type TranscriptItem, type TranscriptPage, type TranscriptQuery } from "../Transcript.ts"
import { isTerminal, type ListQuery, type Worker, type WorkerPage } from "../Worker.ts"
import type { Watching } from "../WorkerRuntime.ts"
import { type Engine, find } from "./Host.ts"
import { type HostedWorker, loadTail } from "./HostedWorker.ts"

/** Workers in one page, at most. Without a limit a list is whole, as field v1 has it. */
export const maxListLimit = 1_000

/** Durable events read from the store at once while a watcher catches up. */
const replayPage = 1_000

export const byCreation = (a: Worker, b: Worker): number => {
  const left = a.created_at ?? ""
  const right = b.created_at ?? ""
  return left < right ? -1 : left > right ? 1 : a.worker_id < b.worker_id ? -1 : 1
}

const tooSmall = (parameter: string, least: number) =>
  Problem.fail("invalid_query", `The ${parameter} must be at least ${least}.`, {
    errors: [{ pointer: `/${parameter}`, code: "too_small" }]
  })

export const list = Effect.fnUntraced(function* (engine: Engine, query: ListQuery) {
  const { cursor, limit, state } = query
  if (limit !== undefined) {
    if (limit > maxListLimit) return yield* Problem.make("limit_too_large", undefined, { max: maxListLimit })
    if (limit < 1) return yield* tooSmall("limit", 1)
  }
  // Only looked up, so a text that is no id at all is just as unknown.
  if (cursor !== undefined && !engine.workers.has(cursor as WorkerId)) {
    return yield* Problem.make("invalid_cursor", "The list cursor does not name a place in this list.")
  }
  const items: Array<Worker> = []
  let next_cursor: string | null = null
  for (const { worker } of engine.workers.after(cursor as WorkerId | undefined)) {
    if (state !== undefined && worker.state !== state) continue
    if (limit !== undefined && items.length === limit) {
      next_cursor = items.at(-1)!.worker_id
      break
    }
    items.push(worker)
  }
  return { items, next_cursor } satisfies WorkerPage
})

const encoder = new TextEncoder()

/** Cuts a page to its bound in bytes, but never below one item: a pager always gets on. */
const bounded = (items: ReadonlyArray<TranscriptItem>): ReadonlyArray<TranscriptItem> => {
  let bytes = 0
  for (let index = 0; index < items.length; index++) {
    bytes += encoder.encode(items[index]!.content).length
    if (bytes > maxPageBytes && index > 0) return items.slice(0, index)
  }
  return items
}

export const transcript = Effect.fnUntraced(function* (
  engine: Engine,
  worker_id: WorkerId,
  query: TranscriptQuery,
  maxItems: number
) {
  const hosted = yield* find(engine, worker_id)
  const start = query.start ?? 0
  const limit = query.limit ?? maxItems
  if (limit > maxItems) {
    return yield* Problem.make("limit_too_large", `The limit is above the maximum of ${maxItems}.`, { max: maxItems })
  }
  if (limit < 1) return yield* tooSmall("limit", 1)
  if (start < 0) return yield* tooSmall("start", 0)
  const known = hosted.worker.transcript_len
  const items = start >= known ? [] : bounded(yield* engine.store.transcript(worker_id, start, limit, maxPageBytes))
  const end = start + items.length
  // Items may have been added while the store was read.
  const total_items = items.length === 0 ? known : Math.max(known, end)
  const page: TranscriptPage = {
    start,
    limit,
    total_items,
    next_start: items.length > 0 && end < total_items ? end : null,
    items
  }
  return page
})

/**
 * Events that the log no longer holds in memory, from the store: those after the cursor and up to the log's floor. None
 * when they are not all there any more.
 */
const stored = Effect.fnUntraced(function* (engine: Engine, hosted: HostedWorker, after: number) {
  const { log } = hosted
  const entries: Array<LogEntry> = []
  let last = after
  // The floor can rise while the store is read: go on until what was read meets it. Never past it: what the store has
  // taken but nobody has seen yet comes as a live event.
  while (last < log.floor) {
    const page = yield* engine.store.events(hosted.worker.worker_id, last, Math.min(replayPage, log.floor - last))
    if (page.length === 0) return undefined
    for (const { event, seq } of page) {
      if (seq !== last + 1) return undefined
      const cursor = EventCursor.format(log.epoch, seq)
      entries.push({ seq, durable: true, event_id: String(seq), cursor, event, json: JSON.stringify(event) })
      last = seq
    }
  }
  return entries
})

export const watch = Effect.fnUntraced(function* (
  engine: Engine,
  worker_id: WorkerId,
  text: string | undefined,
  watcher: Watcher,
  onReset?: OnReset
) {
  const hosted = yield* find(engine, worker_id)
  const { log } = hosted
  const parsed = EventLog.parseCursor(text)
  if (Option.isNone(parsed)) return yield* Problem.make("invalid_cursor", undefined, { worker_id })
  let cursor: EventCursor.EventCursor | undefined = parsed.value
  yield* loadTail(engine.store, hosted)
  let older: ReadonlyArray<LogEntry> = []
  const retained = cursor !== undefined && cursor.seq >= log.head - log.maxEvents
  if (cursor !== undefined && retained && cursor.epoch === log.epoch && cursor.seq < log.floor) {
    const found = yield* stored(engine, hosted, cursor.seq)
    if (found !== undefined) older = found
  }
  const given = cursor
  const lastOlder = older.at(-1)
  if (cursor !== undefined && lastOlder !== undefined) cursor = { epoch: log.epoch, seq: lastOlder.seq }
  // One step: what is replayed ends exactly where the live events start, and whether the worker has ended is told as of
  // then. The watcher is taken off whatever happens next.
  const attached = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const { state } = hosted.worker
      return {
        ...log.attach(cursor, watcher, onReset),
        head: log.headCursor,
        ended: isTerminal(state) ? state : undefined
      }
    }),
    ({ detach }) => Effect.sync(detach)
  )
  return {
    ...attached,
    cursor: attached.resync === undefined && given !== undefined ? text! : attached.cursor,
    replay: attached.resync === undefined && older.length > 0 ? [...older, ...attached.replay] : attached.replay,
    epoch: log.epoch,
    retained_events: log.maxEvents
  } satisfies Watching
})
