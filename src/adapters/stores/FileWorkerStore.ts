/** Keeps workers in a folder. What was acknowledged is on disk: one log for all, one sync for all that wait for it. */
import { Clock, Effect, Fiber, Layer, type Scope } from "effect"
import type { Diagnostic } from "../../domain/Diagnostic.ts"
import { type StoreProblem, WorkerStore } from "../../domain/WorkerStore.ts"
import * as Catalogue from "./Catalogue.ts"
import * as Checkpoint from "./Checkpoint.ts"
import * as CommitHead from "./CommitHead.ts"
import { violation } from "./Continuity.ts"
import type { DiskFailure } from "./Disk.ts"
import * as Folders from "./Folders.ts"
import type { Draft, Encoded } from "./LogBatch.ts"
import { IndexPages } from "./IndexPages.ts"
import { Lines } from "./Lines.ts"
import { kinds } from "./LogRecord.ts"
import { LogWriter } from "./LogWriter.ts"
import { OpenFiles } from "./OpenFiles.ts"
import * as ReceiptFiles from "./ReceiptFiles.ts"
import { recover } from "./Recovery.ts"
import { defaultRetention, type Retention } from "./Retention.ts"
import { StoreDisk } from "./StoreDisk.ts"
import { corrupt, fromDisk } from "./StoreProblem.ts"
import { folderName, nothingSaved, type WorkerEntry } from "./StoreState.ts"
import * as WorkerReads from "./WorkerReads.ts"

type Resume = (answer: Effect.Effect<void, StoreProblem>) => void

export interface Options {
  /** The folder; made when it is not there. */
  readonly root: string
  readonly retention?: Partial<Retention>
  /** Size of the log's first segment in bytes. A checkpoint is made for each segment that fills up. */
  readonly firstSegmentBytes?: number
  /** Segments double up to this; it bounds the memory for what no checkpoint has taken, and the time of a restart. */
  readonly maxSegmentBytes?: number
  /** Commits wait while more than this many bytes are in no worker's files yet. */
  readonly maxUnsavedBytes?: number
}

export const defaults = {
  firstSegmentBytes: 1_048_576,
  maxSegmentBytes: 33_554_432,
  maxUnsavedBytes: 100_663_296
} as const

