/** Opens the store in the folder that is its argument, says so, and keeps it until it is killed. */
import { Effect } from "effect"
import * as FileWorkerStore from "../../src/adapters/stores/FileWorkerStore.ts"
import { WorkerStore } from "../../src/domain/WorkerStore.ts"
import { Author } from "./Author.ts"

const hold = Effect.gen(function* () {
  const store = yield* WorkerStore
  yield* store.commit(new Author("held").next({ say: ["by the first process"] }))
  yield* Effect.sync(() => process.stdout.write("open\n"))
  // A timer keeps the process alive; it ends by a signal.
  return yield* Effect.callback<never>(() => void setInterval(() => {}, 60_000))
})

await Effect.runPromise(Effect.provide(hold, FileWorkerStore.layer({ root: process.argv[2]! })))
