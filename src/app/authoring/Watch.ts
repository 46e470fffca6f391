/** Tells when a file of an author's package was saved. Folder by folder: what is installed there is too much to watch. */
import { type FSWatcher, readdirSync, watch } from "node:fs"
import { join } from "node:path"
import { Effect, Queue } from "effect"

/** Folders that are not the author's, or are made from what is. */
const ignored: ReadonlySet<string> = new Set(["node_modules", ".git", ".yoi", "dist", "coverage"])

/** Folders that are watched, at most. */
const maxFolders = 200

/** Editors save in several steps; this long after the last one the files are taken as saved, in milliseconds. */
const settleMs = 80

/**
 * Calls `reload` after each save, one call at a time. Until the scope closes.
 *
 * @param folder of the package
 */
export const each = Effect.fnUntraced(function* <E, R>(folder: string, reload: Effect.Effect<void, E, R>) {
  const saved = yield* Queue.sliding<void>(1)
  const watchers = new Map<string, FSWatcher>()

  const forget = (dir: string) => {
    watchers.get(dir)?.close()
    watchers.delete(dir)
  }
  const follow = (dir: string): void => {
    if (watchers.has(dir) || watchers.size >= maxFolders) return
    const watcher = watch(dir, (_, name) => {
      if (name !== null && ignored.has(name)) return
      scan(folder)
      Queue.offerUnsafe(saved, undefined)
    })
    // A folder that was removed.
    watcher.on("error", () => forget(dir))
    watchers.set(dir, watcher)
  }
  const scan = (dir: string): void => {
    try {
      follow(dir)
      for (const entry of readdirSync(dir, { withFileTypes: true })) {
        if (entry.isDirectory() && !ignored.has(entry.name)) scan(join(dir, entry.name))
      }
    } catch {
      forget(dir)
    }
  }

  yield* Effect.acquireRelease(
    Effect.sync(() => scan(folder)),
    () => Effect.sync(() => watchers.forEach((_, dir) => forget(dir)))
  )
  return yield* Effect.forever(
    Effect.gen(function* () {
      yield* Queue.take(saved)
      yield* Effect.sleep(settleMs)
      yield* Queue.clear(saved)
      yield* reload
    })
  )
})
