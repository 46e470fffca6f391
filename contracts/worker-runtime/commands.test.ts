/** Create, input, stop and cancel, as the runtime API promises them. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { WorkerId } from "../../src/domain/Identifiers.ts"
import { deadlineMs } from "../../src/domain/engine/Session.ts"
import * as Problem from "../../src/domain/Problem.ts"
import { maxInputBytes } from "../../src/domain/Worker.ts"
import { created, isState, observe, runtime_id, settle, user, world } from "./EngineWorld.ts"
import { delta, said } from "./ScriptedExecutor.ts"

describe("create", () => {
  it.effect("without anything runs the first profile and is idle", () =>
    Effect.gen(function* () {
      const { executor, start } = yield* world()
      const runtime = yield* start()
      const { answer, replayed } = yield* runtime.create({}, {})
      assert.isFalse(replayed)
      assert.deepStrictEqual(answer.profile, { kind: "builtin", value: "first" })
      assert.strictEqual(answer.state, "idle")
      assert.strictEqual(answer.runtime_id, runtime_id)
      assert.strictEqual(answer.transcript_len, 0)
      assert.strictEqual(answer.display_name, `First ${answer.worker_id.slice(-4)}`)
      assert.strictEqual(answer.backend_id, `session-of-${answer.worker_id}`)
      assert.strictEqual(answer.created_at, "1970-01-01T00:00:00.000Z")
      assert.deepStrictEqual(executor.spawned, [{ worker_id: answer.worker_id, profile: answer.profile }])
      assert.deepStrictEqual(yield* runtime.get(answer.worker_id), answer)
    })
  )

  it.effect("is unsupported, and says so beforehand, where nothing could run a worker", () =>
    Effect.gen(function* () {
      const { executor, start } = yield* world()
      executor.profiles = []
      const runtime = yield* start()
      const { capabilities, worker_creation_available } = yield* runtime.describe
      assert.isFalse(worker_creation_available)
      assert.notProperty(capabilities, "workers.create")
      const problem = yield* Effect.flip(runtime.create({}, {}))
      assert.deepStrictEqual([problem._tag, problem.context.capability], ["operation_unsupported", "workers.create"])
    })
  )

  it.effect("takes a declared profile, and refuses any other", () =>
    Effect.gen(function* () {
      const { executor, start } = yield* world()
      const runtime = yield* start()
      const named = yield* runtime.create({ profile: { kind: "named", value: "second" }, display_name: "Mine" }, {})
      assert.deepStrictEqual(named.answer.profile, { kind: "named", value: "second" })
      assert.strictEqual(named.answer.display_name, "Mine")
      const problem = yield* runtime.create({ profile: { kind: "builtin", value: "second" } }, {}).pipe(Effect.flip)
      assert.strictEqual(problem._tag, "invalid_profile_selector")
      assert.strictEqual(executor.spawned.length, 1)
    })
  )

  it.effect("takes an id that the client chose, once", () =>
    Effect.gen(function* () {
      const { executor, start } = yield* world()
      const runtime = yield* start()
      const worker_id = WorkerId.make("mine")
      assert.strictEqual((yield* runtime.create({ worker_id }, {})).answer.worker_id, worker_id)
      const problem = yield* runtime.create({ worker_id }, {}).pipe(Effect.flip)
      assert.strictEqual(problem._tag, "worker_id_taken")
      assert.strictEqual(executor.spawned.length, 1)
    })
  )

  it.effect("of two at the same time with one id exactly one succeeds", () =>
    Effect.gen(function* () {
      const { executor, start } = yield* world()
      const runtime = yield* start()
      const go = yield* Deferred.make<void>()
      executor.onSpawn = () => Deferred.await(go)
      const create = Effect.result(runtime.create({ worker_id: WorkerId.make("mine") }, {}))
      const both = yield* Effect.forkChild(Effect.all([create, create], { concurrency: 2 }))
      yield* settle
      yield* Deferred.succeed(go, undefined)
      const tags = (yield* Fiber.join(both)).map((it) => it._tag)
      assert.deepStrictEqual(tags.toSorted(), ["Failure", "Success"])
      assert.strictEqual((yield* runtime.list({})).items.length, 1)
    })
  )

  it.effect("hands the first input over once, in the commit that creates the worker", () =>
    Effect.gen(function* () {
      const { executor, start, store } = yield* world()
      const runtime = yield* start()
      const { answer } = yield* runtime.create({ initial_input: user("hello") }, {})
      assert.strictEqual(answer.state, "busy")
      assert.strictEqual(answer.transcript_len, 1)
      assert.strictEqual(store.commits.length, 1)
      assert.deepStrictEqual(
        store.commits[0]!.events.map(({ event }) => event.event),
        ["user_message", "status"]
      )
      yield* settle
      assert.deepStrictEqual(executor.accepted, [user("hello")])
      assert.isTrue(executor.turn.started)
      yield* executor.turn.finishes
      yield* settle
      assert.strictEqual((yield* runtime.get(answer.worker_id)).state, "idle")
      assert.strictEqual(executor.turns.length, 1)
    })
  )

  it.effect("refuses a first input that is blank, oversized or of another kind, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const { executor, start, store } = yield* world()
      const runtime = yield* start()
      const refused = (initial_input: { readonly kind: "user" | "system"; readonly content: string }) =>
        Effect.map(Effect.flip(runtime.create({ initial_input }, {})), (problem) => problem._tag)
      assert.strictEqual(yield* refused(user("")), "invalid_request")
      assert.strictEqual(yield* refused(user(" \n\t\u3000")), "invalid_request")
      assert.strictEqual(yield* refused({ kind: "system", content: "x" }), "invalid_initial_input_kind")
      assert.strictEqual(yield* refused(user("x".repeat(maxInputBytes + 1))), "payload_too_large")
      assert.strictEqual(yield* refused(user("é".repeat(maxInputBytes / 2 + 1))), "payload_too_large")
      assert.deepStrictEqual(executor.spawned, [])
      assert.deepStrictEqual(store.commits, [])
      assert.strictEqual((yield* runtime.describe).worker_count, 0)
    })
  )

  it.effect("takes a first input of exactly the maximum, counted in bytes", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      const { answer } = yield* runtime.create({ initial_input: user("é".repeat(maxInputBytes / 2)) }, {})
      assert.strictEqual(answer.transcript_len, 1)
    })
  )

  it.effect("stops at the limit, those that are being created included", () =>
    Effect.gen(function* () {
      const { executor, start } = yield* world()
      const runtime = yield* start({ maxWorkers: 3 })
      const go = yield* Deferred.make<void>()
      executor.onSpawn = () => Deferred.await(go)
      const creating = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 5 }, () => Effect.result(runtime.create({}, {}))),
          { concurrency: "unbounded" }
        )
      )
      yield* settle
      yield* Deferred.succeed(go, undefined)
      const results = yield* Fiber.join(creating)
      assert.strictEqual(results.filter((it) => it._tag === "Success").length, 3)
      const refused = results.flatMap((it) => (it._tag === "Failure" ? [it.failure] : []))
      assert.deepStrictEqual(
        refused.map((it) => [it._tag, it.context.max]),
        [
          ["worker_limit_reached", 3],
          ["worker_limit_reached", 3]
        ]
      )
    })
  )

  it.effect("that the executor refuses, breaks or leaves hanging frees the id and ends the session", () =>
    Effect.gen(function* () {
      const { executor, start, store } = yield* world()
      const runtime = yield* start()
      const worker_id = WorkerId.make("mine")
      const create = runtime.create({ worker_id, initial_input: user("hello") }, {})

      executor.onSpawn = () => Problem.fail("worker_execution_rejected", "No.")
      assert.strictEqual((yield* Effect.flip(create))._tag, "worker_execution_rejected")

      executor.onSpawn = () => Effect.die(new Error("broken"))
      assert.strictEqual((yield* Effect.exit(create))._tag, "Failure")

      executor.onSpawn = () => Effect.never
      const hanging = yield* Effect.forkChild(Effect.flip(create))
      yield* settle
      yield* TestClock.adjust(deadlineMs)
      assert.strictEqual((yield* Fiber.join(hanging))._tag, "execution_backend_unavailable")

      executor.onSpawn = () => Effect.void
      executor.onAccept = () => Problem.fail("worker_execution_rejected", "Not this.")
      assert.strictEqual((yield* Effect.flip(create))._tag, "worker_execution_rejected")

      assert.deepStrictEqual(executor.closed, [worker_id, worker_id, worker_id, worker_id])
      assert.deepStrictEqual(store.commits, [])
      executor.onAccept = () => Effect.void
      assert.strictEqual((yield* create).answer.worker_id, worker_id)
    })
  )

  it.effect("can be given up while the executor starts: nothing stays behind", () =>
    Effect.gen(function* () {
      const { executor, start, store } = yield* world()
      const runtime = yield* start({ maxWorkers: 1 })
      executor.onSpawn = () => Effect.never
      const fiber = yield* Effect.forkChild(runtime.create({}, {}))
      yield* settle
      assert.strictEqual(executor.spawned.length, 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(executor.closed.length, 1)
      assert.deepStrictEqual(store.commits, [])
      executor.onSpawn = () => Effect.void
      assert.strictEqual((yield* runtime.create({}, {})).answer.state, "idle")
    })
  )
})

describe("input", () => {
  it.effect("is acknowledged with the number of its message and its place in the transcript", () =>
    Effect.gen(function* () {
      const { executor, start, store } = yield* world()
      const runtime = yield* start()
      const worker_id = yield* created(runtime)
      const observer = yield* observe(runtime, worker_id)
      const first = (yield* runtime.input(worker_id, user("one"), {})).answer
      assert.deepStrictEqual(first, {
        runtime_id,
        worker_id,
        state: "busy",
        event_id: 2,
        transcript_sequence: 1
      })
      yield* settle
      yield* executor.turn.says(delta("o"), said("one"))
      yield* executor.turn.finishes
      yield* observer.until(isState("idle"))
      const second = (yield* runtime.input(worker_id, user("two"), {})).answer
      assert.strictEqual(second.transcript_sequence, 3)
      const message = observer.entries.find((entry) => entry.event_id === String(second.event_id))
      assert.strictEqual(message?.event.event, "user_message")
      const stored = yield* store.service.transcript(worker_id, 0, 10)
      assert.deepStrictEqual(
        stored.map(({ content, event_id, role, sequence }) => [sequence, role, content, event_id]),
        [
          [1, "user", "one", first.event_id],
          [2, "assistant", "one", 4],
          [3, "user", "two", second.event_id]
        ]
      )
    })
  )

  it.effect("of kind system is told as such", () =>
    Effect.gen(function* () {
      const { start, store } = yield* world()
      const runtime = yield* start()
      const worker_id = yield* created(runtime)
      yield* runtime.input(worker_id, { kind: "system", content: "note" }, {})
      assert.strictEqual(store.commits.at(-1)?.events[0]?.event.event, "system_item")
      assert.strictEqual((yield* runtime.transcript(worker_id, {})).items[0]?.role, "system")
    })
  )

  it.effect("is refused while the worker is busy, with a time to come back, and nothing is added", () =>
    Effect.gen(function* () {
      const { executor, start } = yield* world()
      const runtime = yield* start()
      const worker_id = yield* created(runtime)
      yield* runtime.input(worker_id, user("one"), {})
      const problem = yield* runtime.input(worker_id, user("two"), {}).pipe(Effect.flip)
      assert.strictEqual(problem._tag, "worker_busy")
      assert.isAbove(problem.context.retry_after_ms ?? 0, 0)
      assert.strictEqual((yield* runtime.get(worker_id)).transcript_len, 1)
      assert.strictEqual(executor.accepted.length, 1)
    })
  )

  it.effect("of two at the same time exactly one is taken", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      const worker_id = yield* created(runtime)
      const send = (text: string) => Effect.result(runtime.input(worker_id, user(text), {}))
      const tags = (yield* Effect.all([send("a"), send("b")], { concurrency: 2 })).map((it) => it._tag)
      assert.deepStrictEqual(tags.toSorted(), ["Failure", "Success"])
      assert.strictEqual((yield* runtime.get(worker_id)).transcript_len, 1)
    })
  )

  it.effect("that the executor refuses adds nothing and leaves the worker idle", () =>
    Effect.gen(function* () {
      const { executor, start, store } = yield* world()
      const runtime = yield* start()
      const worker_id = yield* created(runtime)
      const before = store.commits.length
      executor.onAccept = () => Problem.fail("worker_execution_rejected", "Not this.")
      const problem = yield* runtime.input(worker_id, user("x"), {}).pipe(Effect.flip)
      assert.deepStrictEqual([problem._tag, problem.message], ["worker_execution_rejected", "Not this."])
      assert.strictEqual(store.commits.length, before)
      assert.strictEqual((yield* runtime.get(worker_id)).state, "idle")
    })
  )

  it.effect(
    "that an executor leaves hanging can be given up, and is given up in time; the worker can be stopped then",
    () =>
      Effect.gen(function* () {
        const { executor, start } = yield* world()
        const runtime = yield* start()
        const worker_id = yield* created(runtime)
        executor.onAccept = () => Effect.never
        const given = yield* Effect.forkChild(runtime.input(worker_id, user("x"), {}))
        yield* settle
        yield* Fiber.interrupt(given)

        const late = yield* Effect.forkChild(Effect.flip(runtime.input(worker_id, user("x"), {})))
        yield* settle
        const stop = yield* Effect.forkChild(runtime.stop(worker_id, {}))
        yield* TestClock.adjust(deadlineMs)
        assert.strictEqual((yield* Fiber.join(late))._tag, "execution_backend_unavailable")
        assert.strictEqual((yield* Fiber.join(stop)).answer.state, "stopped")
        assert.strictEqual((yield* runtime.get(worker_id)).transcript_len, 0)
      })
  )

  it.effect("to an ended, an unknown or a badly addressed worker is refused", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      const worker_id = yield* created(runtime)
      yield* runtime.stop(worker_id, {})
      const tag = (id: string, content: string) =>
        Effect.map(Effect.flip(runtime.input(WorkerId.make(id), user(content), {})), (it) => it._tag)
      assert.strictEqual(yield* tag(worker_id, "x"), "worker_not_running")
      assert.strictEqual(yield* tag("nobody", "x"), "worker_not_found")
      assert.strictEqual(yield* tag(worker_id, " "), "invalid_request")
    })
  )
})

describe("stop and cancel", () => {
  it.effect("end the worker; repeated and crossed they answer how it ended, and change nothing", () =>
    Effect.gen(function* () {
      const { executor, start, store } = yield* world()
      const runtime = yield* start()
      const worker_id = yield* created(runtime)
      const first = (yield* runtime.stop(worker_id, {})).answer
      assert.strictEqual(first.state, "stopped")
      yield* settle
      assert.deepStrictEqual(executor.closed, [worker_id])
      const before = yield* runtime.get(worker_id)
      yield* TestClock.adjust("1 hour")
      for (const again of [runtime.stop(worker_id, {}), runtime.cancel(worker_id, {})]) {
        assert.deepStrictEqual((yield* again).answer, first)
      }
      assert.deepStrictEqual(yield* runtime.get(worker_id), before)
      assert.strictEqual(store.commits.length, 2)
      assert.deepStrictEqual(executor.closed, [worker_id])
    })
  )

  it.effect("at the same time agree on one ending", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      const worker_id = yield* created(runtime)
      const [stop, cancel] = yield* Effect.all([runtime.stop(worker_id, {}), runtime.cancel(worker_id, {})], {
        concurrency: 2
      })
      assert.deepStrictEqual(stop.answer, cancel.answer)
    })
  )

  it.effect("roll a run back: it says nothing any more, its watchers see the end once, and what they read stays", () =>
    Effect.gen(function* () {
      const { executor, start } = yield* world()
      const runtime = yield* start()
      const worker_id = yield* created(runtime)
      const observer = yield* observe(runtime, worker_id)
      yield* runtime.input(worker_id, user("go"), {})
      yield* settle
      yield* executor.turn.says(delta("half"))
      yield* observer.until((entry) => entry.event.event === "text_delta")
      yield* runtime.cancel(worker_id, {})
      yield* executor.turn.says(delta("more"), said("all"))
      yield* executor.turn.finishes
      yield* settle
      assert.deepStrictEqual(observer.names, ["user_message", "status", "text_delta", "text_done", "run_end", "status"])
      assert.deepStrictEqual(observer.entries[4]?.event.data, { result: "rolled_back" })
      const { items } = yield* runtime.transcript(worker_id, {})
      assert.deepStrictEqual(
        items.map(({ content }) => content),
        ["go", "half"]
      )
      assert.strictEqual(executor.turn.exit?._tag, "Failure")
      assert.strictEqual(observer.state.state, "cancelled")
      assert.isNull(observer.state.in_flight)
      assert.strictEqual((yield* runtime.get(worker_id)).state, "cancelled")
    })
  )

  it.effect("that race a run's last words leave a worker that has ended, and no number twice", () =>
    Effect.gen(function* () {
      const { executor, start } = yield* world()
      const runtime = yield* start()
      for (let steps = 0; steps < 40; steps++) {
        const worker_id = yield* created(runtime)
        const observer = yield* observe(runtime, worker_id)
        yield* runtime.input(worker_id, user("go"), {})
        yield* settle
        yield* executor.turn.says(said("done"))
        yield* executor.turn.finishes
        for (let i = 0; i < steps; i++) yield* Effect.yieldNow
        const { answer } = yield* runtime.stop(worker_id, {})
        yield* settle
        const worker = yield* runtime.get(worker_id)
        assert.strictEqual(worker.state, "stopped")
        assert.strictEqual(worker.last_event_id, answer.event_id)
        assert.strictEqual(observer.entries.at(-1)?.event_id, String(answer.event_id))
        assert.strictEqual(observer.names.filter((name) => name === "run_end").length, 1)
      }
    })
  )

  it.effect("do not wait for a session that ends slowly, and a shutdown meanwhile still lets it end", () =>
    Effect.gen(function* () {
      const { executor, session } = yield* world()
      const { close, runtime } = yield* session()
      const worker_id = yield* created(runtime)
      const ending = yield* Deferred.make<void>()
      executor.onClose = Deferred.await(ending)
      yield* runtime.stop(worker_id, {})
      yield* settle
      const closing = yield* Effect.forkChild(close)
      yield* settle
      assert.deepStrictEqual(executor.closed, [])
      yield* Deferred.succeed(ending, undefined)
      yield* Fiber.join(closing)
      assert.deepStrictEqual(executor.closed, [worker_id])
    })
  )
})

describe("drain and remove", () => {
  it.effect("a draining runtime takes no new work, says so, and lets what runs go on", () =>
    Effect.gen(function* () {
      const { executor, start } = yield* world()
      const runtime = yield* start()
      const idle = yield* created(runtime)
      const busy = yield* created(runtime)
      yield* runtime.input(busy, user("go"), {})
      yield* runtime.drain
      assert.strictEqual((yield* Effect.flip(runtime.create({}, {})))._tag, "runtime_unavailable")
      assert.strictEqual((yield* Effect.flip(runtime.input(idle, user("x"), {})))._tag, "runtime_unavailable")
      const described = yield* runtime.describe
      assert.deepStrictEqual([described.status, described.worker_creation_available], ["stopped", false])
      yield* settle
      yield* executor.turn.says(said("done"))
      yield* executor.turn.finishes
      yield* settle
      assert.strictEqual((yield* runtime.get(busy)).transcript_len, 2)
      assert.strictEqual((yield* runtime.stop(idle, {})).answer.state, "stopped")
    })
  )

  it.effect(
    "only a worker that has ended can be removed; its id is free then, and its cursors are not taken for new",
    () =>
      Effect.gen(function* () {
        const { start } = yield* world()
        const runtime = yield* start()
        const worker_id = WorkerId.make("mine")
        yield* runtime.create({ worker_id }, {})
        const old = yield* observe(runtime, worker_id)
        assert.strictEqual((yield* Effect.flip(runtime.remove(worker_id)))._tag, "worker_busy")
        yield* runtime.stop(worker_id, {})
        yield* runtime.remove(worker_id)
        assert.strictEqual((yield* Effect.flip(runtime.get(worker_id)))._tag, "worker_not_found")
        assert.strictEqual((yield* Effect.flip(runtime.remove(worker_id)))._tag, "worker_not_found")
        yield* runtime.create({ worker_id }, {})
        yield* old.attach(runtime, worker_id)
        assert.deepStrictEqual(old.resyncs, ["epoch_changed"])
      })
  )

  it.effect("a command that waited while its worker was removed finds it gone", () =>
    Effect.gen(function* () {
      const { start, store } = yield* world()
      const runtime = yield* start()
      const worker_id = yield* created(runtime)
      yield* runtime.stop(worker_id, {})
      const gate = yield* Deferred.make<void>()
      store.onRead = Deferred.await(gate)
      const reset: Array<string> = []
      yield* runtime.watch(
        worker_id,
        undefined,
        () => {},
        (reason) => reset.push(reason)
      )
      const removing = yield* Effect.forkChild(runtime.remove(worker_id))
      yield* settle
      const stop = yield* Effect.forkChild(Effect.flip(runtime.stop(worker_id, {})))
      yield* settle
      yield* Fiber.interrupt(removing).pipe(Effect.forkChild)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(stop))._tag, "worker_not_found")
      assert.strictEqual((yield* runtime.list({})).items.length, 0)
      assert.deepStrictEqual(reset, ["gone"])
    })
  )
})
