/** What the file store knows in memory: every worker's head, where its past is, and the part of it only the log has. */
import type { ConfigBundle } from "../../domain/ConfigBundle.ts"
import type { Diagnostic } from "../../domain/Diagnostic.ts"
import type { Receipt, StoredWorker } from "../../domain/WorkerStore.ts"
import type { Lines } from "./Lines.ts"

/** One file of events: the numbers in it and its length that counts, in bytes. */
export interface EventFile {
  readonly first: number
  readonly last: number
  readonly bytes: number
}

/** What of a worker is in its own files, synced. */
export interface Saved {
  readonly items: number
  readonly itemBytes: number
  readonly events: ReadonlyArray<EventFile>
}

export const nothingSaved: Saved = { items: 0, itemBytes: 0, events: [] }

export interface WorkerEntry {
  stored: StoredWorker
  /** Log record of the last change. */
  lsn: number
  /** Log record that created it: a worker that is removed and created again gets another folder. */
  readonly born: number
  saved: Saved
  /** Follow the saved ones without a gap. */
  items: Lines
  events: Lines
  /** Bytes of the log that hold them. */
  unsaved: number
}

export const lastSavedEvent = (saved: Saved): number => saved.events.at(-1)?.last ?? 0

/** Name of the worker's folder. The suffix keeps ids apart that differ in case only, on a disk that does not. */
export const folderName = (worker_id: string, born: number): string => `${worker_id}~${born.toString(36)}`

export const workerOfFolder = (name: string): string => name.slice(0, name.lastIndexOf("~"))

/** A file of receipts that were written by one checkpoint. */
export interface ReceiptFile {
  readonly name: string
  readonly count: number
  /** When the last of them expires, in milliseconds since the epoch. */
  readonly expires_at: number
}

export interface StoreState {
  /** Of the catalogue on disk: a version that knows an older one only must not find records that it cannot read. */
  format: number
  readonly epoch: string
  readonly workers: Map<string, WorkerEntry>
  readonly bundles: Map<string, ConfigBundle>
  /** Reason by worker id; stays until the worker is removed. */
  readonly damaged: Map<string, string>
  /** Receipts that only the log has, oldest first. */
  receipts: Array<Receipt>
  receiptFiles: ReadonlyArray<ReceiptFile>
  /** Receipts that were dropped before they expired. */
  forgotten: number
  /** Bytes of the log that are in no worker's files yet. */
  unsaved: number
  /** Removed workers whose folder is still there. */
  readonly discarded: Set<string>
  /** Grows by one with each catalogue that is written. */
  generation: number
  /** What was found at start. */
  readonly findings: Array<Diagnostic>
}

/** The most findings that are kept; what is found beyond is of the same kind. */
export const maxFindings = 100

export const report = (state: StoreState, finding: Diagnostic): void => {
  if (state.findings.length < maxFindings) state.findings.push(finding)
}
