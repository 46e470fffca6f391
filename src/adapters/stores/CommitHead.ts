/**
 * First line of a commit's record: the worker after it. It is whole in a worker's first record, and else only what the
 * commit changed, so that an event of a worker with 256 KiB of waiting inputs does not write them all again.
 */
import { Option, Schema } from "effect"
import { Worker } from "../../domain/Worker.ts"
import type { Commit, StoredWorker } from "../../domain/WorkerStore.ts"
import { StoredReceipt } from "./ReceiptFiles.ts"

const Whole = Schema.Struct({
  worker: Worker,
  log_epoch: Schema.String,
  receipt: Schema.optionalKey(StoredReceipt)
})

const Changes = Schema.Struct({
  /** Order number of the worker's record before, which the changes are to. */
  base: Schema.Int,
  /** Members of the worker with their new values; both counts are always among them. */
  changed: Schema.StructWithRest(Schema.Struct({ last_event_id: Schema.Int, transcript_len: Schema.Int }), [
    Schema.Record(Schema.String, Schema.Unknown)
  ]),
  removed: Schema.optionalKey(Schema.Array(Schema.String)),
  receipt: Schema.optionalKey(StoredReceipt)
})

export const CommitHead = Schema.Union([Whole, Changes])
export type CommitHead = typeof CommitHead.Type

export const decode = Schema.decodeUnknownOption(Schema.fromJsonString(CommitHead))
const decodeWorker = Schema.decodeUnknownOption(Worker)

/** @param known the worker before, and its last record; absent when the whole worker is to be written */
export const encode = (
  { worker, log_epoch, receipt }: Commit,
  known?: { readonly stored: StoredWorker; readonly lsn: number }
): string => {
  if (known === undefined) return JSON.stringify({ worker, log_epoch, receipt })
  const before: Readonly<Record<string, unknown>> = known.stored.worker
  const after: Readonly<Record<string, unknown>> = worker
  const { last_event_id, transcript_len } = worker
  // Put together by hand: most commits change nothing but the counts.
  let json = `{"base":${known.lsn},"changed":{"last_event_id":${last_event_id},"transcript_len":${transcript_len}`
  for (const key in after) {
    const value = after[key]
    if (value === before[key] || key === "last_event_id" || key === "transcript_len") continue
    const encoded = JSON.stringify(value) as string | undefined
    if (encoded !== undefined) json += `,"${key}":${encoded}`
  }
  json += "}"
  // JSON leaves out what is undefined: that is as good as gone.
  let removed: Array<string> | undefined
  for (const key in before) if (before[key] !== undefined && after[key] === undefined) (removed ??= []).push(key)
  if (removed !== undefined) json += `,"removed":${JSON.stringify(removed)}`
  if (receipt !== undefined) json += `,"receipt":${JSON.stringify(receipt)}`
  return `${json}}`
}

/** How many events and items the worker has with this commit. */
export const counts = (head: CommitHead): { readonly last_event_id: number; readonly transcript_len: number } =>
  "worker" in head ? head.worker : head.changed

export interface Applied {
  readonly stored: StoredWorker
  /** False when the changes are to another record than the last one that is known: the worker is damaged. */
  readonly complete: boolean
}

/** The worker with the commit. */
export const apply = (
  head: CommitHead,
  known: { readonly stored: StoredWorker; readonly lsn: number } | undefined
): Applied => {
  if ("worker" in head) return { stored: { worker: head.worker, log_epoch: head.log_epoch }, complete: true }
  const gone = new Set(head.removed)
  const kept = Object.entries(known?.stored.worker ?? {}).filter(([key]) => !gone.has(key))
  const merged = { ...Object.fromEntries(kept), ...head.changed }
  const log_epoch = known?.stored.log_epoch ?? ""
  const worker = decodeWorker(merged)
  if (known?.lsn === head.base && Option.isSome(worker))
    return { stored: { worker: worker.value, log_epoch }, complete: true }
  // What is known of it is set aside for a person to look at, and never used.
  return { stored: { worker: merged as unknown as Worker, log_epoch }, complete: false }
}
