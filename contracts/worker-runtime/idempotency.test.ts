/** Idempotency keys: a repeated command has one effect and one answer. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { ttlSeconds } from "../../src/domain/engine/Receipts.ts"
import * as Problem from "../../src/domain/Problem.ts"
import { created, key, settle, user, world } from "./EngineWorld.ts"

describe("idempotency keys", () => {
  it.effect("the same key and request get the stored answer, of every command", () =>
    Effect.gen(function* () {
      const { executor, start } = yield* world()
      const runtime = yield* start()
      const create = runtime.create({ initial_input: user("hello") }, key("create"))
      const { answer } = yield* create
      assert.deepStrictEqual(yield* create, { answer, replayed: true })
      const { worker_id } = answer
      yield* settle
      yield* executor.turn.finishes
      yield* settle
      const input = runtime.input(worker_id, user("x"), key("input"))
      const given = yield* input
      assert.deepStrictEqual(yield* input, { ...given, replayed: true })
      const stop = runtime.stop(worker_id, key("stop"))
      const stopped = yield* stop
      assert.deepStrictEqual(yield* stop, { ...stopped, replayed: true })
      const before = yield* runtime.get(worker_id)
      yield* TestClock.adjust("1 minute")
      const cancel = runtime.cancel(worker_id, key("cancel"))
      const crossed = yield* cancel
      assert.deepStrictEqual(yield* runtime.get(worker_id), before)
      assert.deepStrictEqual([crossed.replayed, crossed.answer.state], [false, "stopped"])
      assert.isTrue((yield* cancel).replayed)
      assert.strictEqual(executor.accepted.length, 2)
      assert.strictEqual((yield* runtime.list({})).items.length, 1)
    })
  )

  it.effect("the reason of an end is part of what was asked, and is kept with the worker", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      const id = yield* created(runtime)
      yield* runtime.stop(id, { ...key("k"), reason: "no longer needed" })
      assert.strictEqual((yield* runtime.get(id)).last_result?.message, "no longer needed")
      assert.isTrue((yield* runtime.stop(id, { ...key("k"), reason: "no longer needed" })).replayed)
      const problem = yield* Effect.flip(runtime.stop(id, { ...key("k"), reason: "another" }))
      assert.strictEqual(problem._tag, "idempotency_key_reused")
    })
  )

  it.effect("a command without a key is a new command every time", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      yield* runtime.create({}, {})
      assert.isFalse((yield* runtime.create({}, {})).replayed)
      assert.strictEqual((yield* runtime.list({})).items.length, 2)
    })
  )

  it.effect("a key with another body, another target or another command is refused, and has no effect", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      const one = yield* created(runtime)
      const other = yield* created(runtime)
      yield* runtime.input(one, user("x"), key("k"))
      const refused: ReadonlyArray<Effect.Effect<unknown, Problem.Problem>> = [
        runtime.input(one, user("y"), key("k")),
        runtime.input(one, { kind: "system", content: "x" }, key("k")),
        runtime.input(other, user("x"), key("k")),
        runtime.stop(one, key("k")),
        runtime.create({}, key("k"))
      ]
      for (const command of refused) assert.strictEqual((yield* Effect.flip(command))._tag, "idempotency_key_reused")
      yield* runtime.stop(other, key("s"))
      assert.strictEqual((yield* Effect.flip(runtime.cancel(other, key("s"))))._tag, "idempotency_key_reused")
      assert.strictEqual((yield* runtime.get(one)).state, "busy")
      assert.strictEqual((yield* runtime.list({})).items.length, 2)
    })
  )

  it.effect("while the first is still running the same request waits to be repeated, another is refused", () =>
    Effect.gen(function* () {
      const { executor, start } = yield* world()
      const runtime = yield* start()
      const gate = yield* Deferred.make<void>()
      executor.onSpawn = () => Deferred.await(gate)
      const create = runtime.create({}, key("k"))
      const first = yield* Effect.forkChild(create)
      while (executor.spawned.length === 0) yield* settle
      const problem = yield* Effect.flip(create)
      assert.strictEqual(problem._tag, "idempotency_in_flight")
      assert.isAbove(problem.context.retry_after_ms ?? 0, 0)
      const other = yield* Effect.flip(runtime.create({ display_name: "other" }, key("k")))
      assert.strictEqual(other._tag, "idempotency_key_reused")
      yield* Deferred.succeed(gate, undefined)
      const { answer } = yield* Fiber.join(first)
      assert.deepStrictEqual(yield* create, { answer, replayed: true })
    })
  )

  it.effect("many at once have one effect", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      const create = Effect.result(runtime.create({}, key("k")))
      const all = yield* Effect.all(
        Array.from({ length: 20 }, () => create),
        { concurrency: "unbounded" }
      )
      assert.isAbove(all.filter((it) => it._tag === "Success").length, 0)
      for (const it of all) if (it._tag === "Failure") assert.strictEqual(it.failure._tag, "idempotency_in_flight")
      assert.strictEqual((yield* runtime.list({})).items.length, 1)
    })
  )

  it.effect("a failure, a defect and a caller that leaves free the key", () =>
    Effect.gen(function* () {
      const { executor, start, store } = yield* world()
      const runtime = yield* start()
      const worker_id = yield* created(runtime)
      const send = runtime.input(worker_id, user("x"), key("k"))

      executor.onAccept = () => Problem.fail("worker_execution_rejected")
      assert.strictEqual((yield* Effect.flip(send))._tag, "worker_execution_rejected")
      executor.onAccept = () => Effect.die(new Error("broken"))
      assert.strictEqual((yield* Effect.exit(send))._tag, "Failure")
      executor.onAccept = () => Effect.never
      const leaving = yield* Effect.forkChild(send)
      yield* settle
      yield* Fiber.interrupt(leaving)
      executor.onAccept = () => Effect.void
      store.before = () => Effect.fail(Problem.make("store_io"))
      assert.strictEqual((yield* Effect.flip(send))._tag, "store_io")
      store.before = () => Effect.void

      const given = yield* runtime.input(worker_id, user("another body"), key("k"))
      assert.isFalse(given.replayed)
      assert.strictEqual(given.answer.transcript_sequence, 1)
    })
  )

  it.effect("a key is remembered for the published time and forgotten after it", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      const described = yield* runtime.describe
      assert.deepStrictEqual(described.capabilities?.idempotency, { ttl_seconds: ttlSeconds })
      const create = runtime.create({}, key("k"))
      const { answer } = yield* create
      yield* TestClock.adjust(ttlSeconds * 1_000 - 1)
      assert.deepStrictEqual(yield* create, { answer, replayed: true })
      yield* TestClock.adjust(1)
      const later = yield* create
      assert.isFalse(later.replayed)
      assert.notStrictEqual(later.answer.worker_id, answer.worker_id)
    })
  )

  it.effect("receipts survive a restart of the engine, for the rest of their time", () =>
    Effect.gen(function* () {
      const { session } = yield* world()
      const first = yield* session()
      const { answer } = yield* first.runtime.create({}, key("k"))
      yield* first.close
      yield* TestClock.adjust("1 hour")
      const second = yield* session()
      assert.deepStrictEqual(yield* second.runtime.create({}, key("k")), { answer, replayed: true })
      assert.strictEqual(
        (yield* Effect.flip(second.runtime.create({ display_name: "x" }, key("k"))))._tag,
        "idempotency_key_reused"
      )
      yield* TestClock.adjust("23 hours")
      assert.isFalse((yield* second.runtime.create({}, key("k"))).replayed)
      yield* second.close
    })
  )

  it.effect("an answer is still given while the runtime drains", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      const { answer } = yield* runtime.create({}, key("k"))
      yield* runtime.drain
      assert.deepStrictEqual(yield* runtime.create({}, key("k")), { answer, replayed: true })
    })
  )
})
