/** What becomes of workers, streams and conversations when the engine starts again on the same store. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as MemoryWorkerStore from "../../src/adapters/stores/MemoryWorkerStore.ts"
import { deadlineMs } from "../../src/domain/engine/Session.ts"
import type { WorkerId } from "../../src/domain/Identifiers.ts"
import * as Problem from "../../src/domain/Problem.ts"
import * as Snapshot from "../../src/domain/Snapshot.ts"
import { created, isState, observe, Observer, type Runtime, settle, user, type World, world } from "./EngineWorld.ts"
import { delta, said } from "./ScriptedExecutor.ts"

const turn = Effect.fnUntraced(function* (it: World, runtime: Runtime, worker_id: WorkerId, text: string) {
  yield* runtime.input(worker_id, user(text), {})
  yield* settle
  yield* it.executor.turn.says(delta(text), said(text))
  yield* it.executor.turn.finishes
  while ((yield* runtime.get(worker_id)).state === "busy") yield* settle
})

describe("a restart", () => {
  it.effect("brings idle workers back as they were, with the sessions they had, in the same order", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const ids: Array<WorkerId> = []
      for (let i = 0; i < 40; i++) {
        ids.push(yield* created(first.runtime))
        yield* TestClock.adjust(1)
      }
      yield* turn(it, first.runtime, ids[0]!, "hello")
      const before = yield* first.runtime.list({})
      yield* first.close
      it.executor.spawned.length = 0
      const runtime = yield* it.start()
      assert.deepStrictEqual(yield* runtime.list({}), before)
      const [spawned] = it.executor.spawned
      assert.deepInclude(spawned, { worker_id: ids[0]!, profile: { kind: "builtin", value: "first" } })
      assert.strictEqual(spawned?.resume?.backend_id, `session-of-${ids[0]}`)
      assert.strictEqual(it.executor.spawned.length, ids.length)
      yield* turn(it, runtime, ids[0]!, "again")
      assert.strictEqual((yield* runtime.get(ids[0]!)).transcript_len, 4)
    })
  )

  it.effect("lets an executor ask how much was said and heard, in bytes, and is told when that cannot be read", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const worker_id = yield* created(first.runtime)
      for (let i = 0; i < 150; i++) yield* turn(it, first.runtime, worker_id, "é€😀")
      yield* first.close
      yield* it.start()
      const bytes = it.executor.spawned.at(-1)!.resume!.transcript_bytes!
      assert.strictEqual(yield* bytes, 150 * 2 * 9)
      it.store.onRead = Effect.fail(Problem.make("store_io"))
      assert.strictEqual((yield* Effect.flip(bytes))._tag, "execution_backend_unavailable")
    })
  )

  it.effect("tells a busy worker's watchers that the turn did not finish, and sends no input a second time", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const { answer } = yield* first.runtime.create({ initial_input: user("once") }, {})
      const observer = new Observer()
      yield* observer.attach(first.runtime, answer.worker_id)
      yield* settle
      yield* first.close
      assert.strictEqual(it.executor.turn.exit?._tag, "Failure")
      const runtime = yield* it.start()
      yield* observer.attach(runtime, answer.worker_id)
      assert.deepStrictEqual(observer.names, ["error", "run_end", "status"])
      assert.strictEqual(observer.entries[0]?.event.data.code, "run_interrupted")
      assert.deepStrictEqual(observer.resyncs, [])
      const worker = yield* runtime.get(answer.worker_id)
      assert.deepStrictEqual([worker.state, worker.transcript_len], ["idle", 1])
      yield* settle
      assert.strictEqual(it.executor.accepted.length, 1)
      assert.strictEqual(it.executor.turns.length, 1)
    })
  )

  it.effect("leaves a worker that cannot be brought back stale with the reason, and the others live", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const refused = yield* created(first.runtime)
      const broken = yield* created(first.runtime)
      const hanging = yield* created(first.runtime)
      const fine = yield* created(first.runtime)
      yield* first.runtime.input(refused, user("go"), {})
      yield* first.close
      it.executor.closed.length = 0
      it.executor.onSpawn = ({ worker_id }) =>
        worker_id === refused
          ? Problem.fail("execution_backend_unavailable", "The session has expired.")
          : worker_id === broken
            ? Effect.die(new Error("password=hunter2"))
            : worker_id === hanging
              ? Effect.never
              : Effect.void
      const starting = yield* Effect.forkChild(it.session())
      yield* settle
      yield* TestClock.adjust(deadlineMs)
      const { runtime } = yield* Fiber.join(starting)
      const states = (yield* runtime.list({})).items.map(({ state, state_reason }) => [state, state_reason])
      assert.deepStrictEqual(states[0], ["stale", "The session has expired."])
      assert.strictEqual(states[1]?.[0], "stale")
      assert.notInclude(states[1]?.[1], "hunter2")
      assert.strictEqual(states[2]?.[0], "stale")
      assert.deepStrictEqual(states[3], ["idle", undefined])
      assert.deepStrictEqual(it.executor.closed.toSorted(), [refused, broken, hanging].toSorted())

      const problem = yield* Effect.flip(runtime.input(refused, user("x"), {}))
      assert.deepStrictEqual(
        [problem._tag, problem.message],
        ["worker_execution_unavailable", "The session has expired."]
      )
      const events = yield* it.store.service.events(refused, 0, 100)
      assert.deepStrictEqual(
        events.slice(-3).map(({ event }) => event.event),
        ["error", "run_end", "status"]
      )
      yield* turn(it, runtime, fine, "hello")
      assert.strictEqual((yield* runtime.stop(broken, {})).answer.state, "stopped")
      yield* runtime.remove(hanging)
    })
  )

  it.effect("brings a stale worker back once its executor is there again", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const worker_id = yield* created(first.runtime)
      yield* first.close
      it.executor.onSpawn = () => Problem.fail("execution_backend_unavailable", "Not yet.")
      const second = yield* it.session()
      const stale = yield* second.runtime.get(worker_id)
      assert.strictEqual(stale.state, "stale")
      yield* second.close
      const third = yield* it.session()
      assert.strictEqual((yield* third.runtime.get(worker_id)).last_event_id, stale.last_event_id)
      yield* third.close
      it.executor.onSpawn = () => Effect.void
      const runtime = yield* it.start()
      const worker = yield* runtime.get(worker_id)
      assert.strictEqual(worker.state, "idle")
      assert.notProperty(worker, "state_reason")
      yield* turn(it, runtime, worker_id, "hello")
    })
  )

  it.effect("with a store that takes nothing leaves the worker stale rather than half alive", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const worker_id = yield* created(first.runtime)
      yield* first.runtime.input(worker_id, user("go"), {})
      yield* first.close
      it.executor.closed.length = 0
      it.store.before = () => Effect.fail(Problem.make("store_io"))
      const runtime = yield* it.start()
      assert.strictEqual((yield* runtime.get(worker_id)).state, "stale")
      assert.deepStrictEqual(it.executor.closed, [worker_id])
      it.store.before = () => Effect.void
      assert.strictEqual(
        (yield* Effect.flip(runtime.input(worker_id, user("x"), {})))._tag,
        "worker_execution_unavailable"
      )
    })
  )

  it.effect("leaves ended workers ended, without a session", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const worker_id = yield* created(first.runtime)
      yield* first.runtime.cancel(worker_id, {})
      yield* first.close
      it.executor.spawned.length = 0
      const runtime = yield* it.start()
      assert.deepStrictEqual(it.executor.spawned, [])
      assert.strictEqual((yield* runtime.stop(worker_id, {})).answer.state, "cancelled")
      assert.strictEqual((yield* runtime.watch(worker_id, undefined, () => {})).ended, "cancelled")
    })
  )
})

describe("a stream across a restart", () => {
  it.effect("resumes by its cursor from the store, and goes on live without a hole or a duplicate", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const worker_id = yield* created(first.runtime)
      const away = new Observer()
      const scoped = Effect.scoped(away.attach(first.runtime, worker_id))
      yield* scoped
      const faithful = yield* observe(first.runtime, worker_id)
      yield* turn(it, first.runtime, worker_id, "one")
      yield* turn(it, first.runtime, worker_id, "two")
      yield* first.close
      const runtime = yield* it.start()
      const given = away.cursor
      const watching = yield* away.attach(runtime, worker_id)
      assert.strictEqual(watching.cursor, given, "a cut during the replay resumes where it began")
      yield* faithful.attach(runtime, worker_id)
      yield* turn(it, runtime, worker_id, "three")
      yield* settle
      assert.deepStrictEqual([away.resyncs, faithful.resyncs], [[], []])
      assert.deepStrictEqual(away.state, faithful.state)
      assert.deepStrictEqual(
        away.state.transcript.items.map(({ content }) => content),
        ["one", "one", "two", "two", "three", "three"]
      )
    })
  )

  it.effect("is told to start again when the store no longer has what came after its cursor", () =>
    Effect.gen(function* () {
      const it = yield* world(MemoryWorkerStore.layerRetaining({ maxEvents: 4 }))
      const first = yield* it.session()
      const worker_id = yield* created(first.runtime)
      const observer = new Observer()
      yield* Effect.scoped(observer.attach(first.runtime, worker_id))
      yield* turn(it, first.runtime, worker_id, "one")
      yield* turn(it, first.runtime, worker_id, "two")
      yield* first.close
      const runtime = yield* it.start()
      yield* observer.attach(runtime, worker_id)
      assert.deepStrictEqual(observer.resyncs, ["expired"])
      assert.deepStrictEqual(observer.entries, [])
      assert.strictEqual(observer.state.transcript.total_items, 4)
    })
  )

  it.effect("that resumes while the worker goes on and the store answers late misses and repeats nothing", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const worker_id = yield* created(first.runtime)
      const observer = new Observer()
      yield* Effect.scoped(observer.attach(first.runtime, worker_id))
      for (let i = 0; i < 3; i++) yield* turn(it, first.runtime, worker_id, `${i}`)
      yield* first.close
      const runtime = yield* it.start()
      // A commit that the store has taken, and that the engine has not shown yet, while the stream catches up.
      const shown = yield* Deferred.make<void>()
      it.store.after = () => Deferred.await(shown)
      const input = yield* Effect.forkChild(runtime.input(worker_id, user("meanwhile"), {}))
      yield* settle
      yield* observer.attach(runtime, worker_id)
      assert.deepStrictEqual(observer.resyncs, [])
      const fresh = yield* observe(runtime, worker_id)
      it.store.after = () => Effect.void
      yield* Deferred.succeed(shown, undefined)
      yield* Fiber.join(input)
      yield* observer.until(isState("busy"))
      assert.deepStrictEqual(observer.entries.filter((entry) => entry.event.event === "user_message").length, 4)
      const contents = fresh.state.transcript.items.map(({ content }) => content)
      assert.deepStrictEqual(contents, ["0", "0", "1", "1", "2", "2", "meanwhile"])
      assert.deepStrictEqual(observer.state, fresh.state)
    })
  )

  it.effect("shows the tail of the stored transcript in the first snapshot, and no more than the tail", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const worker_id = yield* created(first.runtime)
      for (let i = 0; i < 30; i++) yield* turn(it, first.runtime, worker_id, `${i}`)
      const before = (yield* first.runtime.watch(worker_id, undefined, () => {})).snapshot
      yield* first.close
      const runtime = yield* it.start()
      const { snapshot } = yield* runtime.watch(worker_id, undefined, () => {})
      assert.deepStrictEqual(snapshot, before)
      assert.strictEqual(snapshot.transcript.items.length, Snapshot.maxTailItems)
      assert.strictEqual(snapshot.transcript.start, 60 - Snapshot.maxTailItems)
    })
  )

  it.effect("is told of a store that fails, and can be opened once it works again", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const worker_id = yield* created(first.runtime)
      yield* turn(it, first.runtime, worker_id, "one")
      yield* first.close
      const runtime = yield* it.start()
      it.store.onRead = Effect.fail(Problem.make("store_io"))
      const problem = yield* Effect.flip(runtime.watch(worker_id, undefined, () => {}))
      assert.strictEqual(problem._tag, "store_io")
      it.store.onRead = Effect.void
      const { snapshot } = yield* runtime.watch(worker_id, undefined, () => {})
      assert.strictEqual(snapshot.transcript.items.length, 2)
      it.store.onRead = Effect.fail(Problem.make("store_io"))
      const second = yield* runtime.watch(worker_id, undefined, () => {})
      assert.deepStrictEqual(second.snapshot, snapshot, "the tail is read once")
    })
  )

  it.effect("a snapshot whose tail is read while the worker goes on holds every item once", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const worker_id = yield* created(first.runtime)
      yield* turn(it, first.runtime, worker_id, "one")
      yield* first.close
      const runtime = yield* it.start()
      const gate = yield* Deferred.make<void>()
      it.store.afterRead = Deferred.await(gate)
      const opening = yield* Effect.forkChild(observe(runtime, worker_id))
      yield* settle
      yield* runtime.input(worker_id, user("two"), {})
      it.store.afterRead = Effect.void
      yield* Deferred.succeed(gate, undefined)
      const observer = yield* Fiber.join(opening)
      assert.deepStrictEqual(
        observer.state.transcript.items.map(({ sequence, content }) => [sequence, content]),
        [
          [1, "one"],
          [2, "one"],
          [3, "two"]
        ]
      )
      assert.strictEqual(observer.state.transcript.start, 0)
    })
  )
})
