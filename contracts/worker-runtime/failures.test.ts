/** What an executor or a store does wrong, and what becomes of the worker, its transcript and its watchers. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"
import * as Problem from "../../src/domain/Problem.ts"
import type { Commit } from "../../src/domain/WorkerStore.ts"
import { created, isState, key, observe, settle, user, world } from "./EngineWorld.ts"
import { delta, said } from "./ScriptedExecutor.ts"

const full = Problem.make("store_io")
const has = (commit: Commit, name: string) => commit.events.some(({ event }) => event.event === name)

/** A worker that is busy with its first turn, and somebody who watches it. */
const busy = Effect.gen(function* () {
  const it = yield* world()
  const runtime = yield* it.start()
  const worker_id = yield* created(runtime)
  const observer = yield* observe(runtime, worker_id)
  yield* runtime.input(worker_id, user("go"), {})
  yield* settle
  return { ...it, runtime, worker_id, observer }
})

describe("a run that breaks off", () => {
  it.effect("leaves the worker errored with the executor's words, and takes another input", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      yield* executor.turn.says(delta("ha"))
      yield* executor.turn.fails({ code: "agent_exited", message: "The agent has exited." })
      yield* observer.until(isState("errored"))
      assert.deepStrictEqual(observer.names.slice(2), ["text_delta", "error", "run_end", "status"])
      assert.deepStrictEqual(observer.entries[3]?.event.data, {
        code: "agent_exited",
        message: "The agent has exited."
      })
      assert.isNull(observer.state.in_flight)
      const worker = yield* runtime.get(worker_id)
      assert.deepStrictEqual([worker.state, worker.state_reason], ["errored", "The agent has exited."])
      yield* runtime.input(worker_id, user("again"), {})
      yield* settle
      assert.notProperty(yield* runtime.get(worker_id), "state_reason")
      yield* executor.turn.finishes
      yield* observer.until(isState("idle"))
    })
  )

  it.effect("by an exception or by interrupting itself is told without its text, and the worker is not stuck", () =>
    Effect.gen(function* () {
      for (const how of ["breaks", "interruptsItself"] as const) {
        const { executor, observer, runtime, worker_id } = yield* busy
        yield* how === "breaks" ? executor.turn.breaks(new Error("password=hunter2")) : executor.turn.interruptsItself
        yield* observer.until(isState("errored"))
        const worker = yield* runtime.get(worker_id)
        assert.strictEqual(worker.state, "errored")
        assert.notInclude(JSON.stringify([worker, observer.entries]), "hunter2")
        assert.strictEqual(observer.entries.at(-3)?.event.data.code, "internal")
        assert.strictEqual((yield* runtime.stop(worker_id, {})).answer.state, "stopped")
      }
    })
  )

  it.effect("by an event that is not JSON stores nothing of it, and numbers go on", () =>
    Effect.gen(function* () {
      const circular: Record<string, unknown> = {}
      circular.self = circular
      for (const data of [circular, { big: 1n }]) {
        const { executor, observer, runtime, store, worker_id } = yield* busy
        yield* executor.turn.says({ event: "tool_result", data })
        yield* observer.until(isState("errored"))
        yield* runtime.input(worker_id, user("again"), {})
        yield* settle
        yield* executor.turn.says({ event: "text_delta", data })
        yield* settle
        const worker = yield* runtime.get(worker_id)
        assert.strictEqual(worker.state, "errored")
        const stored = yield* store.service.events(worker_id, 0, 100)
        assert.deepStrictEqual(
          stored.map(({ seq }) => seq),
          Array.from({ length: worker.last_event_id }, (_, index) => index + 1)
        )
        assert.isFalse(stored.some(({ event }) => event.event === "tool_result"))
      }
    })
  )

  it.effect("after a text that is no text leaves a transcript that can be read", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, start, worker_id } = yield* busy
      yield* executor.turn.says({ event: "text_done", data: {} }, { event: "user_message", data: { segments: 5 } })
      yield* executor.turn.finishes
      yield* observer.until(isState("idle"))
      const { items } = yield* runtime.transcript(worker_id, {})
      assert.deepStrictEqual(
        items.map(({ content }) => content),
        ["go", "", ""]
      )
      const again = yield* start()
      yield* observe(again, worker_id)
    })
  )
})

