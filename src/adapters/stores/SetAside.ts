/** Moves the files of a damaged worker out of the way, together with what only the log had of it. Deletes nothing. */
import { Effect } from "effect"
import type { Disk } from "./Disk.ts"
import type { Folders } from "./Folders.ts"
import type { WorkerEntry } from "./StoreState.ts"
import { writeAll } from "./WholeWrite.ts"

/** The most times that a worker's folder of the same name is set aside under a name of its own. */
const maxNames = 1000

const freeName = (taken: ReadonlyArray<string>, folder: string): string => {
  for (let number = 1; number < maxNames; number++) {
    const name = `${folder}.${number}`
    if (!taken.includes(name)) return name
  }
  return `${folder}.${maxNames}`
}

export const setAside = Effect.fnUntraced(function* (
  disk: Disk,
  folders: Folders,
  folder: string,
  entry: WorkerEntry | undefined
) {
  yield* disk.makeFolder(folders.setAside)
  const target = `${folders.setAside}/${freeName(yield* disk.list(folders.setAside), folder)}`
  yield* disk.rename(`${folders.workers}/${folder}`, target).pipe(Effect.catch(() => disk.makeFolder(target)))
  if (entry !== undefined) {
    const parts: Array<Uint8Array> = [Buffer.from(`${JSON.stringify(entry.stored)}\n`)]
    for (const lines of [entry.events, entry.items]) {
      for (let at = 0; at < lines.length; at++) parts.push(lines.bytes(at))
    }
    const bytes = Buffer.concat(parts)
    const file = yield* disk.open(`${target}/unsaved`, "write")
    yield* Effect.ensuring(Effect.andThen(writeAll(file, [bytes], 0), file.sync), file.close)
    yield* disk.syncFolder(target)
  }
  yield* disk.syncFolder(folders.setAside)
  yield* Effect.ignore(disk.syncFolder(folders.workers))
})
