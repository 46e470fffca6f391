/** The kind `process` keeps every promise of the port, over a process that is killed on the way. */
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { suite, type Subject } from "../../src/domain/conformance/Conformance.ts"
import { hidden, hold } from "../conformance/Laboratory.ts"
import * as World from "./ProcessWorld.ts"

const subject = Effect.gen(function* () {
  const root = yield* World.folder
  const source = yield* World.connect(root)
  yield* World.awake(source)
  return {
    name: "the process kind",
    // Each connection runs a process of its own, so there is one.
    connect: Effect.succeed(source),
    credential: { kind: "none", reason: "The backend makes the token itself, anew for each connection." },
    hidden: [hidden("the folder", root)],
    hold,
    restart: Effect.gen(function* () {
      const [before] = World.runtimesOver(root)
      process.kill(before!, "SIGKILL")
      while (World.runtimesOver(root)[0] === before) yield* Effect.sleep(5)
      yield* World.awake(source)
    })
  } satisfies Subject
})

suite({ afterAll, beforeAll, describe, it }, "the process kind", subject, { tier: "durable" })
