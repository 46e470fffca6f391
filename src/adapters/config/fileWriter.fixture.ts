/**
 * A second process for the tests of the file layer. `append <path> <name> <count>` adds lines, reading again after each
 * lost race; `hold <path>` takes the lock, says so, and keeps it until it is killed.
 */
import { basename, dirname, join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"
import * as AtomicFile from "./AtomicFile.ts"
import * as LockFile from "./LockFile.ts"

const [command = "", path = "", name = "", count = "0"] = process.argv.slice(2)

const say = (text: string) => Effect.sync(() => process.stdout.write(`${text}\n`))

const appendOnce = Effect.gen(function* () {
  const before = yield* AtomicFile.read(path)
  yield* AtomicFile.replace(path, before.revision, `${before.text}${name}\n`)
}).pipe(Effect.retry({ while: (error) => error.reason === "changed" }))

const append = Effect.gen(function* () {
  for (let written = 0; written < Number(count); written++) yield* appendOnce
})

const hold = LockFile.hold(
  join(dirname(path), `.${basename(path)}.lock`),
  say("held").pipe(Effect.andThen(Effect.never))
)

NodeRuntime.runMain(Effect.provide(command === "append" ? append : hold, NodeFileSystem.layer))
