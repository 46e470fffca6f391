/**
 * Moves what only the log has into the workers' own files, writes the catalogue, and drops the log before it. Until the
 * catalogue is durable nothing that it replaces is touched, so it may fail or be cut off anywhere.
 */
import { Clock, Effect, Semaphore } from "effect"
import * as Catalogue from "./Catalogue.ts"
import type { Disk, DiskFailure } from "./Disk.ts"
import type { Folders } from "./Folders.ts"
import { segmentNumber } from "./LogSegment.ts"
import type { Target } from "./LogWriter.ts"
import type { OpenFiles } from "./OpenFiles.ts"
import * as ReceiptFiles from "./ReceiptFiles.ts"
import type { Retention } from "./Retention.ts"
import { folderName, type StoreState, type WorkerEntry } from "./StoreState.ts"
import * as WorkerFiles from "./WorkerFiles.ts"

/** Workers whose files are written at the same time: Node has four threads for files, and the log must not wait for one. */
const concurrency = 2

export interface Checkpoint {
  /** Returns when everything up to the target is in its place. One runs at a time; one that is overtaken does nothing. */
  readonly run: (target: Target) => Effect.Effect<void, DiskFailure>
  /** Why the last one failed, or nothing. */
  readonly failure: () => DiskFailure | undefined
}

export const make = (
  disk: Disk,
  folders: Folders,
  state: StoreState,
  files: OpenFiles,
  retention: Retention
): Checkpoint => {
  const mutex = Semaphore.makeUnsafe(1)
  let wanted: Target | undefined
  let failure: DiskFailure | undefined
  /** Files of events that retention let go of, until the catalogue no longer names them. */
  let obsolete: Array<string> = []

  /** There may be a worker's folder whose name is not durable yet. */
  let namesOpen = false

  const saveWorker = Effect.fnUntraced(function* ([id, entry]: readonly [string, WorkerEntry]) {
    const items = entry.items.slice(0)
    const events = entry.events.slice(0)
    const { unsaved } = entry
    const folder = `${folders.workers}/${folderName(id, entry.born)}`
    const before = entry.saved
    const saved = yield* WorkerFiles.save(disk, folder, before, { items, events }, retention)
    for (const { first } of before.events) {
      if (!saved.events.some((file) => file.first === first)) obsolete.push(WorkerFiles.eventsPath(folder, first))
    }
    namesOpen ||= WorkerFiles.isFresh(before)
    entry.saved = saved
    entry.items = entry.items.slice(items.length)
    entry.events = entry.events.slice(events.length)
    entry.unsaved -= unsaved
    if (state.workers.get(id) === entry) state.unsaved -= unsaved
  })

  const sweep = Effect.fnUntraced(function* (target: Target) {
    for (const path of obsolete) yield* disk.remove(path)
    obsolete = []
    for (const folder of Array.from(state.discarded)) {
      const path = `${folders.workers}/${folder}`
      yield* files.forget(path)
      yield* disk.remove(path)
      state.discarded.delete(folder)
    }
    const receipts = new Set(state.receiptFiles.map((file) => file.name))
    for (const name of yield* disk.list(folders.receipts)) {
      if (!receipts.has(name)) yield* disk.remove(`${folders.receipts}/${name}`)
    }
    for (const name of yield* disk.list(folders.log)) {
      const number = segmentNumber(name)
      if (number !== undefined && number < target.segment) yield* disk.remove(`${folders.log}/${name}`)
    }
  })

  const attempt = Effect.fnUntraced(function* (target: Target) {
    const changed = Array.from(state.workers).filter(([, { items, events }]) => items.length + events.length > 0)
    yield* Effect.forEach(changed, saveWorker, { concurrency, discard: true })
    if (namesOpen) yield* disk.syncFolder(folders.workers)
    namesOpen = false
    yield* ReceiptFiles.save(disk, folders.receipts, state, {
      name: `${state.generation + 1}.jsonl`,
      max: retention.maxReceipts,
      now: yield* Clock.currentTimeMillis
    })
    yield* Catalogue.write(disk, folders.root, state, target)
    // What is left over is swept next time.
    yield* Effect.ignore(sweep(target))
  })

  const newest = Effect.suspend(() => {
    const target = wanted
    if (target === undefined) return Effect.void
    return attempt(target).pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          failure = undefined
          if (wanted === target) wanted = undefined
        })
      ),
      Effect.tapError((cause) =>
        Effect.sync(() => {
          failure = cause
        })
      )
    )
  })

  return {
    run: (target) =>
      Effect.suspend(() => {
        if (wanted === undefined || target.segment >= wanted.segment) wanted = target
        return mutex.withPermit(newest)
      }),
    failure: () => failure
  }
}
