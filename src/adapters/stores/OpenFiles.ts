/** Files kept open for reading, so that a page costs its reads and not the opening. The least recently used is closed. */
import { Effect } from "effect"
import type { Disk, DiskFailure, OpenFile } from "./Disk.ts"

/** The most files that are kept open. */
export const maxOpenFiles = 128

interface Held {
  readonly file: OpenFile
  users: number
  dropped: boolean
}

export class OpenFiles {
  readonly #disk: Disk
  /** Least recently used first. */
  readonly #held = new Map<string, Held>()

  constructor(disk: Disk) {
    this.#disk = disk
  }

  use<A, E>(path: string, read: (file: OpenFile) => Effect.Effect<A, E>): Effect.Effect<A, E | DiskFailure> {
    return Effect.acquireUseRelease(
      this.#acquire(path),
      (held) => read(held.file),
      (held) => this.#release(held)
    )
  }

  /** Closes the files below a folder; reads that are under way end first. */
  forget(folder: string): Effect.Effect<void> {
    const paths = Array.from(this.#held.keys()).filter((path) => path.startsWith(`${folder}/`))
    return Effect.forEach(paths, (path) => this.#drop(path), { discard: true })
  }

  readonly closeAll: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(Array.from(this.#held.keys()), (path) => this.#drop(path), { discard: true })
  )

  #acquire(path: string): Effect.Effect<Held, DiskFailure> {
    return Effect.gen({ self: this }, function* () {
      const known = this.#held.get(path)
      if (known !== undefined) {
        known.users += 1
        this.#held.delete(path)
        this.#held.set(path, known)
        return known
      }
      const file = yield* this.#disk.open(path, "read")
      const held: Held = { file, users: 1, dropped: false }
      // Two readers may have opened it at the same time; the first one's is dropped.
      yield* this.#drop(path)
      this.#held.set(path, held)
      for (const oldest of this.#held.keys()) {
        if (this.#held.size <= maxOpenFiles) break
        yield* this.#drop(oldest)
      }
      return held
    })
  }

  #release(held: Held): Effect.Effect<void> {
    return Effect.suspend(() => {
      held.users -= 1
      return held.dropped && held.users === 0 ? held.file.close : Effect.void
    })
  }

  #drop(path: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const held = this.#held.get(path)
      if (held === undefined) return Effect.void
      this.#held.delete(path)
      held.dropped = true
      return held.users === 0 ? held.file.close : Effect.void
    })
  }
}
