/** Brings the store back: the catalogue, then the log on top of it, then a look at whether every worker has its files. */
import { randomBytes } from "node:crypto"
import { dirname } from "node:path"
import { Effect, Option, Schema } from "effect"
import { ConfigBundle } from "../../domain/ConfigBundle.ts"
import type { Receipt } from "../../domain/WorkerStore.ts"
import * as Catalogue from "./Catalogue.ts"
import * as CommitHead from "./CommitHead.ts"
import { type Disk, DiskFailure } from "./Disk.ts"
import type { Folders } from "./Folders.ts"
import { Lines } from "./Lines.ts"
import { kinds } from "./LogRecord.ts"
import { linesOf, replay, type Replay, type Replayed } from "./LogReplay.ts"
import type { Target } from "./LogWriter.ts"
import { setAside } from "./SetAside.ts"
import {
  folderName,
  lastSavedEvent,
  nothingSaved,
  report,
  type StoreState,
  type WorkerEntry,
  workerOfFolder
} from "./StoreState.ts"
import * as WorkerFiles from "./WorkerFiles.ts"

const decodeBundle = Schema.decodeUnknownOption(Schema.fromJsonString(ConfigBundle))

const reasons = {
  record: "Its record in the catalogue cannot be read.",
  lost: "A change of it in the log cannot be read.",
  gap: "A part of its history is missing.",
  files: "Its files are missing or shorter than they were."
} as const

const fromCatalogue = (catalogue: Catalogue.Catalogue | undefined): StoreState => {
  const workers = new Map<string, WorkerEntry>()
  for (const [id, line] of catalogue?.workers ?? []) {
    const { worker, log_epoch, lsn, born, items, item_bytes: itemBytes, events } = line
    const saved = { items, itemBytes, events }
    workers.set(id, {
      stored: { worker, log_epoch },
      lsn,
      born,
      saved,
      items: new Lines(),
      events: new Lines(),
      unsaved: 0
    })
  }
  return {
    format: catalogue?.head.format ?? 0,
    epoch: catalogue?.head.epoch ?? randomBytes(8).toString("hex"),
    workers,
    bundles: catalogue?.bundles ?? new Map(),
    damaged: catalogue?.damaged ?? new Map(),
    receipts: [],
    receiptFiles: catalogue?.head.receipts ?? [],
    forgotten: catalogue?.head.forgotten ?? 0,
    unsaved: 0,
    discarded: new Set(),
    generation: catalogue?.head.generation ?? 0,
    findings: []
  }
}

const applyCommit = (state: StoreState, record: Replayed): void => {
  const lines = linesOf(record)
  const decoded = lines.length === 0 ? Option.none() : CommitHead.decode(lines.text(0))
  if (Option.isNone(decoded)) {
    state.damaged.set(record.id, reasons.lost)
    return
  }
  const head = decoded.value
  if (head.receipt !== undefined) state.receipts.push(head.receipt satisfies Receipt)
  const known = state.workers.get(record.id)
  // Of a worker that was removed and created again since: the catalogue knows the new one already.
  if (known !== undefined && record.lsn < known.born) return
  const isNew = known === undefined || record.lsn > known.lsn
  const { stored, complete } = isNew ? CommitHead.apply(head, known) : { stored: known.stored, complete: true }
  const entry = known ?? {
    stored,
    lsn: 0,
    born: record.lsn,
    saved: nothingSaved,
    items: new Lines(),
    events: new Lines(),
    unsaved: 0
  }
  state.workers.set(record.id, entry)
  const { saved } = entry
  const { last_event_id: lastEvent, transcript_len: lastItem } = CommitHead.counts(head)
  // What is behind the saved part already is skipped, whether it came from a file or from an earlier record.
  const knownEvents = lastSavedEvent(saved) + entry.events.length
  const knownItems = saved.items + entry.items.length
  const oldEvents = Math.max(0, record.events - Math.max(0, lastEvent - knownEvents))
  const oldItems = Math.max(0, record.items - Math.max(0, lastItem - knownItems))
  const newEvents = lines.slice(1 + oldEvents, 1 + record.events)
  const newItems = lines.slice(1 + record.events + oldItems)
  const gap = knownEvents + newEvents.length < lastEvent || knownItems + newItems.length < lastItem
  if (gap || !complete) state.damaged.set(record.id, reasons.gap)
  entry.events.append(newEvents)
  entry.items.append(newItems)
  const bytes = record.end - record.start
  entry.unsaved += bytes
  state.unsaved += bytes
  if (isNew) {
    entry.stored = stored
    entry.lsn = record.lsn
  }
}

const applyRemove = (state: StoreState, { id, lsn }: Replayed): void => {
  const entry = state.workers.get(id)
  if (entry !== undefined && entry.born > lsn) return
  state.damaged.delete(id)
  if (entry === undefined) return
  state.workers.delete(id)
  state.unsaved -= entry.unsaved
  state.discarded.add(folderName(id, entry.born))
}

const applyLog = (state: StoreState, { records, losses }: Replay): void => {
  const lost = losses.flatMap(({ head, acknowledged }) => (acknowledged && head?.kind === kinds.commit ? [head] : []))
  lost.sort((a, b) => a.lsn - b.lsn)
  for (const record of records) {
    while (lost[0] !== undefined && lost[0].lsn < record.lsn) state.damaged.set(lost.shift()!.id, reasons.lost)
    if (record.kind === kinds.commit) applyCommit(state, record)
    else if (record.kind === kinds.remove) applyRemove(state, record)
    else if (record.kind === kinds.bundle) {
      const lines = linesOf(record)
      const bundle = lines.length === 0 ? Option.none() : decodeBundle(lines.text(0))
      if (Option.isSome(bundle)) state.bundles.set(bundle.value.id, bundle.value)
    }
  }
  for (const { id } of lost) state.damaged.set(id, reasons.lost)
}