describe("what an executor says about its own turn", () => {
  it.effect("a run_end of its own is the turn's only one, together with the idle status", () =>
    Effect.gen(function* () {
      const { executor, observer, store } = yield* busy
      yield* executor.turn.says(said("so far"), { event: "run_end", data: { result: "limit_reached" } })
      yield* executor.turn.finishes
      yield* observer.until(isState("idle"))
      assert.deepStrictEqual(observer.names.slice(2), ["text_done", "run_end", "status"])
      assert.deepStrictEqual(observer.entries[3]?.event.data, { result: "limit_reached" })
      assert.isTrue(has(store.commits.at(-1)!, "run_end") && has(store.commits.at(-1)!, "status"))
    })
  )

  it.effect("a status of its own cannot end the worker, nor make a busy one look idle", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      yield* executor.turn.says(
        { event: "status", data: { status: "paused", state: "stopped" } },
        { event: "status", data: { status: "idle", state: "cancelled" } },
        said("x")
      )
      yield* observer.until((entry) => entry.event.event === "text_done")
      assert.deepStrictEqual(observer.names.slice(2), ["status", "text_done"])
      assert.deepStrictEqual(observer.entries[2]?.event.data, { status: "paused", state: "busy" })
      assert.deepStrictEqual([observer.state.state, observer.state.status], ["busy", "paused"])
      assert.strictEqual((yield* runtime.get(worker_id)).state, "busy")
    })
  )
})

describe("a store that fails", () => {
  it.effect("while a worker is created leaves no worker, no session and a free id", () =>
    Effect.gen(function* () {
      const { executor, start, store } = yield* world()
      const runtime = yield* start()
      store.before = () => Effect.fail(full)
      const problem = yield* runtime.create({ initial_input: user("go") }, {}).pipe(Effect.flip)
      assert.strictEqual(problem._tag, "store_io")
      yield* settle
      assert.deepStrictEqual((yield* runtime.list({})).items, [])
      assert.strictEqual(executor.closed.length, 1)
      assert.isFalse(executor.turn.started)
    })
  )

  it.effect("while an input is taken leaves the worker idle, starts no run, and the input can be sent again", () =>
    Effect.gen(function* () {
      const { executor, start, store } = yield* world()
      const runtime = yield* start()
      const worker_id = yield* created(runtime)
      const observer = yield* observe(runtime, worker_id)
      const before = yield* runtime.get(worker_id)
      store.before = () => Effect.fail(full)
      assert.strictEqual((yield* Effect.flip(runtime.input(worker_id, user("x"), {})))._tag, "store_io")
      yield* settle
      assert.isFalse(executor.turn.started)
      assert.deepStrictEqual(yield* runtime.get(worker_id), before)
      assert.deepStrictEqual(observer.names, [])
      store.before = () => Effect.void
      assert.strictEqual((yield* runtime.input(worker_id, user("x"), {})).answer.transcript_sequence, 1)
    })
  )

  it.effect("while a worker is stopped leaves the run alone", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, store, worker_id } = yield* busy
      store.before = (commit) => (commit.worker.state === "stopped" ? Effect.fail(full) : Effect.void)
      assert.strictEqual((yield* Effect.flip(runtime.stop(worker_id, {})))._tag, "store_io")
      assert.isUndefined(executor.turn.exit)
      assert.deepStrictEqual(executor.closed, [])
      yield* executor.turn.says(said("still here"))
      yield* executor.turn.finishes
      yield* observer.until(isState("idle"))
      assert.strictEqual((yield* runtime.get(worker_id)).transcript_len, 2)
    })
  )

  it.effect("in the middle of a run ends it with an error that is stored, once the store takes it", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, store, worker_id } = yield* busy
      store.before = (commit) => (has(commit, "text_done") ? Effect.fail(full) : Effect.void)
      yield* executor.turn.says(said("lost"), said("never reached"))
      yield* observer.until(isState("errored"))
      assert.deepStrictEqual(observer.names.slice(2), ["error", "run_end", "status"])
      assert.strictEqual(observer.entries[2]?.event.data.code, "store_io")
      assert.isTrue(observer.entries.every((entry) => entry.durable))
      assert.isDefined(executor.turn.exit)
      assert.strictEqual((yield* runtime.get(worker_id)).transcript_len, 1)
    })
  )

  it.effect("at any commit of a run, and from then on for ever, does not leave a worker that looks busy", () =>
    Effect.gen(function* () {
      for (const failing of ["text_done", "tool_result", "run_end"]) {
        for (const failure of [Effect.fail(full), Effect.die(new Error("bug"))]) {
          const { executor, observer, runtime, store, worker_id } = yield* busy
          let broken = false
          store.before = (commit) => {
            broken ||= has(commit, failing)
            return broken ? failure : Effect.void
          }
          yield* executor.turn.says(said("one"), { event: "tool_result", data: { id: "1" } })
          yield* executor.turn.finishes
          const last = yield* observer.until(isState("errored"))
          assert.isFalse(last.durable)
          assert.strictEqual((yield* runtime.get(worker_id)).state, "errored")
          store.before = () => Effect.void
          const { answer } = yield* runtime.input(worker_id, user("again"), {})
          assert.strictEqual(observer.entries.at(-2)?.event_id, String(answer.event_id))
          yield* settle
          yield* executor.turn.finishes
          yield* observer.until(isState("idle"))
        }
      }
    })
  )

  it.effect("never loses what was acknowledged: each answer is in the store, whichever commit fails", () =>
    Effect.gen(function* () {
      for (let failAt = 0; failAt < 9; failAt++) {
        const { close, executor, runtime, store, worker_id, session } = yield* Effect.gen(function* () {
          const it = yield* world()
          const first = yield* it.session()
          const worker_id = yield* created(first.runtime)
          return { ...it, ...first, worker_id }
        })
        let count = 0
        store.before = () => (count++ === failAt ? Effect.fail(full) : Effect.void)
        const acknowledged: Array<number> = []
        for (const text of ["a", "b", "c"]) {
          const sent = yield* Effect.result(runtime.input(worker_id, user(text), {}))
          yield* settle
          if (sent._tag === "Failure") continue
          acknowledged.push(sent.success.answer.event_id)
          yield* executor.turn.says(said(text))
          yield* executor.turn.finishes
          yield* settle
        }
        assert.isAbove(count, failAt, "the failing commit was reached")
        yield* close
        const again = yield* session()
        const { items } = yield* again.runtime.transcript(worker_id, {})
        const users = items.filter(({ role }) => role === "user").map(({ event_id }) => event_id)
        assert.deepStrictEqual(users, acknowledged, `failing commit ${failAt}`)
        assert.strictEqual((yield* again.runtime.get(worker_id)).state === "busy", false)
        yield* again.close
      }
    })
  )
})

