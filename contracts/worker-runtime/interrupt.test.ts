/** Interrupt: ends a turn and not its worker, whatever else happens at the same moment. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { interruptDeadlineMs } from "../../src/domain/engine/Interrupt.ts"
import * as Problem from "../../src/domain/Problem.ts"
import { maxStopMs } from "../../src/domain/ProfileDeclaration.ts"
import { busy, created, inMode, isState, key, observe, settle, user, world } from "./EngineWorld.ts"
import { delta, said } from "./ScriptedExecutor.ts"

const full = Problem.make("store_io")

describe("an interrupt", () => {
  it.effect("of a busy worker ends the turn, is durable when answered, and leaves a worker that takes input", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, store, worker_id } = yield* busy
      yield* executor.turn.says(said("so far"))
      yield* settle
      const { answer } = yield* runtime.interrupt(worker_id, {})
      assert.deepStrictEqual([answer.state, answer.event_id], ["idle", observer.entries.at(-1)?.seq])
      assert.deepStrictEqual(observer.names.slice(2), ["text_done", "run_end", "status"])
      assert.deepStrictEqual(observer.entries.at(-2)?.event.data, { result: "rolled_back" })
      assert.isTrue(Exit.hasInterrupts(executor.turn.exit!))
      assert.strictEqual(store.commits.at(-1)?.worker.last_event_id, answer.event_id)
      assert.strictEqual(store.commits.at(-1)?.events.length, 2, "one commit")
      assert.deepStrictEqual(executor.closed, [], "the session lives")
      yield* runtime.input(worker_id, user("again"), {})
      yield* settle
      yield* executor.turn.finishes
      yield* observer.until((entry) => entry.seq > answer.event_id + 2 && isState("idle")(entry))
    })
  )

  it.effect("keeps what was shown of an answer that was still growing", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      yield* executor.turn.says(delta("The answer "), delta("is"))
      yield* settle
      yield* runtime.interrupt(worker_id, {})
      assert.deepStrictEqual(observer.names.slice(4), ["text_done", "run_end", "status"])
      assert.isNull(observer.state.in_flight)
      const { items } = yield* runtime.transcript(worker_id, {})
      assert.deepStrictEqual(
        items.map(({ content, role }) => [role, content]),
        [
          ["user", "go"],
          ["assistant", "The answer is"]
        ]
      )
    })
  )

  it.effect(
    "keeps its reason with the worker's last result, and names no operation that field clients do not know",
    () =>
      Effect.gen(function* () {
        const { runtime, worker_id } = yield* busy
        yield* runtime.interrupt(worker_id, { reason: "wrong file" })
        assert.deepStrictEqual((yield* runtime.get(worker_id)).last_result, {
          operation: "input",
          outcome: "accepted",
          message: "wrong file"
        })
      })
  )

  it.effect("of a worker without a turn is acknowledged and changes nothing", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      yield* executor.turn.finishes
      yield* observer.until(isState("idle"))
      const idle = yield* runtime.get(worker_id)
      assert.deepStrictEqual((yield* runtime.interrupt(worker_id, {})).answer, {
        runtime_id: idle.runtime_id,
        worker_id,
        state: "idle",
        event_id: idle.last_event_id
      })
      assert.deepStrictEqual(yield* runtime.get(worker_id), idle)
      yield* runtime.input(worker_id, user("x"), {})
      yield* settle
      yield* executor.turn.fails({ code: "x", message: "x" })
      yield* observer.until(isState("errored"))
      assert.strictEqual((yield* runtime.interrupt(worker_id, key("k"))).answer.state, "errored")
      assert.isTrue((yield* runtime.interrupt(worker_id, key("k"))).replayed)
    })
  )

  it.effect("of an ended worker is refused, of a stale one acknowledged, of none not found", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const ended = yield* created(first.runtime)
      const stale = yield* created(first.runtime)
      yield* first.runtime.stop(ended, {})
      yield* first.close
      it.executor.onSpawn = () => Problem.fail("execution_backend_unavailable", "Gone.")
      const runtime = yield* it.start()
      assert.strictEqual((yield* Effect.flip(runtime.interrupt(ended, {})))._tag, "worker_not_running")
      assert.strictEqual((yield* runtime.interrupt(stale, {})).answer.state, "stale")
      yield* runtime.remove(stale)
      assert.strictEqual((yield* Effect.flip(runtime.interrupt(stale, {})))._tag, "worker_not_found")
    })
  )

  it.effect("waits for the executor to call the turn off before anything else is said to it", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      const gate = yield* Deferred.make<void>()
      executor.onCallOff = Deferred.await(gate)
      const interrupting = yield* Effect.forkChild(runtime.interrupt(worker_id, {}))
      yield* settle
      const input = yield* Effect.forkChild(runtime.input(worker_id, user("next"), {}))
      yield* settle
      assert.deepStrictEqual(executor.accepted.length, 1)
      assert.deepStrictEqual(observer.names, ["user_message", "status"])
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(interrupting)).answer.state, "idle")
      assert.strictEqual((yield* Fiber.join(input)).answer.state, "busy")
    })
  )

  it.effect("of an executor that never calls it off ends the turn all the same, with an error that says so", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      const gate = yield* Deferred.make<void>()
      executor.onCallOff = Deferred.await(gate)
      const interrupting = yield* Effect.forkChild(runtime.interrupt(worker_id, {}))
      yield* settle
      yield* TestClock.adjust(interruptDeadlineMs - 1)
      assert.strictEqual((yield* runtime.get(worker_id)).state, "busy")
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* Fiber.join(interrupting)).answer.state, "errored")
      assert.deepStrictEqual(observer.names.slice(2), ["error", "run_end", "status"])
      assert.strictEqual(observer.entries[2]?.event.data.code, "interrupt_timeout")
      yield* runtime.input(worker_id, user("again"), {})
      assert.strictEqual((yield* runtime.get(worker_id)).state, "busy")
      yield* Deferred.succeed(gate, undefined)
    })
  )

  it.effect("whose caller goes away is carried out", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      const gate = yield* Deferred.make<void>()
      executor.onCallOff = Deferred.await(gate)
      const caller = yield* Effect.forkChild(runtime.interrupt(worker_id, key("k")))
      yield* settle
      const leaving = yield* Effect.forkChild(Fiber.interrupt(caller))
      yield* settle
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(leaving)
      yield* observer.until(isState("idle"))
      assert.isTrue((yield* runtime.interrupt(worker_id, key("k"))).replayed)
    })
  )

  it.effect("that the store does not take leaves no worker that looks busy, and is told as failed", () =>
    Effect.gen(function* () {
      for (const failure of [Effect.fail(full), Effect.die(new Error("bug"))]) {
        const { executor, observer, runtime, store, worker_id } = yield* busy
        store.before = () => failure
        assert.isTrue(Exit.isFailure(yield* Effect.exit(runtime.interrupt(worker_id, {}))))
        assert.isFalse(observer.entries.at(-1)?.durable)
        assert.strictEqual((yield* runtime.get(worker_id)).state, "errored")
        assert.isDefined(executor.turn.exit)
        store.before = () => Effect.void
        yield* runtime.input(worker_id, user("again"), {})
        yield* settle
        yield* executor.turn.finishes
        yield* observer.until(isState("idle"))
      }
    })
  )

  it.effect("at the moment the turn ends by itself ends it once", () =>
    Effect.gen(function* () {
      for (const ends of ["finishes", "breaks"] as const) {
        for (const first of ["turn", "interrupt"] as const) {
          const { executor, observer, runtime, store, worker_id } = yield* busy
          const gate = yield* Deferred.make<void>()
          store.before = () => Deferred.await(gate)
          const turnEnds = ends === "finishes" ? executor.turn.finishes : executor.turn.breaks(new Error("x"))
          if (first === "turn") yield* Effect.andThen(turnEnds, settle)
          const interrupting = yield* Effect.forkChild(runtime.interrupt(worker_id, {}))
          yield* settle
          if (first === "interrupt") yield* Effect.andThen(turnEnds, settle)
          store.before = () => Effect.void
          yield* Deferred.succeed(gate, undefined)
          const { answer } = yield* Fiber.join(interrupting)
          yield* settle
          assert.strictEqual(answer.state, first === "turn" && ends === "breaks" ? "errored" : "idle")
          assert.strictEqual(observer.names.filter((name) => name === "run_end").length, 1)
          assert.strictEqual((yield* runtime.get(worker_id)).last_event_id, answer.event_id)
        }
      }
    })
  )

  it.effect("does not hold up who ends the worker while the turn takes its time", () =>
    Effect.gen(function* () {
      for (const command of ["stop", "cancel"] as const) {
        const { executor, observer, runtime, worker_id } = yield* busy
        const gate = yield* Deferred.make<void>()
        executor.onCallOff = Deferred.await(gate)
        const interrupting = yield* Effect.forkChild(runtime.interrupt(worker_id, key("k")))
        yield* settle
        const waiting = yield* Effect.forkChild(runtime.input(worker_id, inMode("waits", "queue"), {}))
        const instead = yield* Effect.forkChild(Effect.flip(runtime.input(worker_id, inMode("now", "interrupt"), {})))
        yield* settle
        const ended = command === "stop" ? "stopped" : "cancelled"
        assert.strictEqual((yield* runtime[command](worker_id, {})).answer.state, ended)
        assert.isTrue(Exit.hasInterrupts(executor.turn.exit!))
        assert.strictEqual((yield* Fiber.join(interrupting)).answer.state, ended)
        assert.strictEqual((yield* Fiber.join(waiting)).answer.state, "busy")
        assert.strictEqual((yield* Fiber.join(instead))._tag, "worker_not_running")
        assert.deepStrictEqual(observer.names.slice(2), ["input_queued", "input_unqueued", "run_end", "status"])
        assert.strictEqual(executor.accepted.length, 1)
        assert.isTrue((yield* runtime.interrupt(worker_id, key("k"))).replayed)
        yield* Deferred.succeed(gate, undefined)
        yield* settle
        assert.deepStrictEqual(executor.closed, [worker_id])
        assert.strictEqual((yield* runtime.get(worker_id)).state, ended)
      }
    })
  )

  it.effect("goes on when the worker's end could not be stored, or its caller went away", () =>
    Effect.gen(function* () {
      for (const ends of ["fails", "leaves"] as const) {
        const { executor, observer, runtime, store, worker_id } = yield* busy
        const called = yield* Deferred.make<void>()
        executor.onCallOff = Deferred.await(called)
        const interrupting = yield* Effect.forkChild(runtime.interrupt(worker_id, {}))
        yield* settle
        const committed = yield* Deferred.make<void>()
        store.before = () => Effect.andThen(Deferred.await(committed), full)
        const stopping = yield* Effect.forkChild(Effect.flip(runtime.stop(worker_id, {})))
        yield* settle
        const leaving = ends === "leaves" ? yield* Effect.forkChild(Fiber.interrupt(stopping)) : undefined
        yield* settle
        yield* Deferred.succeed(committed, undefined)
        yield* leaving === undefined ? Fiber.join(stopping) : Fiber.join(leaving)
        store.before = () => Effect.void
        yield* settle
        assert.strictEqual((yield* runtime.get(worker_id)).state, "busy")
        yield* Deferred.succeed(called, undefined)
        assert.strictEqual((yield* Fiber.join(interrupting)).answer.state, "idle")
        assert.deepStrictEqual(observer.names.slice(2), ["run_end", "status"])
      }
    })
  )

  it.effect("is given longer than a profile may ask for the end of a turn and then of its program", () =>
    Effect.sync(() => assert.isAbove(interruptDeadlineMs, 2 * maxStopMs))
  )

  it.effect("beside a stop never leaves the worker running, whichever comes first", () =>
    Effect.gen(function* () {
      for (const first of ["stop", "interrupt"] as const) {
        const { executor, observer, runtime, worker_id } = yield* busy
        const stop = Effect.result(runtime.stop(worker_id, {}))
        const interrupt = Effect.result(runtime.interrupt(worker_id, {}))
        const fibers = yield* Effect.forEach(first === "stop" ? [stop, interrupt] : [interrupt, stop], (it) =>
          Effect.forkChild(it)
        )
        const [one, two] = yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber))
        assert.strictEqual(one?._tag, "Success")
        assert.strictEqual(two?._tag, first === "stop" ? "Failure" : "Success")
        assert.strictEqual((yield* runtime.get(worker_id)).state, "stopped")
        assert.strictEqual(observer.names.filter((name) => name === "run_end").length, 1)
        assert.isTrue(Exit.hasInterrupts(executor.turn.exit!))
      }
    })
  )

  it.effect("is repeated under its key without a second effect, and its reason is part of what was asked", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      const first = yield* runtime.interrupt(worker_id, { ...key("k"), reason: "a" })
      yield* runtime.input(worker_id, user("next"), {})
      yield* settle
      assert.deepStrictEqual(yield* runtime.interrupt(worker_id, { ...key("k"), reason: "a" }), {
        ...first,
        replayed: true
      })
      const reused = yield* Effect.flip(runtime.interrupt(worker_id, { ...key("k"), reason: "b" }))
      assert.strictEqual(reused._tag, "idempotency_key_reused")
      assert.strictEqual((yield* runtime.get(worker_id)).state, "busy")
      yield* executor.turn.finishes
      yield* observer.until((entry) => entry.seq > first.answer.event_id && isState("idle")(entry))
    })
  )
})

describe("an input in mode interrupt", () => {
  it.effect("ends the turn and starts before those that wait, with nothing in between", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      yield* runtime.input(worker_id, inMode("waits", "queue"), {})
      yield* executor.turn.says(delta("par"))
      yield* settle
      const { answer } = yield* runtime.input(worker_id, inMode("now", "interrupt"), key("k"))
      assert.deepStrictEqual([answer.state, answer.transcript_sequence], ["busy", 3])
      assert.notProperty(answer, "queued")
      assert.deepStrictEqual(observer.names.slice(4), ["text_done", "run_end", "status", "user_message", "status"])
      assert.strictEqual(observer.entries.at(-2)?.seq, answer.event_id)
      yield* settle
      yield* executor.turn.finishes
      yield* settle
      assert.deepStrictEqual(
        executor.accepted.map(({ content }) => content),
        ["go", "now", "waits"]
      )
      assert.isTrue((yield* runtime.input(worker_id, inMode("now", "interrupt"), key("k"))).replayed)
    })
  )

  it.effect("that the executor refuses has ended the turn, is told, and the next one that waits starts", () =>
    Effect.gen(function* () {
      const { executor, runtime, worker_id } = yield* busy
      yield* runtime.input(worker_id, inMode("waits", "queue"), {})
      executor.onAccept = ({ content }) =>
        content === "now" ? Problem.fail("worker_execution_rejected", "No.") : Effect.void
      const problem = yield* Effect.flip(runtime.input(worker_id, inMode("now", "interrupt"), {}))
      assert.deepStrictEqual([problem._tag, problem.message], ["worker_execution_rejected", "No."])
      yield* settle
      assert.strictEqual(executor.turn.input.content, "waits")
      assert.strictEqual((yield* runtime.get(worker_id)).state, "busy")
    })
  )

  it.effect("whose caller goes away while the executor decides is not taken, and the next one that waits starts", () =>
    Effect.gen(function* () {
      const { executor, runtime, worker_id } = yield* busy
      yield* runtime.input(worker_id, inMode("waits", "queue"), {})
      executor.onAccept = ({ content }) => (content === "now" ? Effect.never : Effect.void)
      const caller = yield* Effect.forkChild(runtime.input(worker_id, inMode("now", "interrupt"), {}))
      yield* settle
      yield* Fiber.interrupt(caller)
      yield* settle
      assert.strictEqual(executor.turn.input.content, "waits")
      const { items } = yield* runtime.transcript(worker_id, {})
      assert.deepStrictEqual(
        items.map(({ content }) => content),
        ["go", "waits"]
      )
    })
  )

  it.effect("to a worker that is not busy is an input like any other", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      for (const mode of ["reject", "queue", "interrupt"] as const) {
        const worker_id = yield* created(runtime)
        const observer = yield* observe(runtime, worker_id)
        const { answer } = yield* runtime.input(worker_id, inMode("x", mode), {})
        assert.deepStrictEqual([answer.transcript_sequence, answer.state], [1, "busy"])
        assert.notProperty(answer, "queued")
        assert.deepStrictEqual(observer.names, ["user_message", "status"])
      }
    })
  )
})