const reportLosses = (state: StoreState, { losses }: Replay): void => {
  const torn = losses.some(({ acknowledged }) => !acknowledged)
  if (torn) {
    report(state, {
      code: "store.tail_truncated",
      severity: "info",
      message: "The end of the log was cut off in mid-write and has been truncated. Nothing acknowledged was in it."
    })
  }
  const unknown = losses.filter(({ head, acknowledged }) => acknowledged && head?.kind !== kinds.commit).length
  if (unknown > 0) {
    report(state, {
      code: "store.log_damaged",
      severity: "error",
      message: `${unknown} damaged places in the log: changes were lost, and of which worker cannot be told.`
    })
  }
}

/** Workers whose files are not there. Costs the same however long they are. */
const checkFiles = Effect.fnUntraced(function* (disk: Disk, folders: Folders, state: StoreState) {
  const expected: Array<readonly [id: string, path: string, bytes: number]> = []
  for (const [id, { born, saved }] of state.workers) {
    const folder = `${folders.workers}/${folderName(id, born)}`
    if (saved.items > 0) {
      expected.push([id, WorkerFiles.itemsPath(folder), saved.itemBytes])
      expected.push([id, WorkerFiles.indexPath(folder), saved.items * WorkerFiles.indexEntryBytes])
    }
    for (const { first, bytes } of saved.events) expected.push([id, WorkerFiles.eventsPath(folder, first), bytes])
  }
  const sizes = yield* disk.sizes(expected.map(([, path]) => path))
  for (const [index, [id, , bytes]] of expected.entries()) {
    if ((sizes[index] ?? -1) < bytes && !state.damaged.has(id)) state.damaged.set(id, reasons.files)
  }
})

/** Folders that nobody knows: of a worker whose record is lost when some are, of a removed worker otherwise. */
const checkFolders = Effect.fnUntraced(function* (
  disk: Disk,
  folders: Folders,
  state: StoreState,
  recordsLost: boolean
) {
  const known = new Set(Array.from(state.workers, ([id, { born }]) => folderName(id, born)))
  const strangers = (yield* disk.list(folders.workers)).filter((name) => !known.has(name))
  for (const name of strangers) {
    const id = workerOfFolder(name)
    if (state.discarded.has(name) || (!recordsLost && !state.damaged.has(id))) {
      state.discarded.add(name)
      continue
    }
    if (!state.workers.has(id)) state.damaged.set(id, state.damaged.get(id) ?? reasons.record)
    yield* Effect.ignore(setAside(disk, folders, name, undefined))
  }
})

const isolate = Effect.fnUntraced(function* (disk: Disk, folders: Folders, state: StoreState) {
  for (const [id, reason] of state.damaged) {
    report(state, { code: "store.worker_damaged", severity: "error", message: `Worker ${id} was set aside. ${reason}` })
    const entry = state.workers.get(id)
    if (entry === undefined) continue
    state.workers.delete(id)
    state.unsaved -= entry.unsaved
    yield* Effect.ignore(setAside(disk, folders, folderName(id, entry.born), entry))
  }
})

/** A folder that others own and that this process may only pass through: it was there before. */
const unreadable = ({ code }: DiskFailure): boolean => code === "EACCES" || code === "EPERM"

/** The folders that a new store's own folder is in: its name has to last as well, and they may be new too. */
const above = (root: string): ReadonlyArray<string> => {
  const parent = dirname(root)
  return parent === root ? [] : [parent, ...above(parent)]
}

export interface Recovered {
  readonly state: StoreState
  readonly last: Target
  /** Something was repaired that a checkpoint has to make lasting. */
  readonly repaired: boolean
}

export const recover = Effect.fnUntraced(function* (disk: Disk, folders: Folders) {
  for (const folder of [folders.root, folders.log, folders.workers, folders.receipts]) yield* disk.makeFolder(folder)
  const catalogue = yield* Catalogue.read(disk, folders.root)
  if (catalogue !== undefined && catalogue.head.format > Catalogue.format) {
    return yield* new DiskFailure({ operation: "open", code: "NEWER_FORMAT" })
  }
  const state = fromCatalogue(catalogue)
  const before = state.damaged.size
  const { lsn, batch, segment } = catalogue?.head ?? { lsn: 0, batch: 0, segment: 0 }
  const log = yield* replay(disk, folders.log, { lsn, batch, segment })
  applyLog(state, log)
  reportLosses(state, log)
  const fresh = catalogue === undefined && log.records.length === 0
  const recordsLost = catalogue === undefined ? !fresh || state.workers.size > 0 : !catalogue.complete
  yield* checkFiles(disk, folders, state)
  yield* checkFolders(disk, folders, state, recordsLost || catalogue === undefined)
  yield* isolate(disk, folders, state)
  if (catalogue === undefined && (log.records.length > 0 || state.damaged.size > 0)) {
    report(state, {
      code: "store.catalogue_lost",
      severity: "error",
      message: "The list of what the store holds is gone. What only it knew has been set aside."
    })
  }
  // The epoch lasts from here on.
  if (catalogue === undefined) {
    for (const folder of [folders.root, folders.log, folders.workers, folders.receipts]) yield* disk.syncFolder(folder)
    for (const folder of above(folders.root))
      yield* disk.syncFolder(folder).pipe(Effect.catchIf(unreadable, () => Effect.void))
    yield* Catalogue.write(disk, folders.root, state, { lsn, batch, segment })
  }
  const recovered: Recovered = {
    state,
    last: log.last,
    repaired: log.losses.length > 0 || state.damaged.size > before || recordsLost
  }
  return recovered
})
