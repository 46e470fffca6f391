/**
 * The few file operations the store is made of. Durability is explicit: bytes are kept after `sync`, names after
 * `syncFolder`. Tests put a disk here that fails on demand or forgets what was not synced.
 */
import type { Effect, Scope } from "effect"
import * as Data from "effect/Data"

/** A file operation failed. Never leaves the adapter: `StoreProblem.ts` turns it into a problem without the cause. */
export class DiskFailure extends Data.TaggedError("DiskFailure")<{
  /** POSIX name, for instance `ENOSPC`; `LOCKED` when another process holds the store. */
  readonly code: string
  readonly operation: string
}> {
  override get message(): string {
    return `${this.operation} failed: ${this.code}`
  }
}

export interface OpenFile {
  /** Writes at `position` and answers how many bytes were taken, which may be fewer than given. */
  readonly write: (bytes: ReadonlyArray<Uint8Array>, position: number) => Effect.Effect<number, DiskFailure>
  /** At most `length` bytes from `position`; shorter at the end of the file. */
  readonly read: (position: number, length: number) => Effect.Effect<Buffer, DiskFailure>
  /** fdatasync. */
  readonly sync: Effect.Effect<void, DiskFailure>
  readonly truncate: (length: number) => Effect.Effect<void, DiskFailure>
  readonly close: Effect.Effect<void>
}

/**
 * `write` creates the file with mode 0600 when it is not there, and reads as well. In a file that is opened `durable`,
 * what a write has taken is also synced when it answers: one call where a write and a sync would be two. When such a
 * write fails, nothing is known of what the disk has kept, as after a failed sync.
 */
export type Mode = "read" | "write" | "durable"

export interface Disk {
  readonly open: (path: string, mode: Mode) => Effect.Effect<OpenFile, DiskFailure>
  readonly readFile: (path: string) => Effect.Effect<Buffer, DiskFailure>
  /** Names in a folder, in no order. */
  readonly list: (folder: string) => Effect.Effect<ReadonlyArray<string>, DiskFailure>
  /** Sizes in bytes, undefined for what is not there. */
  readonly sizes: (paths: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<number | undefined>, DiskFailure>
  /** With its parents, mode 0700; nothing happens when it is there. */
  readonly makeFolder: (path: string) => Effect.Effect<void, DiskFailure>
  readonly rename: (from: string, to: string) => Effect.Effect<void, DiskFailure>
  /** A file or a folder with all it has; nothing happens when it is not there. */
  readonly remove: (path: string) => Effect.Effect<void, DiskFailure>
  readonly syncFolder: (path: string) => Effect.Effect<void, DiskFailure>
  /** Holds the file against every other process until the scope closes; fails with `LOCKED`. */
  readonly lock: (path: string) => Effect.Effect<void, DiskFailure, Scope.Scope>
}
