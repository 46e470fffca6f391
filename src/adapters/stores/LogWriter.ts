/**
 * The log that makes commits durable: one fiber, one file, one sync for all that came while the sync before was running.
 *
 * After a failed write nothing more is acknowledged on that file: a second one may answer that all is well when it is
 * not. The next batch starts a new segment, and first waits for a checkpoint to put all that was ever acknowledged
 * elsewhere.
 */
import { Effect, type Scope } from "effect"
import { type Disk, DiskFailure } from "./Disk.ts"
import { type Draft, type Encoded, LogArena, LogBatch } from "./LogBatch.ts"
import { type LogSegment, type Spare, create, prepareSpare, segmentName } from "./LogSegment.ts"
import { writeAll } from "./WholeWrite.ts"

/** Called when the record is durable, or with why it is not. Must not throw or block. */
export type Settle = (failure: DiskFailure | undefined) => void

/** All records up to `lsn`, which are in segments before `segment`. */
export interface Target {
  readonly lsn: number
  readonly batch: number
  readonly segment: number
}

export interface Options {
  readonly disk: Disk
  readonly folder: string
  /** Numbers to go on from. */
  readonly last: Target
  /** Size of the first segment in bytes; each next one is twice as large, up to `maxSegmentBytes`. */
  readonly firstSegmentBytes: number
  readonly maxSegmentBytes: number
  /** Bytes of commits that no checkpoint has taken yet. */
  readonly unsaved: () => number
  /** Commits wait for a checkpoint while more than this is unsaved. */
  readonly maxUnsavedBytes: number
  /** Puts everything up to the target into the workers' files and drops the segments before it. */
  readonly checkpoint: (target: Target) => Effect.Effect<void, DiskFailure>
}

/** The largest record that is taken, in bytes of JSON: far above any input, far below what would exhaust memory. */
export const maxRecordBytes = 67_108_864

const turn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

export class LogWriter {
  readonly #options: Options
  readonly #arena = new LogArena()
  #batch: LogBatch<Settle>
  /** The number that the last encoded record has. */
  #lsn: number
  /** What is durable, and in which segment. */
  #acked: Target
  #segment: LogSegment | undefined
  #capacity: number
  /** Set after a failed write of a batch until a checkpoint has made the past safe. */
  #doubt = false
  #failure: DiskFailure | undefined
  #spare: Spare | undefined
  #preparing = false
  /** Segment for which no spare could be made. */
  #withoutSpare = 0
  #rotateSoon = false
  #closing = false
  #wake: (() => void) | undefined

  private constructor(options: Options) {
    this.#options = options
    this.#acked = options.last
    this.#lsn = options.last.lsn
    this.#batch = new LogBatch(options.last.batch + 1, this.#arena)
    this.#capacity = options.firstSegmentBytes
  }

  /** Opens a new segment and starts. The scope's end does not flush: `close` does. */
  static readonly open = (options: Options): Effect.Effect<LogWriter, DiskFailure, Scope.Scope> =>
    Effect.gen(function* () {
      const log = new LogWriter(options)
      yield* log.#open
      return log
    })

  /** Why the last batch failed, while nothing can be acknowledged. */
  get failure(): DiskFailure | undefined {
    return this.#failure
  }
  get acked(): Target {
    return this.#acked
  }

