/** The bound of a worker's transcript, with real programs and the engine around them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { observe } from "../worker-runtime/EngineWorld.ts"
import {
  agentProfile,
  eventually,
  named,
  processesWith,
  runtimeWith,
  scripted,
  spoken,
  turn,
  worker,
  world
} from "./ExecutorWorld.ts"

const limits = `[profiles.limits]\ntranscript_bytes = 100000\nstop_ms = 500`

describe("a worker whose transcript is full", () => {
  it.live.each([
    ["a program per turn", scripted(`const f = () => process.stdout.write("x".repeat(10000), f); f()`, "PLACE")],
    ["an agent", agentProfile([], "PLACE")]
  ] as const)("ends its turn, calls %s off, and takes no further input, with its reason", ([, toml]) =>
    Effect.gen(function* () {
      const { env, name } = named()
      const runtime = yield* runtimeWith(toml.replace("PLACE", () => `${env}\n${limits}`))
      const { observer, worker_id } = yield* worker(runtime)
      const events = yield* turn(runtime, worker_id, observer, "flood")
      assert.strictEqual(events.find((it) => it.event === "run_end")?.data["result"], "limit_reached")
      assert.strictEqual((yield* runtime.get(worker_id)).state, "idle")
      assert.strictEqual(spoken(events).length, 100_000 - "flood".length)
      const refused = yield* Effect.flip(runtime.input(worker_id, { kind: "user", content: "more" }, {}))
      assert.strictEqual(refused._tag, "worker_execution_rejected")
      assert.include(refused.message, "100000 bytes")
      yield* runtime.stop(worker_id, {})
      yield* eventually(() => processesWith(name).length === 0)
    })
  )

  it.live("takes none after a restart of the runtime either", () =>
    Effect.gen(function* () {
      const { start } = yield* world(
        scripted(`process.stdin.pipe(process.stdout)`, `[profiles.limits]\ntranscript_bytes = 300`)
      )
      const first = yield* Scope.make()
      const runtime = yield* Scope.provide(start, first)
      const { observer, worker_id } = yield* Scope.provide(worker(runtime), first)
      yield* turn(runtime, worker_id, observer, "x".repeat(100))
      yield* Scope.close(first, Exit.void)
      const next = yield* start
      const refused = yield* Effect.flip(next.input(worker_id, { kind: "user", content: "y".repeat(101) }, {}))
      assert.strictEqual(refused._tag, "worker_execution_rejected")
      const events = yield* turn(next, worker_id, yield* observe(next, worker_id), "z".repeat(60))
      assert.strictEqual(spoken(events), "z".repeat(40))
    })
  )
})