describe("a shutdown", () => {
  it.effect("in the middle of a run's commit waits for it: what the store has taken is shown", () =>
    Effect.gen(function* () {
      const { executor, session, store } = yield* world()
      const { close, runtime } = yield* session()
      const worker_id = yield* created(runtime)
      const observer = yield* observe(runtime, worker_id)
      yield* runtime.input(worker_id, user("go"), {})
      yield* settle
      const gate = yield* Deferred.make<void>()
      store.after = () => Deferred.await(gate)
      yield* executor.turn.says(said("stored"))
      yield* settle
      const closing = yield* Effect.forkChild(close)
      yield* settle
      assert.notInclude(observer.names, "text_done")
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(closing)
      assert.strictEqual(observer.names.at(-1), "text_done")
      assert.strictEqual(store.commits.at(-1)?.worker.last_event_id, observer.entries.at(-1)?.seq)
    })
  )
})

describe("a caller that goes away", () => {
  it.effect(
    "while its input waits for the store is answered by the worker: the message is shown and the run starts",
    () =>
      Effect.gen(function* () {
        const { executor, start, store } = yield* world()
        const runtime = yield* start()
        const worker_id = yield* created(runtime)
        const observer = yield* observe(runtime, worker_id)
        const gate = yield* Deferred.make<void>()
        store.after = () => Deferred.await(gate)
        const caller = yield* Effect.forkChild(runtime.input(worker_id, user("x"), {}))
        yield* settle
        const leaving = yield* Effect.forkChild(Fiber.interrupt(caller))
        yield* settle
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(leaving)
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(caller)))
        yield* settle
        assert.deepStrictEqual(observer.names, ["user_message", "status"])
        assert.isTrue(executor.turn.started)
      })
  )

  it.effect("while it waits for its turn changes nothing, and those behind it go on", () =>
    Effect.gen(function* () {
      const { start, store } = yield* world()
      const runtime = yield* start()
      const worker_id = yield* created(runtime)
      const gate = yield* Deferred.make<void>()
      store.before = () => Deferred.await(gate)
      const first = yield* Effect.forkChild(runtime.input(worker_id, user("first"), {}))
      yield* settle
      const second = yield* Effect.forkChild(runtime.cancel(worker_id, {}))
      yield* settle
      const third = yield* Effect.forkChild(runtime.stop(worker_id, {}))
      yield* settle
      yield* Fiber.interrupt(second)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(first)).answer.state, "busy")
      assert.strictEqual((yield* Fiber.join(third)).answer.state, "stopped")
    })
  )

  it.effect("between the commit and its answer finds the answer under its key: nothing is created twice", () =>
    Effect.gen(function* () {
      const { start, store } = yield* world()
      const runtime = yield* start()
      const gate = yield* Deferred.make<void>()
      store.after = () => Deferred.await(gate)
      const create = runtime.create({ initial_input: user("once") }, key("k"))
      const caller = yield* Effect.forkChild(create)
      while (store.commits.length === 0) yield* settle
      const leaving = yield* Effect.forkChild(Fiber.interrupt(caller))
      yield* settle
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(leaving)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(caller)))
      const again = yield* create
      assert.isTrue(again.replayed)
      assert.deepStrictEqual(
        (yield* runtime.list({})).items.map(({ worker_id }) => worker_id),
        [again.answer.worker_id]
      )
    })
  )
})
