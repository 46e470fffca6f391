/**
 * The files of one worker: `items` (one JSON line each), `index` (where each ends, and its checksum) and `events.<first>`.
 * They are only ever written behind what the catalogue says counts, so writing again after a failure or a restart is
 * harmless, and a page is two reads however long the transcript is.
 */
import { Effect } from "effect"
import * as CheckedLines from "./CheckedLines.ts"
import { crcOf } from "./Crc32.ts"
import type { Disk, DiskFailure } from "./Disk.ts"
import type { Lines } from "./Lines.ts"
import type { Retention } from "./Retention.ts"
import { type EventFile, lastSavedEvent, type Saved } from "./StoreState.ts"
import { writeAll } from "./WholeWrite.ts"

/** End of the item as u48, a CRC-32, and what it is of (`sums`); 1 byte stays free. Little endian. */
export const indexEntryBytes = 12
/** Where in an entry the checksum is, and where what it is of. */
export const crcOffset = 6
export const sumOffset = 10

/**
 * A checksum goes over the item alone, or goes on from that of the item before, so that any stretch of a page is
 * verified in one step. The first item of each checkpoint starts anew: nothing has to be read to write behind it.
 */
export const sums = { own: 0, chained: 1 } as const

export const itemsPath = (folder: string): string => `${folder}/items`
export const indexPath = (folder: string): string => `${folder}/index`
export const eventsPath = (folder: string, first: number): string => `${folder}/events.${first}`

/** Retained events are spread over this many files, and dropped a file at a time. */
export const eventFiles = 4

const append = (disk: Disk, path: string, bytes: Uint8Array, position: number) =>
  Effect.flatMap(disk.open(path, "durable"), (file) => Effect.ensuring(writeAll(file, [bytes], position), file.close))

const appendItems = Effect.fnUntraced(function* (disk: Disk, folder: string, saved: Saved, lines: Lines) {
  if (lines.length === 0) return saved
  const index = Buffer.alloc(lines.length * indexEntryBytes)
  let total = 0
  for (let line = 0; line < lines.length; line++) total += lines.size(line)
  const items = Buffer.allocUnsafe(total)
  let at = 0
  for (let line = 0, crc = 0; line < lines.length; line++) {
    const from = at
    at = lines.copy(line, items, at)
    crc = crcOf(items, from, at, crc)
    const entry = line * indexEntryBytes
    index.writeUIntLE(saved.itemBytes + at, entry, 6)
    index.writeUInt32LE(crc, entry + crcOffset)
    index.writeUInt8(line === 0 ? sums.own : sums.chained, entry + sumOffset)
  }
  const end = saved.itemBytes + total
  yield* append(disk, itemsPath(folder), items, saved.itemBytes)
  yield* append(disk, indexPath(folder), index, saved.items * indexEntryBytes)
  return { ...saved, items: saved.items + lines.length, itemBytes: end }
})

const room = (retention: Retention, file: EventFile): boolean =>
  file.last - file.first + 1 < retention.maxEvents / eventFiles && file.bytes < retention.maxEventBytes / eventFiles

const appendEvents = Effect.fnUntraced(function* (
  disk: Disk,
  folder: string,
  saved: Saved,
  lines: Lines,
  retention: Retention
) {
  const files = [...saved.events]
  let from = 0
  let number = lastSavedEvent(saved)
  while (from < lines.length) {
    const last = files.at(-1)
    const start: EventFile =
      last !== undefined && room(retention, last) ? files.pop()! : { first: number + 1, last: number, bytes: 0 }
    const first = from
    let { bytes } = start
    while (from < lines.length && (bytes === 0 || room(retention, { ...start, last: number, bytes }))) {
      bytes += CheckedLines.prefixBytes + lines.size(from++)
      number += 1
    }
    const file = Buffer.allocUnsafe(bytes - start.bytes)
    let at = 0
    for (let line = first; line < from; line++) {
      const end = lines.copy(line, file, at + CheckedLines.prefixBytes)
      CheckedLines.seal(file, at, end)
      at = end
    }
    yield* append(disk, eventsPath(folder, start.first), file, start.bytes)
    files.push({ ...start, last: number, bytes })
  }
  return files
})

/** The files, oldest first, without those that retention no longer needs. */
const retained = (files: ReadonlyArray<EventFile>, retention: Retention): ReadonlyArray<EventFile> => {
  let count = 0
  let bytes = 0
  let from = files.length
  while (from > 0 && count < retention.maxEvents && bytes < retention.maxEventBytes) {
    const file = files[--from]!
    count += file.last - file.first + 1
    bytes += file.bytes
  }
  return files.slice(from)
}

/** Whether the worker has no folder that lasts. */
export const isFresh = (saved: Saved): boolean => saved.items === 0 && saved.events.length === 0

/** Writes the lines behind what counts and syncs; answers what counts now. */
export const save = Effect.fnUntraced(function* (
  disk: Disk,
  folder: string,
  saved: Saved,
  lines: { readonly items: Lines; readonly events: Lines },
  retention: Retention
): Effect.fn.Return<Saved, DiskFailure> {
  if (isFresh(saved)) yield* disk.makeFolder(folder)
  const { items, itemBytes } = yield* appendItems(disk, folder, saved, lines.items)
  const events = yield* appendEvents(disk, folder, saved, lines.events, retention)
  const named = (saved.items === 0 && items > 0) || events.length > saved.events.length
  if (named) yield* disk.syncFolder(folder)
  return { items, itemBytes, events: retained(events, retention) }
})
