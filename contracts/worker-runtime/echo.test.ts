/** The echo executor in the engine: pieces, waits, stops, and nothing that pretends to be an answer. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as EchoExecutor from "../../src/adapters/executors/EchoExecutor.ts"
import * as MemoryWorkerStore from "../../src/adapters/stores/MemoryWorkerStore.ts"
import * as Engine from "../../src/domain/engine/Engine.ts"
import type { LogEntry } from "../../src/domain/EventLog.ts"
import { WorkerRuntime } from "../../src/domain/WorkerRuntime.ts"
import { created, crypto, isState, observe, runtime_id, settle, user } from "./EngineWorld.ts"

const start = Effect.gen(function* () {
  const layer = Engine.layer({ runtime_id }).pipe(
    Layer.provide([EchoExecutor.layer, Layer.fresh(MemoryWorkerStore.layer), crypto])
  )
  const runtime = Context.get(yield* Layer.build(layer), WorkerRuntime)
  const worker_id = yield* created(runtime)
  return { runtime, worker_id, observer: yield* observe(runtime, worker_id) }
})

/** The answer to an input, with as much time as it takes. */
const answered = Effect.fnUntraced(function* (content: string) {
  const it = yield* start
  yield* it.runtime.input(it.worker_id, user(content), {})
  const waiting = yield* Effect.forkChild(it.observer.until(isState("idle")))
  for (let i = 0; i < 70; i++) yield* TestClock.adjust(8)
  yield* Fiber.join(waiting)
  const text = (name: string) =>
    it.observer.entries
      .filter((entry: LogEntry) => entry.event.event === name)
      .map((entry) => String(entry.event.data.text))
  return { ...it, pieces: text("text_delta"), done: text("text_done") }
})

describe("EchoExecutor", () => {
  it.effect("says the input back in pieces that add up to the whole", () =>
    Effect.gen(function* () {
      const content = "a sentence that is longer than one piece of an answer 🙂"
      const { done, pieces } = yield* answered(content)
      assert.isAbove(pieces.length, 3)
      assert.strictEqual(pieces.join(""), content)
      assert.deepStrictEqual(done, [content])
    })
  )

  it.effect("a long input comes back in at most 64 pieces, none of which cuts a character", () =>
    Effect.gen(function* () {
      const content = "🙂".repeat(20_000)
      const { pieces } = yield* answered(content)
      assert.isAtMost(pieces.length, 64)
      assert.strictEqual(pieces.join(""), content)
      for (const piece of pieces) assert.strictEqual(piece.length % 2, 0)
    })
  )

  it.effect("a note of kind system is taken and not answered", () =>
    Effect.gen(function* () {
      const { observer, runtime, worker_id } = yield* start
      yield* runtime.input(worker_id, { kind: "system", content: "note" }, {})
      yield* observer.until(isState("idle"))
      assert.deepStrictEqual(observer.names, ["system_item", "status", "run_end", "status"])
    })
  )

  it.effect("waits when asked to, stays busy meanwhile, and can be stopped", () =>
    Effect.gen(function* () {
      const { observer, runtime, worker_id } = yield* start
      yield* runtime.input(worker_id, user("/wait 5000 later"), {})
      yield* settle
      yield* TestClock.adjust(4_999)
      assert.strictEqual((yield* runtime.get(worker_id)).state, "busy")
      assert.notInclude(observer.names, "text_delta")
      yield* TestClock.adjust(1)
      yield* observer.until(isState("idle"))
      assert.strictEqual(observer.state.transcript.items.at(-1)?.content, "later")
      yield* runtime.input(worker_id, user("/wait 60000 never"), {})
      yield* settle
      assert.strictEqual((yield* runtime.cancel(worker_id, {})).answer.state, "cancelled")
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* runtime.get(worker_id)).transcript_len, 3)
    })
  )

  it.effect("refuses a wait above its maximum, and the input leaves no trace", () =>
    Effect.gen(function* () {
      const { runtime, worker_id } = yield* start
      const problem = yield* Effect.flip(runtime.input(worker_id, user("/wait 60001 x"), {}))
      assert.deepStrictEqual([problem._tag, problem.context.max], ["worker_execution_rejected", 60_000])
      const worker = yield* runtime.get(worker_id)
      assert.deepStrictEqual([worker.state, worker.transcript_len], ["idle", 0])
    })
  )
})
