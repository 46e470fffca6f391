/**
 * Pages of a worker's past. What counts in the files and what only memory has is taken in one step before the first
 * read, so commits and checkpoints may go on meanwhile.
 */
import { crc32 } from "node:zlib"
import { Effect } from "effect"
import type { TranscriptItem } from "../../domain/Transcript.ts"
import type { StoredEvent } from "../../domain/WorkerStore.ts"
import * as CheckedLines from "./CheckedLines.ts"
import { DiskFailure } from "./Disk.ts"
import { type Line, text } from "./LogBatch.ts"
import type { OpenFiles } from "./OpenFiles.ts"
import type { Retention } from "./Retention.ts"
import { type EventFile, lastSavedEvent, type WorkerEntry } from "./StoreState.ts"
import { eventsPath, indexEntryBytes, indexPath, itemsPath } from "./WorkerFiles.ts"

const newline = 0x0a
const comma = 0x2c

/** Code of the failure for bytes that are not what was written. */
export const damaged = "DAMAGED"

const damage = new DiskFailure({ operation: "read", code: damaged })

/** The bytes carry the checksum that this store gave them, so their shape is what was encoded. */
const decode = <A>(json: string): Effect.Effect<A, DiskFailure> =>
  Effect.try({ try: () => JSON.parse(json) as A, catch: () => damage })

const decodeLines = <A>(lines: ReadonlyArray<Line>): Effect.Effect<ReadonlyArray<A>, DiskFailure> =>
  lines.length === 0 ? Effect.succeed([]) : decode(`[${lines.map(text).join(",")}]`)

const savedItems = Effect.fnUntraced(function* (files: OpenFiles, folder: string, start: number, count: number) {
  // The entry before tells where the first item starts.
  const before = start === 0 ? 0 : 1
  const bytes = (before + count) * indexEntryBytes
  const position = (start - before) * indexEntryBytes
  const index = yield* files.use(indexPath(folder), (file) => file.read(position, bytes))
  if (index.length < bytes) return yield* damage
  const from = before === 0 ? 0 : index.readUIntLE(0, 6)
  const to = index.readUIntLE(bytes - indexEntryBytes, 6)
  if (to <= from) return yield* damage
  const items = yield* files.use(itemsPath(folder), (file) => file.read(from, to - from))
  if (items.length < to - from) return yield* damage
  let at = 0
  for (let entry = before * indexEntryBytes; entry < bytes; entry += indexEntryBytes) {
    const end = index.readUIntLE(entry, 6) - from
    if (end <= at || end > items.length || crc32(items.subarray(at, end)) !== index.readUInt32LE(entry + 6)) {
      return yield* damage
    }
    items[end - 1] = comma
    at = end
  }
  return yield* decode<Array<TranscriptItem>>(`[${items.toString("utf8", 0, items.length - 1)}]`)
})

export const transcript = Effect.fnUntraced(function* (
  files: OpenFiles,
  folder: string,
  { saved, items }: WorkerEntry,
  start: number,
  limit: number
) {
  const first = Math.max(0, start)
  const end = Math.min(saved.items + items.length, first + Math.max(0, limit))
  const fromFile = Math.max(0, Math.min(end, saved.items) - first)
  const recent = items.slice(Math.max(0, first - saved.items), Math.max(0, end - saved.items))
  const older = fromFile === 0 ? [] : yield* savedItems(files, folder, first, fromFile)
  return [...older, ...(yield* decodeLines<TranscriptItem>(recent))]
})

const savedEvents = Effect.fnUntraced(function* (
  files: OpenFiles,
  folder: string,
  file: EventFile,
  from: number,
  count: number
) {
  const bytes = yield* files.use(eventsPath(folder, file.first), (open) => open.read(0, file.bytes))
  let start = 0
  const found: Array<string> = []
  for (let seq = file.first; seq <= file.last && found.length < count; seq++) {
    const end = bytes.indexOf(newline, start)
    if (end < 0) return yield* damage
    if (seq >= from) {
      const json = CheckedLines.check(bytes, start, end)
      if (json === undefined) return yield* damage
      found.push(json)
    }
    start = end + 1
  }
  return yield* decode<Array<StoredEvent>>(`[${found.join(",")}]`)
})

export const events = Effect.fnUntraced(function* (
  files: OpenFiles,
  folder: string,
  { saved, events, stored }: WorkerEntry,
  after: number,
  limit: number,
  retention: Retention
) {
  const lastSaved = lastSavedEvent(saved)
  const floor = Math.max(0, stored.worker.last_event_id - retention.maxEvents)
  const first = Math.max(after, floor) + 1
  const found: Array<StoredEvent> = []
  for (const file of saved.events) {
    if (file.last < first || found.length >= limit) continue
    const more = yield* savedEvents(files, folder, file, Math.max(first, file.first), limit - found.length)
    for (const event of more) found.push(event)
  }
  const skip = Math.max(0, first - lastSaved - 1)
  const recent = events.slice(skip, skip + Math.max(0, limit - found.length))
  for (const event of yield* decodeLines<StoredEvent>(recent)) found.push(event)
  return found
})
