/**
 * Pages of a worker's past. What counts in the files and what only memory has is taken in one step before the first
 * read, so commits and checkpoints may go on meanwhile.
 */
import { Effect } from "effect"
import type { TranscriptItem } from "../../domain/Transcript.ts"
import type { StoredEvent } from "../../domain/WorkerStore.ts"
import * as CheckedLines from "./CheckedLines.ts"
import { crcOf } from "./Crc32.ts"
import { DiskFailure } from "./Disk.ts"
import type { IndexPages } from "./IndexPages.ts"
import type { Lines } from "./Lines.ts"
import type { OpenFiles } from "./OpenFiles.ts"
import type { Retention } from "./Retention.ts"
import { type EventFile, lastSavedEvent, type Saved, type WorkerEntry } from "./StoreState.ts"
import { crcOffset, eventsPath, indexEntryBytes, indexPath, itemsPath, sumOffset, sums } from "./WorkerFiles.ts"

const newline = 0x0a
const comma = 0x2c

/** Code of the failure for bytes that are not what was written. */
export const damaged = "DAMAGED"

const damage = new DiskFailure({ operation: "read", code: damaged })

/** The bytes carry the checksum that this store gave them, so their shape is what was encoded. */
const decode = <A>(json: string): Effect.Effect<A, DiskFailure> =>
  Effect.try({ try: () => JSON.parse(json) as A, catch: () => damage })

const decodeLines = <A>(lines: Lines): Effect.Effect<ReadonlyArray<A>, DiskFailure> =>
  lines.length === 0
    ? Effect.succeed([])
    : decode(`[${Array.from({ length: lines.length }, (_, at) => lines.text(at)).join(",")}]`)

/**
 * Turns the lines of a page into one list of JSON in place, if all are what was written.
 *
 * @param index the entries of the page
 * @param sum checksum of the item before the page
 * @param from where in the file the page starts
 */
const whole = (items: Buffer, index: Buffer, from: number, sum: number): boolean => {
  let at = 0
  /** Where the stretch starts that is summed up in one step. */
  let start = 0
  let value = sum
  for (let entry = 0; entry < index.length; entry += indexEntryBytes) {
    const end = index.readUIntLE(entry, 6) - from
    if (end <= at || end > items.length) return false
    const next = entry + indexEntryBytes
    if (index[entry + sumOffset] === sums.own) value = 0
    if (next === index.length || index[next + sumOffset] === sums.own) {
      if (crcOf(items, start, end, value) !== index.readUInt32LE(entry + crcOffset)) return false
      start = end
    }
    at = end
  }
  for (let entry = 0; entry < index.length; entry += indexEntryBytes)
    items[index.readUIntLE(entry, 6) - from - 1] = comma
  return true
}

export interface Reading {
  readonly files: OpenFiles
  readonly pages: IndexPages
}

const indexOf = Effect.fnUntraced(function* (
  { files, pages }: Reading,
  folder: string,
  position: number,
  length: number
) {
  const known = pages.find(folder, position, length)
  if (known !== undefined) return known
  const bytes = yield* files.use(indexPath(folder), (file) => file.read(position, length))
  if (bytes.length < length) return yield* damage
  pages.keep(folder, position, bytes)
  return bytes
})

const savedItems = Effect.fnUntraced(function* (
  reading: Reading,
  folder: string,
  { itemBytes }: Saved,
  start: number,
  count: number,
  maxBytes: number
) {
  // The entry before tells where the first item starts, and its checksum.
  const before = start === 0 ? 0 : indexEntryBytes
  const index = yield* indexOf(reading, folder, start * indexEntryBytes - before, before + count * indexEntryBytes)
  const from = before === 0 ? 0 : index.readUIntLE(0, 6)
  let stop = index.length
  while (stop > before + indexEntryBytes && index.readUIntLE(stop - indexEntryBytes, 6) - from > maxBytes) {
    stop -= indexEntryBytes
  }
  const to = index.readUIntLE(stop - indexEntryBytes, 6)
  if (to <= from || to > itemBytes) return yield* damage
  const items = yield* reading.files.use(itemsPath(folder), (file) => file.read(from, to - from))
  if (items.length < to - from) return yield* damage
  const sum = before === 0 ? 0 : index.readUInt32LE(crcOffset)
  if (!whole(items, index.subarray(before, stop), from, sum)) return yield* damage
  const json = `[${items.toString("utf8", 0, items.length - 1)}]`
  return { items: yield* decode<Array<TranscriptItem>>(json), bytes: items.length }
})

/** The first lines that have no more than `maxBytes` in all, but `least` of them at least. */
const within = (lines: Lines, maxBytes: number, least: number): Lines => {
  let bytes = 0
  for (let line = 0; line < lines.length; line++) {
    bytes += lines.size(line)
    if (bytes > maxBytes && line >= least) return lines.slice(0, line)
  }
  return lines
}

export const transcript = Effect.fnUntraced(function* (
  reading: Reading,
  folder: string,
  { saved, items }: WorkerEntry,
  start: number,
  limit: number,
  maxBytes: number
) {
  const first = Math.max(0, start)
  const end = Math.min(saved.items + items.length, first + Math.max(0, limit))
  const fromFile = Math.max(0, Math.min(end, saved.items) - first)
  const recent = items.slice(Math.max(0, first - saved.items), Math.max(0, end - saved.items))
  if (fromFile === 0) return yield* decodeLines<TranscriptItem>(within(recent, maxBytes, 1))
  const older = yield* savedItems(reading, folder, saved, first, fromFile, maxBytes)
  if (recent.length === 0 || older.items.length < fromFile) return older.items
  const newer = yield* decodeLines<TranscriptItem>(within(recent, maxBytes - older.bytes, 0))
  return [...older.items, ...newer]
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
