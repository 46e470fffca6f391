/** The id that a runtime gave itself, kept beside its store: the same after every restart, and no other runtime's. */
import { Effect, FileSystem, Option, Path, Schema } from "effect"
import { SecureRandom } from "effect/crypto/SecureRandom"
import { RuntimeId } from "../../domain/Identifiers.ts"
import * as Problem from "../../domain/Problem.ts"

const fileName = "runtime-id"
const mode = 0o600

const parse = (text: string) => Schema.decodeOption(RuntimeId)(text.trim())

/** Written beside and renamed, so that a crash leaves a whole id or none. */
const write = Effect.fnUntraced(function* (path: string, id: RuntimeId) {
  const fs = yield* FileSystem.FileSystem
  const draft = `${path}.new`
  yield* Effect.scoped(
    Effect.gen(function* () {
      const file = yield* fs.open(draft, { flag: "w", mode })
      yield* file.writeAll(new TextEncoder().encode(`${id}\n`))
      yield* file.sync
    })
  )
  yield* fs.rename(draft, path)
})

/** @param root folder of a store that this process holds the lock of */
export const resolve = Effect.fn("RuntimeIdFile.resolve")(
  function* (root: string) {
    const fs = yield* FileSystem.FileSystem
    const path = (yield* Path.Path).join(root, fileName)
    const known = yield* Effect.option(fs.readFileString(path))
    const kept = Option.flatMap(known, parse)
    if (Option.isSome(kept)) return kept.value
    const random = yield* SecureRandom
    const id = RuntimeId.make(yield* random.uuidV7())
    yield* write(path, id)
    return id
  },
  Effect.catchTag("PlatformError", () => Problem.fail("store_io", "The runtime could not keep its id in its store."))
)
