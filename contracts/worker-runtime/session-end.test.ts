/** A session that ends by itself, and what an executor may say at once: neither leaves a worker that only looks well. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { maxEventBytes } from "../../src/domain/engine/Run.ts"
import * as Problem from "../../src/domain/Problem.ts"
import { busy, created, inMode, isState, observe, settle, user, world } from "./EngineWorld.ts"
import { delta, said } from "./ScriptedExecutor.ts"

const gone = { code: "agent_exited", message: "The agent was ended by signal 9." }

const idle = Effect.gen(function* () {
  const it = yield* world()
  const first = yield* it.session()
  const worker_id = yield* created(first.runtime)
  yield* settle
  return { ...it, ...first, worker_id }
})

describe("a session that ends by itself", () => {
  it.effect("while the worker is idle leaves it errored with the last words, and an input starts it again", () =>
    Effect.gen(function* () {
      const { executor, runtime, store, worker_id } = yield* idle
      const observer = yield* observe(runtime, worker_id)
      for (let time = 0; time < 2; time++) {
        yield* executor.endsItself(worker_id, gone)
        yield* settle
        assert.deepStrictEqual(observer.names.slice(-2), ["error", "status"])
        assert.deepStrictEqual(observer.entries.at(-2)?.event.data, gone)
        const worker = yield* runtime.get(worker_id)
        assert.deepStrictEqual([worker.state, worker.state_reason], ["errored", gone.message])
        assert.deepStrictEqual(store.commits.at(-1)?.worker, worker)
        yield* runtime.input(worker_id, user("again"), {})
        yield* settle
        yield* Effect.andThen(executor.turn.finishes, settle)
        const again = yield* runtime.get(worker_id)
        assert.strictEqual(again.state, "idle")
        assert.notProperty(again, "state_reason")
      }
    })
  )

  it.effect("is told of a worker that was brought back after a restart as well", () =>
    Effect.gen(function* () {
      const { close, executor, start, worker_id } = yield* idle
      yield* close
      const runtime = yield* start()
      yield* settle
      yield* executor.endsItself(worker_id, gone)
      yield* settle
      assert.strictEqual((yield* runtime.get(worker_id)).state, "errored")
    })
  )

  it.effect("as its turn ends is told after the turn, and no turn after that is blamed for it", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      yield* executor.turn.finishes
      yield* observer.until(isState("idle"))
      yield* settle
      yield* runtime.input(worker_id, user("second"), {})
      yield* settle
      yield* executor.endsItself(worker_id, gone)
      yield* settle
      assert.strictEqual((yield* runtime.get(worker_id)).state, "busy")
      yield* Effect.andThen(executor.turn.finishes, settle)
      assert.strictEqual((yield* runtime.get(worker_id)).state, "errored")

      yield* runtime.input(worker_id, user("third"), {})
      yield* Effect.andThen(settle, executor.turn.finishes)
      yield* settle
      yield* runtime.input(worker_id, user("fourth"), {})
      yield* runtime.input(worker_id, inMode("fifth", "queue"), {})
      yield* settle
      yield* executor.endsItself(worker_id, gone)
      yield* settle
      yield* Effect.andThen(executor.turn.finishes, settle)
      assert.strictEqual(executor.turn.input.content, "fifth")
      yield* Effect.andThen(executor.turn.finishes, settle)
      assert.strictEqual((yield* runtime.get(worker_id)).state, "idle")
    })
  )

  it.effect("as its turn fails is the turn's own matter: the worker keeps the words of the turn", () =>
    Effect.gen(function* () {
      const { executor, runtime, worker_id } = yield* busy
      yield* Effect.andThen(executor.turn.finishes, settle)
      yield* runtime.input(worker_id, user("second"), {})
      yield* settle
      yield* executor.endsItself(worker_id, gone)
      yield* settle
      yield* executor.turn.fails({ code: "limit", message: "It took too long." })
      yield* settle
      assert.strictEqual((yield* runtime.get(worker_id)).state_reason, "It took too long.")
    })
  )

  it.effect("with a store that takes nothing is told all the same", () =>
    Effect.gen(function* () {
      const { executor, runtime, store, worker_id } = yield* idle
      const observer = yield* observe(runtime, worker_id)
      store.before = () => Effect.fail(Problem.make("store_io"))
      yield* executor.endsItself(worker_id, gone)
      yield* settle
      assert.strictEqual((yield* runtime.get(worker_id)).state, "errored")
      assert.deepStrictEqual(observer.names, ["error", "status"])
      assert.isFalse(observer.entries[0]?.durable)
    })
  )

  it.effect("after its worker was ended is not told", () =>
    Effect.gen(function* () {
      const { executor, runtime, worker_id } = yield* idle
      const stopped = (yield* runtime.stop(worker_id, {})).answer
      yield* executor.endsItself(worker_id, gone)
      yield* settle
      assert.strictEqual((yield* runtime.get(worker_id)).last_event_id, stopped.event_id)
    })
  )
})

describe("an event of an executor", () => {
  it.effect("that is larger than a frame can carry fails its turn with a typed error and is not stored", () =>
    Effect.gen(function* () {
      const length = Math.ceil(maxEventBytes / 3)
      for (const large of [said("€".repeat(length)), delta("€".repeat(length))]) {
        const { executor, observer, runtime, store, worker_id } = yield* busy
        yield* executor.turn.says(said("before"), large, said("after"))
        yield* observer.until(isState("errored"))
        assert.deepStrictEqual(observer.names.slice(2), ["text_done", "error", "run_end", "status"])
        assert.strictEqual(observer.entries[3]?.event.data.code, "event_too_large")
        const { items } = yield* runtime.transcript(worker_id, {})
        assert.deepStrictEqual(
          items.map(({ content }) => content),
          ["go", "before"]
        )
        const events = yield* store.service.events(worker_id, 0, 100)
        assert.isTrue(events.every(({ event }) => JSON.stringify(event).length < 200))
      }
    })
  )

  it.effect("that is just small enough is stored and shown", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      const text = "x".repeat(maxEventBytes - 100)
      yield* executor.turn.says(said(text))
      yield* Effect.andThen(executor.turn.finishes, observer.until(isState("idle")))
      const { items } = yield* runtime.transcript(worker_id, { start: 1 })
      assert.strictEqual(items[0]?.content, text)
    })
  )

  it.effect("cannot claim that an input waits or no longer does", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      yield* runtime.input(worker_id, inMode("waits", "queue"), {})
      const { queued_inputs } = yield* runtime.get(worker_id)
      const [first] = queued_inputs!
      yield* executor.turn.says(
        { event: "input_unqueued", data: { input_id: first!.input_id, reason: "cancelled" } },
        { event: "input_queued", data: { input_id: "x", kind: "user", content: "x", queued_at: "" } }
      )
      yield* settle
      assert.deepStrictEqual(observer.state.queued_inputs, queued_inputs)
    })
  )
})
