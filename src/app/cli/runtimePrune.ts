/** `runtime workers prune`: forgets workers that ended long ago. Nothing else ever removes a worker. */
import { Console, DateTime, Duration, Effect, FileSystem, Path } from "effect"
import { Command, Flag } from "effect/cli"
import * as FileWorkerStore from "../../adapters/stores/FileWorkerStore.ts"
import { isTerminal, type Worker } from "../../domain/Worker.ts"
import { WorkerStore } from "../../domain/WorkerStore.ts"
import { fail, usage } from "./Failure.ts"

const units: Readonly<Record<string, Duration.Duration>> = {
  s: Duration.seconds(1),
  m: Duration.minutes(1),
  h: Duration.hours(1),
  d: Duration.days(1)
}

/** `90s`, `30m`, `12h`, `7d`; nothing when the text is no such span. */
export const parseSpan = (text: string): Duration.Duration | undefined => {
  const match = /^([0-9]{1,6})([smhd])$/.exec(text)
  return match === null ? undefined : Duration.times(units[match[2]!]!, Number(match[1]))
}

/** Ended, and not touched since. A worker without a date is never old. */
const endedBefore = (cutoff: string) => (worker: Worker) =>
  isTerminal(worker.state) && worker.updated_at !== undefined && worker.updated_at < cutoff

const flags = {
  fsRoot: Flag.String("fs-root").pipe(Flag.withMetavar("DIR"), Flag.withDescription("Folder of the fs store")),
  olderThan: Flag.String("older-than").pipe(
    Flag.withMetavar("SPAN"),
    Flag.withDescription("How long ago a worker must have ended: 90s, 30m, 12h or 7d")
  ),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Say what would be removed and remove nothing"),
    Flag.withDefault(false)
  )
}

export const runtimePrune = Command.make(
  "prune",
  flags,
  Effect.fn("runtime.workers.prune")(function* ({ dryRun, fsRoot, olderThan }) {
    const span = parseSpan(olderThan)
    if (span === undefined) return yield* usage("--older-than takes a number and s, m, h or d, for instance 7d.")
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    // Opening a store makes one where there is none; a mistyped folder must stay as it is.
    const there = yield* Effect.orElseSucceed(fs.exists(path.join(fsRoot, "lock")), () => false)
    if (!there) return yield* fail("There is no store in this folder.")
    yield* Effect.gen(function* () {
      const store = yield* WorkerStore
      const cutoff = DateTime.formatIso(DateTime.subtractDuration(yield* DateTime.now, span))
      const { workers } = yield* store.load
      const old = workers.map((it) => it.worker).filter(endedBefore(cutoff))
      for (const { state, worker_id } of old) {
        if (!dryRun) yield* store.remove(worker_id)
        yield* Console.log(`${worker_id} ${state}`)
      }
      yield* Console.error(`${dryRun ? "Would remove" : "Removed"} ${old.length} of ${workers.length} workers.`)
    }).pipe(
      Effect.provide(FileWorkerStore.layer({ root: fsRoot })),
      Effect.catch(({ message }) => fail(message))
    )
  })
).pipe(Command.withDescription("Remove stopped and cancelled workers from a store that no runtime is using"))
