/**
 * One file of the log. Its blocks are written before they are needed, because a sync that does not have to record a new
 * length costs two thirds of one that does. Its first record names the last record before it that counts: whatever an
 * earlier segment holds beyond that was never acknowledged.
 */
import { Effect, Schema } from "effect"
import type { Disk, DiskFailure, OpenFile } from "./Disk.ts"
import { LogArena, LogBatch } from "./LogBatch.ts"
import { kinds } from "./LogRecord.ts"
import { writeAll } from "./WholeWrite.ts"

/** Body of a segment's first record. */
export const SegmentHead = Schema.Struct({
  format: Schema.Literal(1),
  /** Order number of the last record before this segment that counts. */
  base: Schema.Int,
  /** Bytes that were written in advance; a shorter file has lost some. */
  prepared: Schema.Int
})

export interface LogSegment {
  readonly number: number
  readonly file: OpenFile
  /** A batch that would end beyond goes into the next segment. */
  readonly capacity: number
  /** End of what was acknowledged. */
  position: number
}

const digits = 10
export const segmentName = (number: number): string => `${String(number).padStart(digits, "0")}.log`
export const segmentNumber = (name: string): number | undefined =>
  /^[0-9]{10}\.log$/.test(name) ? Number(name.slice(0, digits)) : undefined

/** Written, and with that synced, in pieces, so that a commit never waits behind a long sync. */
const zeros = Buffer.alloc(1_048_576)

const fill = Effect.fnUntraced(function* (file: OpenFile, bytes: number) {
  for (let at = 0; at < bytes; at += zeros.length) {
    yield* writeAll(file, [zeros.subarray(0, Math.min(zeros.length, bytes - at))], at)
  }
})

/** A file of zeros that becomes a segment later. */
export interface Spare {
  readonly file: OpenFile
  readonly bytes: number
}

const sparePath = (folder: string): string => `${folder}/spare`

export const prepareSpare = (disk: Disk, folder: string, bytes: number): Effect.Effect<Spare, DiskFailure> =>
  Effect.gen(function* () {
    const file = yield* disk.open(sparePath(folder), "durable")
    yield* file.truncate(0).pipe(
      Effect.andThen(fill(file, bytes)),
      Effect.onError(() => Effect.andThen(file.close, Effect.ignore(disk.remove(sparePath(folder)))))
    )
    return { file, bytes }
  })

export interface Create {
  readonly number: number
  readonly base: number
  readonly capacity: number
  readonly spare?: Spare | undefined
  /** Bytes to write in advance here and now; a disk without room for them is used without. */
  readonly prepare?: number
}

/** Durable, name and all, when it is answered. */
export const create = Effect.fnUntraced(function* (disk: Disk, folder: string, options: Create) {
  const path = `${folder}/${segmentName(options.number)}`
  const { spare } = options
  if (spare !== undefined) yield* Effect.onError(disk.rename(sparePath(folder), path), () => spare.file.close)
  const file = spare?.file ?? (yield* disk.open(path, "durable"))
  return yield* Effect.gen(function* () {
    let prepared = spare?.bytes ?? 0
    if (spare === undefined) {
      yield* file.truncate(0)
      if (options.prepare !== undefined) {
        prepared = yield* fill(file, options.prepare).pipe(
          Effect.as(options.prepare),
          Effect.catch(() => Effect.as(file.truncate(0), 0))
        )
      }
    }
    const head = new LogBatch<undefined>(0, new LogArena(0))
    head.add(
      {
        kind: kinds.segment,
        id: "",
        head: JSON.stringify({ format: 1, base: options.base, prepared } satisfies typeof SegmentHead.Type),
        lines: [],
        events: 0
      },
      options.base,
      undefined
    )
    yield* writeAll(file, head.buffers, 0)
    yield* file.sync
    yield* disk.syncFolder(folder)
    const segment: LogSegment = { number: options.number, file, capacity: options.capacity, position: head.bytes }
    return segment
  }).pipe(Effect.onError(() => file.close))
})