  /** Encodes the record into the batch that is written next. */
  append(draft: Draft, settle: Settle): Encoded | undefined {
    let length = draft.head.length
    for (const line of draft.lines) length += line.length
    if (this.#closing || length > maxRecordBytes) {
      settle(new DiskFailure({ operation: "append", code: this.#closing ? "CLOSED" : "TOO_LARGE" }))
      return undefined
    }
    const encoded = this.#batch.add(draft, ++this.#lsn, settle)
    this.#awake()
    return encoded
  }

  /** Starts a new segment, and with it a checkpoint, as soon as what is under way is done. */
  rotateSoon(): void {
    this.#rotateSoon = true
    this.#awake()
  }

  /** The loop; it ends after `close` when all is settled. */
  readonly run: Effect.Effect<void, never, Scope.Scope> = Effect.suspend(() => this.#loop)

  /** Takes no more and lets the loop end. */
  close(): void {
    this.#closing = true
    this.#awake()
  }

  readonly release: Effect.Effect<void> = Effect.suspend(() =>
    Effect.all([this.#segment?.file.close ?? Effect.void, this.#spare?.file.close ?? Effect.void], { discard: true })
  )

  #awake(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  get #idle(): boolean {
    return this.#batch.entries.length === 0 && !this.#rotateSoon && !this.#closing
  }

  readonly #sleep = Effect.callback<void>((resume) => {
    if (this.#idle) this.#wake = () => resume(Effect.void)
    else resume(Effect.void)
  })

  readonly #loop = Effect.gen({ self: this }, function* () {
    while (true) {
      if (this.#idle) yield* this.#sleep
      // A burst wakes the loop with its first commit; a turn later the others are in the batch, too.
      yield* turn
      if (this.#rotateSoon) {
        this.#rotateSoon = false
        yield* Effect.ignore(this.#rotate())
      }
      const batch = this.#batch
      if (batch.entries.length === 0) {
        if (this.#closing) return
        continue
      }
      this.#batch = new LogBatch(batch.number + 1, this.#arena)
      const failure = yield* this.#store(batch)
      this.#failure = failure
      for (const settle of batch.entries) settle(failure)
      // A batch may lie among the long-lived objects by now; all that its callers made would live as long as it does.
      batch.entries.length = 0
    }
  })

  /** Writes and syncs one batch; answers why that failed. */
  #store(batch: LogBatch<Settle>): Effect.Effect<DiskFailure | undefined, never, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      if (this.#options.unsaved() > this.#options.maxUnsavedBytes) {
        yield* this.#rotate({ background: false })
        yield* this.#options.checkpoint(this.#target())
      }
      const segment = yield* this.#ready(batch.bytes)
      yield* writeAll(segment.file, batch.buffers, segment.position).pipe(this.#orAbandon(true))
      segment.position += batch.bytes
      this.#acked = { lsn: batch.lastLsn, batch: batch.number, segment: segment.number }
      yield* this.#prepareAhead(segment)
      return undefined
    }).pipe(Effect.catch((failure) => Effect.succeed(failure)))
  }

  /** The segment that the next batch goes into. */
  #ready(bytes: number): Effect.Effect<LogSegment, DiskFailure, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      if (this.#segment === undefined) yield* this.#open
      if (this.#doubt) {
        yield* this.#options.checkpoint(this.#target())
        this.#doubt = false
      }
      const segment = this.#segment!
      const fits = segment.position + bytes <= segment.capacity
      // A spare that is on its way is worth waiting for; meanwhile the segment grows.
      if (!fits && !this.#preparing) yield* this.#rotate()
      return this.#segment!
    })
  }

  #target(): Target {
    return { ...this.#acked, segment: this.#segment?.number ?? this.#acked.segment + 1 }
  }

  readonly #open = Effect.gen({ self: this }, function* () {
    const { disk, folder, firstSegmentBytes } = this.#options
    this.#capacity = firstSegmentBytes
    this.#segment = yield* create(disk, folder, {
      number: this.#acked.segment + 1,
      base: this.#acked.lsn,
      capacity: firstSegmentBytes,
      prepare: firstSegmentBytes
    })
    this.#acked = { ...this.#acked, segment: this.#segment.number }
  })

  /** A fresh segment, so that a checkpoint can drop all before it. */
  #rotate({ background = true } = {}): Effect.Effect<void, DiskFailure, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const old = this.#segment
      if (old === undefined) return yield* this.#open
      const spare = this.#spare
      this.#spare = undefined
      this.#capacity = Math.min(this.#options.maxSegmentBytes, this.#capacity * 2)
      const segment = yield* create(this.#options.disk, this.#options.folder, {
        number: old.number + 1,
        base: this.#acked.lsn,
        capacity: spare?.bytes ?? this.#capacity,
        spare
      }).pipe(this.#orAbandon(false))
      this.#segment = segment
      this.#acked = { ...this.#acked, segment: segment.number }
      yield* old.file.close
      if (background) yield* Effect.forkScoped(Effect.ignore(this.#options.checkpoint(this.#target())))
    })
  }

  #prepareAhead(segment: LogSegment): Effect.Effect<void, never, Scope.Scope> {
    const { disk, folder, maxSegmentBytes } = this.#options
    if (segment.position * 2 < segment.capacity || this.#preparing || this.#spare !== undefined) return Effect.void
    if (this.#withoutSpare === segment.number) return Effect.void
    this.#preparing = true
    return prepareSpare(disk, folder, Math.min(maxSegmentBytes, this.#capacity * 2)).pipe(
      Effect.map((spare) => {
        this.#spare = spare
      }),
      Effect.catch(() =>
        Effect.sync(() => {
          this.#withoutSpare = segment.number
        })
      ),
      Effect.ensuring(
        Effect.sync(() => {
          this.#preparing = false
        })
      ),
      Effect.forkScoped,
      Effect.asVoid
    )
  }

  /** Gives the segment up: its end is unknown, and so is, after a failed sync, what the disk has kept of it. */
  #orAbandon(doubt: boolean) {
    return <A>(self: Effect.Effect<A, DiskFailure>): Effect.Effect<A, DiskFailure> =>
      Effect.tapError(self, () =>
        Effect.suspend(() => {
          const segment = this.#segment
          this.#segment = undefined
          this.#doubt ||= doubt
          if (segment === undefined) return Effect.void
          const { disk, folder } = this.#options
          // Gives the room of the refused batch back; not needed for correctness, so it may fail.
          const trim = Effect.flatMap(disk.open(`${folder}/${segmentName(segment.number)}`, "write"), (file) =>
            Effect.ensuring(Effect.andThen(file.truncate(segment.position), file.sync), file.close)
          )
          return Effect.andThen(segment.file.close, Effect.ignore(trim))
        })
      )
  }
}
