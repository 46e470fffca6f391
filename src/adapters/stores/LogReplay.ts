/**
 * Reads the log back: every whole record that counts, in order, and what was lost in between. A batch whose sync never
 * returned may have left any part of itself; that is a torn end and nobody was told otherwise. A record that is missing
 * before a later batch was acknowledged once, and that is damage.
 */
import { Effect, Option, Schema } from "effect"
import type { Disk, DiskFailure } from "./Disk.ts"
import { Lines } from "./Lines.ts"
import { type Found, at, kinds, next } from "./LogRecord.ts"
import { SegmentHead, segmentName, segmentNumber } from "./LogSegment.ts"
import type { Target } from "./LogWriter.ts"

export interface Replayed extends Found {
  readonly buffer: Buffer
}

/** A stretch of a segment that holds no whole record. */
export interface Loss {
  /** Whose record it was, and which, when its head could still be read. */
  readonly head: Found | undefined
  /** It had been acknowledged. */
  readonly acknowledged: boolean
}

export interface Replay {
  readonly records: ReadonlyArray<Replayed>
  readonly losses: ReadonlyArray<Loss>
  /** Highest numbers in use. */
  readonly last: Target
}

interface Gap {
  readonly start: number
  readonly head: Found | undefined
  /** The batch it belongs to, or the latest that it can belong to. */
  readonly batch: number
}

interface Segment {
  readonly number: number
  readonly buffer: Buffer
  readonly head: typeof SegmentHead.Type | undefined
  readonly records: ReadonlyArray<Found>
  readonly gaps: ReadonlyArray<Gap>
  /** Where the torn end starts, if there is one. */
  readonly torn: number | undefined
}

const decodeHead = Schema.decodeUnknownOption(Schema.fromJsonString(SegmentHead))
const newline = 0x0a

/** The lines of a record's body, the head line first. */
export const linesOf = ({ buffer, bodyStart, end }: Replayed): Lines => {
  const lines = new Lines()
  for (let start = bodyStart; start < end;) {
    const found = buffer.indexOf(newline, start)
    const stop = found < 0 || found >= end ? end : found + 1
    lines.push(buffer, start, stop)
    start = stop
  }
  return lines
}

const zeros = Buffer.alloc(65_536)

const blank = (buffer: Buffer, from: number): boolean => {
  for (let start = from; start < buffer.length; start += zeros.length) {
    const part = buffer.subarray(start, start + zeros.length)
    if (!part.equals(zeros.subarray(0, part.length))) return false
  }
  return true
}

const nextWhole = (buffer: Buffer, from: number, last: number): Found | undefined => {
  let found = next(buffer, from)
  while (found !== undefined && !(found.whole && found.lsn > last)) found = next(buffer, found.start + 1)
  return found
}

const scan = (number: number, buffer: Buffer): Segment => {
  const records: Array<Found> = []
  const gaps: Array<Gap> = []
  let torn: number | undefined
  let last = -1
  let position = 0
  while (position < buffer.length) {
    const found = at(buffer, position)
    if (found !== undefined && found.whole && found.lsn > last) {
      records.push(found)
      last = found.lsn
      position = found.end
      continue
    }
    const after = nextWhole(buffer, position + 1, last)
    if (after === undefined) {
      // The end; what was written in advance and never used is zeros.
      if (!blank(buffer, position)) {
        torn = position
        gaps.push({ start: position, head: found, batch: found?.batch ?? Number.MAX_SAFE_INTEGER })
      }
      break
    }
    gaps.push({ start: position, head: found, batch: found?.batch ?? after.batch })
    position = after.start
  }
  const first = records[0]
  const opened = first?.kind === kinds.segment ? records.shift() : undefined
  const head =
    opened === undefined
      ? undefined
      : Option.getOrUndefined(decodeHead(buffer.toString("utf8", opened.bodyStart, opened.end)))
  const end = torn ?? position
  // The file is shorter than it was made, and nothing but its end can be missing.
  if (torn === undefined && head !== undefined && buffer.length < head.prepared) torn = end
  return { number, buffer, head, records, gaps, torn }
}

/**
 * Takes the torn end off, so that the next start does not find it again, and syncs: what is built on from here on may
 * so far have been in the memory of the machine only, when the process before was killed in mid-commit.
 */
const settle = (disk: Disk, folder: string, { number, torn }: Segment): Effect.Effect<void, DiskFailure> =>
  Effect.flatMap(disk.open(`${folder}/${segmentName(number)}`, "write"), (file) =>
    Effect.ensuring(Effect.andThen(torn === undefined ? Effect.void : file.truncate(torn), file.sync), file.close)
  )

/** @param from what the catalogue already has */
export const replay = Effect.fnUntraced(function* (disk: Disk, folder: string, from: Target) {
  const numbers = (yield* disk.list(folder))
    .map(segmentNumber)
    .filter((number) => number !== undefined)
    .toSorted((a, b) => a - b)
  const segments: Array<Segment> = []
  for (const number of numbers) segments.push(scan(number, yield* disk.readFile(`${folder}/${segmentName(number)}`)))
  const records: Array<Replayed> = []
  const losses: Array<Loss> = []
  let lastBatch = 0
  for (const segment of segments) for (const record of segment.records) lastBatch = Math.max(lastBatch, record.batch)
  /** The last record that is accounted for, be it as lost. */
  let highest = from.lsn
  for (const [index, segment] of segments.entries()) {
    // A record that this segment builds on has gone, with all that told whose it was.
    if (segment.head !== undefined && segment.head.base > highest) losses.push({ head: undefined, acknowledged: true })
    // What a later segment does not build on was refused when it was written.
    const limit = segments.slice(index + 1).find(({ head }) => head !== undefined)?.head?.base ?? Infinity
    const floor = Math.max(from.lsn, records.at(-1)?.lsn ?? 0)
    for (const found of segment.records) {
      if (found.lsn > floor && found.lsn <= limit) records.push({ ...found, buffer: segment.buffer })
    }
    highest = Math.max(highest, records.at(-1)?.lsn ?? 0)
    for (const { head, batch } of segment.gaps) {
      if (head !== undefined && (head.lsn > limit || head.lsn <= from.lsn)) continue
      if (head === undefined && limit <= from.lsn) continue
      losses.push({ head, acknowledged: lastBatch > batch || (head !== undefined && limit !== Infinity) })
      if (head !== undefined) highest = Math.max(highest, head.lsn)
    }
    if (index === segments.length - 1) {
      if (segment.torn !== undefined && segment.gaps.every(({ start }) => start !== segment.torn)) {
        losses.push({ head: undefined, acknowledged: false })
      }
      yield* settle(disk, folder, segment)
    }
  }
  const last: Target = {
    lsn: Math.max(
      from.lsn,
      ...segments.map(({ records, head }) => Math.max(records.at(-1)?.lsn ?? 0, head?.base ?? 0))
    ),
    batch: Math.max(from.batch, lastBatch),
    segment: Math.max(from.segment, ...numbers)
  }
  return { records, losses, last } satisfies Replay
})
