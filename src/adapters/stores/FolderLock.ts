/**
 * One process per store. The lock is the kernel's (the one SQLite takes on an empty database), so it ends with its
 * holder however that dies, holds across containers that share the folder, and never has to be judged stale.
 */
import { closeSync, existsSync, openSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { Effect, type Scope } from "effect"
import { DiskFailure } from "./Disk.ts"

/** SQLITE_BUSY: somebody else holds it. */
const busy = 5
/** SQLITE_FULL. */
const full = 13

/** Makes the file with the store's own mode. One that is there is not touched: closing it would end our own lock on it. */
const make = (path: string): void => {
  if (existsSync(path)) return
  closeSync(openSync(path, "a", 0o600))
}

const open = (path: string): DatabaseSync => {
  make(path)
  const database = new DatabaseSync(path, { timeout: 0 })
  // Nothing is ever written to it, so the file stays empty and no journal is made.
  database.exec("PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE")
  return database
}

const codeOf = (error: unknown): string => {
  const { errcode, code } = error as { readonly errcode?: number; readonly code?: string }
  if (errcode === busy) return "LOCKED"
  if (errcode === full) return "ENOSPC"
  return errcode === undefined && code !== undefined ? code : "EACCES"
}

export const lock = (path: string): Effect.Effect<void, DiskFailure, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.try({
        try: () => open(path),
        catch: (error) => new DiskFailure({ operation: "lock", code: codeOf(error) })
      }),
      (database) => Effect.sync(() => database.close())
    )
  )