const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<WorkerStore["Service"], DiskFailure, Scope.Scope> {
  const retention = { ...defaultRetention, ...options.retention }
  const folders = Folders.under(options.root)
  const disk = yield* StoreDisk
  yield* disk.makeFolder(folders.root)
  yield* disk.lock(`${folders.root}/lock`)
  const { state, last, repaired } = yield* recover(disk, folders)
  const files = new OpenFiles(disk)
  const pages = new IndexPages()
  const checkpoint = Checkpoint.make(disk, folders, state, files, retention)
  const log = yield* LogWriter.open({
    ...defaults,
    ...options,
    disk,
    folder: folders.log,
    last,
    unsaved: () => state.unsaved,
    checkpoint: checkpoint.run
  })
  const loop = yield* Effect.forkScoped(log.run)
  if (repaired) log.rotateSoon()
  // Runs before the loop is interrupted. After it a restart has nothing to replay.
  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      log.close()
      yield* Fiber.await(loop)
      const { acked } = log
      yield* Effect.ignore(checkpoint.run({ ...acked, segment: acked.segment + 1 }))
      yield* files.closeAll
      yield* log.release
    })
  )

  /** Cannot be interrupted: what is under way is stored, and the caller has to know. */
  const storing = (start: (resume: Resume) => void): Effect.Effect<void, StoreProblem> =>
    Effect.uninterruptible(Effect.callback<void, StoreProblem>(start))

  /** Stores one record; `applied` changes the memory in the same step in which the caller is told. */
  const store = (draft: Draft, resume: Resume, applied: (encoded: Encoded) => void): void => {
    const encoded = log.append(draft, (failure) => {
      if (failure !== undefined) return resume(Effect.fail(fromDisk(failure)))
      applied(encoded!)
      resume(Effect.void)
    })
  }

  const folderOf = ({ stored, born }: WorkerEntry): string =>
    `${folders.workers}/${folderName(stored.worker.worker_id, born)}`

  /** Reads from a worker's files. One that is removed meanwhile has nothing. */
  const reading = <A>(
    worker_id: string,
    read: (entry: WorkerEntry, folder: string) => Effect.Effect<ReadonlyArray<A>, DiskFailure>
  ): Effect.Effect<ReadonlyArray<A>, StoreProblem> =>
    Effect.suspend(() => {
      const entry = state.workers.get(worker_id)
      if (entry === undefined)
        return state.damaged.has(worker_id) ? Effect.fail(corrupt(worker_id)) : Effect.succeed([])
      return read(entry, folderOf(entry)).pipe(
        Effect.catch((failure) => {
          if (state.workers.get(worker_id) !== entry) return Effect.succeed([])
          const gone = failure.code === "ENOENT" || failure.code === WorkerReads.damaged
          return Effect.fail(gone ? corrupt(worker_id) : fromDisk(failure))
        })
      )
    })

  return WorkerStore.of({
    kind: "fs_store",
    epoch: state.epoch,

    load: Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const receipts = yield* ReceiptFiles.read(disk, folders.receipts, state, retention.maxReceipts, now).pipe(
        Effect.mapError(fromDisk)
      )
      return {
        workers: Array.from(state.workers.values(), (entry) => entry.stored),
        damaged: Array.from(state.damaged, ([worker_id, reason]) => ({ worker_id, reason })),
        receipts,
        bundles: Array.from(state.bundles.values())
      }
    }),

    commit: (commit) =>
      storing((resume) => {
        const { worker, log_epoch, events, items, receipt } = commit
        const id = worker.worker_id
        if (state.damaged.has(id)) return resume(Effect.fail(corrupt(id)))
        const known = state.workers.get(id)
        const wrong = violation(known?.stored, commit)
        if (wrong !== undefined) return resume(Effect.die(new Error(wrong)))
        const lines: Array<string> = []
        for (let at = 0; at < events.length; at++) lines.push(JSON.stringify(events[at]))
        for (let at = 0; at < items.length; at++) lines.push(JSON.stringify(items[at]))
        const head = CommitHead.encode(commit, state.format < Catalogue.format ? undefined : known)
        const draft: Draft = { kind: kinds.commit, id, head, lines, events: events.length }
        store(draft, resume, (encoded) => {
          const stored = { worker, log_epoch }
          let entry = state.workers.get(id)
          if (entry === undefined) {
            entry = {
              stored,
              lsn: 0,
              born: encoded.lsn,
              saved: nothingSaved,
              items: new Lines(),
              events: new Lines(),
              unsaved: 0
            }
            state.workers.set(id, entry)
          }
          entry.stored = stored
          entry.lsn = encoded.lsn
          entry.events.pushRun(encoded.buffer, encoded.marks, 0, events.length)
          entry.items.pushRun(encoded.buffer, encoded.marks, events.length, items.length)
          entry.unsaved += encoded.bytes
          state.unsaved += encoded.bytes
          if (receipt !== undefined) state.receipts.push(receipt)
        })
      }),

    transcript: (worker_id, start, limit, maxBytes = Infinity) =>
      reading(worker_id, (entry, folder) =>
        WorkerReads.transcript({ files, pages }, folder, entry, start, limit, maxBytes)
      ),

    events: (worker_id, after, limit) =>
      reading(worker_id, (entry, folder) => WorkerReads.events(files, folder, entry, after, limit, retention)),

    putBundle: (bundle) =>
      storing((resume) => {
        store({ kind: kinds.bundle, id: "", head: JSON.stringify(bundle), lines: [], events: 0 }, resume, () => {
          state.bundles.set(bundle.id, bundle)
        })
      }),

    remove: (worker_id) =>
      storing((resume) => {
        store({ kind: kinds.remove, id: worker_id, head: "{}", lines: [], events: 0 }, resume, () => {
          state.damaged.delete(worker_id)
          const entry = state.workers.get(worker_id)
          if (entry === undefined) return
          state.workers.delete(worker_id)
          state.unsaved -= entry.unsaved
          state.discarded.add(folderName(worker_id, entry.born))
          log.rotateSoon()
        })
      }),

    diagnostics: Effect.sync(() => {
      const now: Array<Diagnostic> = [...state.findings]
      if (log.failure !== undefined) {
        now.push({ code: "store.failed", severity: "error", message: fromDisk(log.failure).detail })
      }
      const late = checkpoint.failure()
      if (late !== undefined) {
        now.push({ code: "store.checkpoint_failed", severity: "warning", message: fromDisk(late).detail })
      }
      if (state.forgotten > 0) {
        now.push({
          code: "store.receipts_forgotten",
          severity: "warning",
          message: `${state.forgotten} idempotency receipts were forgotten before they expired.`
        })
      }
      return now
    })
  })
})

export const layer = (options: Options): Layer.Layer<WorkerStore, StoreProblem> =>
  Layer.effect(WorkerStore, Effect.mapError(make(options), fromDisk))
