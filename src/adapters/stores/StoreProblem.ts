/** What a caller is told when the disk fails: what is wrong and what to do, never where. */
import * as Problem from "../../domain/Problem.ts"
import type { StoreProblem } from "../../domain/WorkerStore.ts"
import type { DiskFailure } from "./Disk.ts"

const full = "The disk of the runtime's store is full."
const unwritable = "The runtime may not write to its store."
const locked = "Another process uses this store. Stop it, or choose another folder."
const newer = "The store was written by a newer version. Start that version, or choose another folder."

const known: Record<string, readonly [detail: string, reason: string]> = {
  ENOSPC: [full, "full"],
  EDQUOT: [full, "full"],
  EFBIG: [full, "full"],
  EROFS: [unwritable, "read_only"],
  EACCES: [unwritable, "read_only"],
  EPERM: [unwritable, "read_only"],
  LOCKED: [locked, "locked"],
  CLOSED: ["The runtime's store is closed.", "closed"],
  TOO_LARGE: ["The change is larger than the store takes.", "too_large"]
}

export const fromDisk = (failure: DiskFailure): StoreProblem => {
  if (failure.code === "ENOENT" || failure.code === "ENOTDIR") return Problem.make("store_missing")
  if (failure.code === "NEWER_FORMAT") return Problem.make("store_corrupt", newer, { reason: "newer_format" })
  const [detail, reason] = known[failure.code] ?? [undefined, "disk"]
  return Problem.make("store_io", detail, { reason })
}

export const corrupt = (worker_id: string): StoreProblem => Problem.make("store_corrupt", undefined, { worker_id })
