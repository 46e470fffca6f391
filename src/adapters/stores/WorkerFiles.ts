/**
 * The files of one worker: `items` (one JSON line each), `index` (where each ends, and its checksum) and `events.<first>`.
 * They are only ever written behind what the catalogue says counts, so writing again after a failure or a restart is
 * harmless, and a page is two reads however long the transcript is.
 */
import { crc32 } from "node:zlib"
import { Effect } from "effect"
import * as CheckedLines from "./CheckedLines.ts"
import type { Disk, DiskFailure } from "./Disk.ts"
import type { Line } from "./LogBatch.ts"
import type { Retention } from "./Retention.ts"
import { type EventFile, lastSavedEvent, type Saved } from "./StoreState.ts"
import { writeAll } from "./WholeWrite.ts"

/** End of the item as u48, then its CRC-32; 2 bytes stay free. Little endian. */
export const indexEntryBytes = 12

export const itemsPath = (folder: string): string => `${folder}/items`
export const indexPath = (folder: string): string => `${folder}/index`
export const eventsPath = (folder: string, first: number): string => `${folder}/events.${first}`

/** Retained events are spread over this many files, and dropped a file at a time. */
export const eventFiles = 4

const append = (disk: Disk, path: string, bytes: Uint8Array, position: number) =>
  Effect.flatMap(disk.open(path, "write"), (file) =>
    Effect.ensuring(Effect.andThen(writeAll(file, [bytes], position), file.sync), file.close)
  )

const bytesOf = ({ buffer, start, end }: Line): Buffer => buffer.subarray(start, end)

const appendItems = Effect.fnUntraced(function* (disk: Disk, folder: string, saved: Saved, lines: ReadonlyArray<Line>) {
  if (lines.length === 0) return saved
  const index = Buffer.alloc(lines.length * indexEntryBytes)
  let end = saved.itemBytes
  const parts = lines.map((line, position) => {
    const bytes = bytesOf(line)
    end += bytes.length
    index.writeUIntLE(end, position * indexEntryBytes, 6)
    index.writeUInt32LE(crc32(bytes), position * indexEntryBytes + 6)
    return bytes
  })
  yield* append(disk, itemsPath(folder), Buffer.concat(parts), saved.itemBytes)
  yield* append(disk, indexPath(folder), index, saved.items * indexEntryBytes)
  return { ...saved, items: saved.items + lines.length, itemBytes: end }
})

const room = (retention: Retention, file: EventFile): boolean =>
  file.last - file.first + 1 < retention.maxEvents / eventFiles && file.bytes < retention.maxEventBytes / eventFiles

const appendEvents = Effect.fnUntraced(function* (
  disk: Disk,
  folder: string,
  saved: Saved,
  lines: ReadonlyArray<Line>,
  retention: Retention
) {
  const files = [...saved.events]
  let from = 0
  let number = lastSavedEvent(saved)
  while (from < lines.length) {
    const last = files.at(-1)
    const start: EventFile =
      last !== undefined && room(retention, last) ? files.pop()! : { first: number + 1, last: number, bytes: 0 }
    const chosen: Array<Buffer> = []
    let { bytes } = start
    while (from < lines.length && (bytes === 0 || room(retention, { ...start, last: number, bytes }))) {
      const json = bytesOf(lines[from++]!)
      chosen.push(json)
      bytes += CheckedLines.prefixBytes + json.length
      number += 1
    }
    const file = Buffer.allocUnsafe(bytes - start.bytes)
    let at = 0
    for (const json of chosen) at = CheckedLines.place(file, at, json)
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

/** Writes the lines behind what counts and syncs; answers what counts now. */
export const save = Effect.fnUntraced(function* (
  disk: Disk,
  folder: string,
  saved: Saved,
  lines: { readonly items: ReadonlyArray<Line>; readonly events: ReadonlyArray<Line> },
  retention: Retention
): Effect.fn.Return<Saved, DiskFailure> {
  yield* disk.makeFolder(folder)
  const { items, itemBytes } = yield* appendItems(disk, folder, saved, lines.items)
  const events = yield* appendEvents(disk, folder, saved, lines.events, retention)
  yield* disk.syncFolder(folder)
  return { items, itemBytes, events: retained(events, retention) }
})
