/** Inputs that wait for their turn: durable when acknowledged, started once and in order, or told why not. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { retryMs } from "../../src/domain/engine/Turns.ts"
import * as Problem from "../../src/domain/Problem.ts"
import { maxQueuedBytes, maxQueuedInputs, queuedPreviewLength } from "../../src/domain/Worker.ts"
import {
  busy,
  created,
  inMode,
  isState,
  key,
  observe,
  Observer,
  type Runtime,
  settle,
  user,
  world
} from "./EngineWorld.ts"
import { said, type ScriptedExecutor } from "./ScriptedExecutor.ts"

const full = Problem.make("store_io")
const wait = (content: string) => inMode(content, "queue")
const inputs = (executor: ScriptedExecutor) => executor.accepted.map(({ content }) => content)

const users = Effect.fnUntraced(function* (runtime: Runtime, worker_id: Parameters<Runtime["get"]>[0]) {
  const { items } = yield* runtime.transcript(worker_id, {})
  return items.filter(({ role }) => role === "user").map(({ content }) => content)
})

describe("an input that waits", () => {
  it.effect("is durable when acknowledged, says where it waits, and is no part of the transcript yet", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, store, worker_id } = yield* busy
      const { answer } = yield* runtime.input(worker_id, wait("one"), {})
      const second = yield* runtime.input(worker_id, { kind: "system", content: "two", mode: "queue" }, {})
      const worker = yield* runtime.get(worker_id)
      assert.deepStrictEqual([answer.state, answer.transcript_sequence, answer.event_id], ["busy", 0, 4])
      assert.strictEqual(answer.queued?.position, 1)
      assert.strictEqual(second.answer.queued?.position, 2)
      assert.deepStrictEqual(observer.names.slice(2), ["input_queued", "input_queued"])
      assert.deepStrictEqual(observer.entries[2]?.event.data, {
        input_id: answer.queued?.input_id,
        kind: "user",
        content: "one",
        queued_at: worker.queued_inputs?.[0]?.queued_at
      })
      assert.deepStrictEqual(worker.queued_inputs, observer.state.queued_inputs)
      assert.deepStrictEqual(store.commits.at(-1)?.worker, worker)
      assert.deepStrictEqual(yield* users(runtime, worker_id), ["go"])
      assert.strictEqual(executor.accepted.length, 1)
    })
  )

  it.effect("starts when the turn ends, however it ends, in one commit with its message", () =>
    Effect.gen(function* () {
      for (const ends of ["finishes", "fails", "breaks", "interrupt"] as const) {
        const { executor, observer, runtime, store, worker_id } = yield* busy
        const { answer } = yield* runtime.input(worker_id, wait("next"), {})
        yield* ends === "finishes"
          ? executor.turn.finishes
          : ends === "fails"
            ? executor.turn.fails({ code: "x", message: "x" })
            : ends === "breaks"
              ? executor.turn.breaks(new Error("x"))
              : runtime.interrupt(worker_id, {})
        yield* settle
        assert.deepStrictEqual(observer.names.slice(-3), ["input_unqueued", "user_message", "status"])
        assert.deepStrictEqual(observer.entries.at(-3)?.event.data, {
          input_id: answer.queued!.input_id,
          reason: "started"
        })
        assert.strictEqual(store.commits.at(-1)?.events.length, 3)
        assert.strictEqual(observer.state.state, "busy")
        assert.notProperty(observer.state, "queued_inputs")
        const worker = yield* runtime.get(worker_id)
        assert.notProperty(worker, "queued_inputs")
        assert.notProperty(worker, "state_reason")
        assert.isTrue(executor.turn.started)
        yield* executor.turn.says(said("answer"))
        yield* executor.turn.finishes
        yield* settle
        assert.strictEqual((yield* runtime.get(worker_id)).state, "idle")
        assert.deepStrictEqual(yield* users(runtime, worker_id), ["go", "next"])
      }
    })
  )

  it.effect("keeps its place: those that wait start in the order in which they were acknowledged", () =>
    Effect.gen(function* () {
      const { executor, runtime, worker_id } = yield* busy
      const texts = Array.from({ length: maxQueuedInputs }, (_, index) => `${index}`)
      for (const text of texts) yield* runtime.input(worker_id, wait(text), {})
      for (let i = 0; i <= texts.length; i++) yield* Effect.andThen(executor.turn.finishes, settle)
      assert.deepStrictEqual(inputs(executor), ["go", ...texts])
      assert.deepStrictEqual(yield* users(runtime, worker_id), ["go", ...texts])
      assert.strictEqual((yield* runtime.get(worker_id)).state, "idle")
    })
  )

  it.effect("is not overtaken between two turns: a worker for which an input waits is not free", () =>
    Effect.gen(function* () {
      const { executor, runtime, worker_id } = yield* busy
      yield* runtime.input(worker_id, wait("first"), {})
      const gate = yield* Deferred.make<void>()
      executor.onAccept = ({ content }) => (content === "first" ? Deferred.await(gate) : Effect.void)
      yield* Effect.andThen(executor.turn.finishes, settle)
      assert.strictEqual((yield* runtime.get(worker_id)).state, "idle")
      const refused = yield* Effect.forkChild(Effect.flip(runtime.input(worker_id, user("cheeky"), {})))
      const second = yield* Effect.forkChild(runtime.input(worker_id, wait("second"), {}))
      yield* settle
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(refused))._tag, "worker_busy")
      assert.strictEqual((yield* Fiber.join(second)).answer.queued?.position, 1)
      yield* Effect.andThen(executor.turn.finishes, settle)
      assert.deepStrictEqual(inputs(executor), ["go", "first", "second"])
    })
  )

  it.effect("is not overtaken by an input that came while the turn was ending", () =>
    Effect.gen(function* () {
      const { executor, runtime, store, worker_id } = yield* busy
      yield* runtime.input(worker_id, wait("first"), {})
      const gate = yield* Deferred.make<void>()
      store.before = () => Deferred.await(gate)
      yield* Effect.andThen(executor.turn.finishes, settle)
      const refused = yield* Effect.forkChild(Effect.flip(runtime.input(worker_id, user("cheeky"), {})))
      const second = yield* Effect.forkChild(runtime.input(worker_id, wait("second"), {}))
      yield* settle
      store.before = () => Effect.void
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(refused))._tag, "worker_busy")
      assert.strictEqual((yield* Fiber.join(second)).answer.queued?.position, 2)
      yield* settle
      yield* Effect.andThen(executor.turn.finishes, settle)
      assert.deepStrictEqual(inputs(executor), ["go", "first", "second"])
    })
  )

  it.effect("whose start is cut short by a shutdown still waits, and starts after it", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const { close, runtime } = yield* it.session()
      const worker_id = yield* created(runtime)
      yield* runtime.input(worker_id, user("go"), {})
      yield* runtime.input(worker_id, wait("later"), {})
      yield* settle
      it.executor.onAccept = () => Effect.never
      yield* Effect.andThen(it.executor.turn.finishes, settle)
      yield* close
      it.executor.onAccept = () => Effect.void
      const again = yield* it.start()
      yield* settle
      assert.deepStrictEqual(yield* users(again, worker_id), ["go", "later"])
    })
  )

  it.effect("is refused beyond the bounds of number and bytes, and one that goes makes room", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      for (let i = 0; i < maxQueuedInputs; i++) yield* runtime.input(worker_id, wait(`${i}`), {})
      const seen = observer.entries.length
      const problem = yield* Effect.flip(runtime.input(worker_id, wait("x"), {}))
      assert.deepStrictEqual([problem._tag, problem.context.max], ["input_queue_full", maxQueuedInputs])
      assert.isAbove(problem.context.retry_after_ms ?? 0, 0)
      assert.strictEqual(observer.entries.length, seen)
      yield* Effect.andThen(executor.turn.finishes, settle)
      yield* runtime.input(worker_id, wait("x"), {})

      const other = yield* busy
      const half = "€".repeat(Math.floor(maxQueuedBytes / 6))
      yield* other.runtime.input(other.worker_id, wait(half), {})
      yield* other.runtime.input(other.worker_id, wait(half), {})
      const heavy = yield* Effect.flip(other.runtime.input(other.worker_id, wait("xxxxx"), {}))
      assert.deepStrictEqual([heavy._tag, heavy.context.max], ["input_queue_full", maxQueuedBytes])
    })
  )

  it.effect("is held whole and shown by its beginning", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      const long = `${"x".repeat(queuedPreviewLength - 1)}😀 and more`
      yield* runtime.input(worker_id, wait(long), {})
      const shown = observer.state.queued_inputs?.[0]?.content
      assert.strictEqual(shown, "x".repeat(queuedPreviewLength - 1), "cut in whole characters")
      assert.strictEqual(observer.entries.at(-1)?.event.data.content, shown)
      assert.strictEqual((yield* runtime.get(worker_id)).queued_inputs?.[0]?.content, long)
      yield* Effect.andThen(executor.turn.finishes, settle)
      assert.deepStrictEqual(inputs(executor), ["go", long])
    })
  )

  it.effect("that the executor refuses is told with its words, and the next one is tried", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      for (const text of ["refused", "broken", "fine"]) yield* runtime.input(worker_id, wait(text), {})
      executor.onAccept = ({ content }) =>
        content === "refused"
          ? Problem.fail("worker_execution_rejected", "Not this one.")
          : content === "broken"
            ? Effect.die(new Error("password=hunter2"))
            : Effect.void
      yield* Effect.andThen(executor.turn.finishes, settle)
      const told = observer.entries
        .filter(({ event }) => event.event === "input_unqueued")
        .map(({ event }) => event.data)
      assert.deepStrictEqual(
        told.map(({ reason }) => reason),
        ["rejected", "rejected", "started"]
      )
      assert.strictEqual(told[0]?.message, "Not this one.")
      assert.notInclude(JSON.stringify(observer.entries), "hunter2")
      assert.deepStrictEqual(yield* users(runtime, worker_id), ["go", "fine"])
    })
  )

  it.effect("after the last one was refused the worker is idle and says what was said of it", () =>
    Effect.gen(function* () {
      const { executor, runtime, worker_id } = yield* busy
      yield* runtime.input(worker_id, wait("refused"), {})
      executor.onAccept = () => Problem.fail("worker_execution_rejected", "Not this one.")
      yield* Effect.andThen(executor.turn.finishes, settle)
      const { last_result, state } = yield* runtime.get(worker_id)
      assert.deepStrictEqual(
        [state, last_result],
        ["idle", { operation: "input", outcome: "rejected", message: "Not this one." }]
      )
      executor.onAccept = () => Effect.void
      yield* runtime.input(worker_id, user("x"), {})
    })
  )

  it.effect("ends with its worker: each is told before the end, in the commit of the end", () =>
    Effect.gen(function* () {
      for (const end of ["stop", "cancel"] as const) {
        const { observer, runtime, store, worker_id } = yield* busy
        for (const text of ["one", "two"]) yield* runtime.input(worker_id, wait(text), {})
        yield* runtime[end](worker_id, {})
        assert.deepStrictEqual(observer.names.slice(-4), ["input_unqueued", "input_unqueued", "run_end", "status"])
        assert.strictEqual(store.commits.at(-1)?.events.length, 4)
        assert.strictEqual(observer.entries.at(-4)?.event.data.reason, "ended")
        assert.notProperty(yield* runtime.get(worker_id), "queued_inputs")
        assert.notProperty(observer.state, "queued_inputs")
      }
    })
  )

  it.effect("is repeated under its key without a second effect; the mode is part of what was asked", () =>
    Effect.gen(function* () {
      const { executor, runtime, worker_id } = yield* busy
      const first = yield* runtime.input(worker_id, wait("once"), key("k"))
      assert.deepStrictEqual(yield* runtime.input(worker_id, wait("once"), key("k")), { ...first, replayed: true })
      for (const mode of ["reject", "interrupt"] as const) {
        const problem = yield* Effect.flip(runtime.input(worker_id, inMode("once", mode), key("k")))
        assert.strictEqual(problem._tag, "idempotency_key_reused")
      }
      yield* Effect.andThen(executor.turn.finishes, settle)
      assert.isTrue((yield* runtime.input(worker_id, wait("once"), key("k"))).replayed)
      yield* Effect.andThen(executor.turn.finishes, settle)
      assert.deepStrictEqual(inputs(executor), ["go", "once"])
      const plain = yield* runtime.input(worker_id, user("plain"), key("p"))
      assert.deepStrictEqual(yield* runtime.input(worker_id, inMode("plain", "reject"), key("p")), {
        ...plain,
        replayed: true
      })
    })
  )

  it.effect("is refused where an input would be: blank, of an ended worker, while the runtime shuts down", () =>
    Effect.gen(function* () {
      const { runtime, worker_id } = yield* busy
      assert.strictEqual((yield* Effect.flip(runtime.input(worker_id, wait(" "), {})))._tag, "invalid_request")
      yield* runtime.drain
      assert.strictEqual((yield* Effect.flip(runtime.input(worker_id, wait("x"), {})))._tag, "runtime_unavailable")
      yield* runtime.stop(worker_id, {})
      const other = yield* busy
      yield* other.runtime.stop(other.worker_id, {})
      const problem = yield* Effect.flip(other.runtime.input(other.worker_id, wait("x"), {}))
      assert.strictEqual(problem._tag, "worker_not_running")
    })
  )

  it.effect("is not started by a runtime that shuts down, and is by the one after it", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const { close, runtime } = yield* it.session()
      const worker_id = yield* created(runtime)
      yield* runtime.input(worker_id, user("go"), {})
      yield* runtime.input(worker_id, wait("later"), {})
      yield* settle
      yield* runtime.drain
      yield* Effect.andThen(it.executor.turn.finishes, settle)
      assert.strictEqual((yield* runtime.get(worker_id)).state, "idle")
      yield* close
      yield* it.start()
      yield* settle
      assert.deepStrictEqual(inputs(it.executor), ["go", "later"])
    })
  )
})

describe("taking a waiting input back", () => {
  it.effect("removes it for good and says so; the others keep their order", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* busy
      const ids: Array<string> = []
      for (const text of ["a", "b", "c"]) {
        ids.push((yield* runtime.input(worker_id, wait(text), {})).answer.queued!.input_id)
      }
      const { answer } = yield* runtime.unqueue(worker_id, ids[1]!, key("k"))
      assert.deepStrictEqual([answer.state, answer.event_id], ["busy", observer.entries.at(-1)?.seq])
      assert.deepStrictEqual(observer.entries.at(-1)?.event, {
        event: "input_unqueued",
        data: { input_id: ids[1], reason: "cancelled" }
      })
      assert.deepStrictEqual(
        observer.state.queued_inputs?.map(({ content }) => content),
        ["a", "c"]
      )
      assert.isTrue((yield* runtime.unqueue(worker_id, ids[1]!, key("k"))).replayed)
      const reused = yield* Effect.flip(runtime.unqueue(worker_id, ids[0]!, key("k")))
      assert.strictEqual(reused._tag, "idempotency_key_reused")
      assert.strictEqual((yield* Effect.flip(runtime.unqueue(worker_id, ids[1]!, {})))._tag, "queued_input_not_found")
      for (let i = 0; i < 3; i++) yield* Effect.andThen(executor.turn.finishes, settle)
      assert.deepStrictEqual(inputs(executor), ["go", "a", "c"])
    })
  )

  it.effect("of one that has started, of an unknown one and of an ended worker's is not found", () =>
    Effect.gen(function* () {
      const { executor, runtime, worker_id } = yield* busy
      const { answer } = yield* runtime.input(worker_id, wait("a"), {})
      const { input_id } = answer.queued!
      yield* Effect.andThen(executor.turn.finishes, settle)
      const tag = Effect.map(Effect.flip(runtime.unqueue(worker_id, input_id, {})), ({ _tag }) => _tag)
      assert.strictEqual(yield* tag, "queued_input_not_found")
      const last = yield* runtime.input(worker_id, wait("b"), {})
      yield* runtime.stop(worker_id, {})
      const gone = yield* Effect.flip(runtime.unqueue(worker_id, last.answer.queued!.input_id, {}))
      assert.strictEqual(gone._tag, "queued_input_not_found")
    })
  )

  it.effect("at the moment it starts: either it was taken back or it runs, never both", () =>
    Effect.gen(function* () {
      for (let steps = 0; steps < 12; steps++) {
        const { executor, runtime, worker_id } = yield* busy
        const { answer } = yield* runtime.input(worker_id, wait("a"), {})
        yield* executor.turn.finishes
        for (let i = 0; i < steps; i++) yield* Effect.yieldNow
        const taken = yield* Effect.exit(runtime.unqueue(worker_id, answer.queued!.input_id, {}))
        yield* settle
        const runs = inputs(executor).includes("a")
        assert.strictEqual(Exit.isSuccess(taken), !runs, `${steps}`)
        assert.strictEqual((yield* users(runtime, worker_id)).includes("a"), runs)
        assert.notProperty(yield* runtime.get(worker_id), "queued_inputs")
      }
    })
  )

  it.effect("of a stale worker's works, and what is left starts once the worker is back", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const worker_id = yield* created(first.runtime)
      yield* first.runtime.input(worker_id, user("go"), {})
      const { answer } = yield* first.runtime.input(worker_id, wait("a"), {})
      yield* first.runtime.input(worker_id, wait("b"), {})
      yield* first.close
      it.executor.onSpawn = () => Problem.fail("execution_backend_unavailable", "Gone.")
      const second = yield* it.session()
      yield* settle
      const stale = yield* second.runtime.get(worker_id)
      assert.deepStrictEqual([stale.state, stale.queued_inputs?.length], ["stale", 2])
      const problem = yield* Effect.flip(second.runtime.input(worker_id, wait("c"), {}))
      assert.strictEqual(problem._tag, "worker_execution_unavailable")
      yield* second.runtime.unqueue(worker_id, answer.queued!.input_id, {})
      yield* second.close
      it.executor.onSpawn = () => Effect.void
      yield* it.start()
      yield* settle
      assert.deepStrictEqual(inputs(it.executor), ["go", "b"])
    })
  )
})

describe("a store that fails", () => {
  it.effect("while an input is queued leaves nothing waiting", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, store, worker_id } = yield* busy
      store.before = () => Effect.fail(full)
      assert.strictEqual((yield* Effect.flip(runtime.input(worker_id, wait("x"), {})))._tag, "store_io")
      store.before = () => Effect.void
      assert.notProperty(yield* runtime.get(worker_id), "queued_inputs")
      yield* Effect.andThen(executor.turn.finishes, settle)
      assert.deepStrictEqual(inputs(executor), ["go"])
      assert.notInclude(observer.names, "input_queued")
    })
  )

  it.effect("while one is taken back leaves it waiting", () =>
    Effect.gen(function* () {
      const { executor, runtime, store, worker_id } = yield* busy
      const { answer } = yield* runtime.input(worker_id, wait("x"), {})
      store.before = () => Effect.fail(full)
      const problem = yield* Effect.flip(runtime.unqueue(worker_id, answer.queued!.input_id, {}))
      assert.strictEqual(problem._tag, "store_io")
      store.before = () => Effect.void
      yield* Effect.andThen(executor.turn.finishes, settle)
      assert.deepStrictEqual(inputs(executor), ["go", "x"])
    })
  )

  it.effect("while one starts, or the turn before it ends, costs time and no input", () =>
    Effect.gen(function* () {
      for (const failing of ["run_end", "input_unqueued"]) {
        const { executor, observer, runtime, store, worker_id } = yield* busy
        yield* runtime.input(worker_id, wait("x"), {})
        let broken = false
        store.before = (commit) => {
          broken ||= commit.events.some(({ event }) => event.event === failing)
          return broken ? Effect.fail(full) : Effect.void
        }
        yield* Effect.andThen(executor.turn.finishes, settle)
        assert.notStrictEqual((yield* runtime.get(worker_id)).state, "busy")
        assert.strictEqual((yield* runtime.get(worker_id)).queued_inputs?.length, 1)
        store.before = () => Effect.void
        yield* TestClock.adjust(retryMs)
        yield* settle
        assert.deepStrictEqual(observer.names.slice(-3), ["input_unqueued", "user_message", "status"])
        assert.deepStrictEqual(yield* users(runtime, worker_id), ["go", "x"])
        assert.isTrue(executor.turn.started)
      }
    })
  )
})

describe("a restart", () => {
  it.effect("at any commit keeps what was acknowledged: once, in order, and started when the worker is back", () =>
    Effect.gen(function* () {
      const texts = ["a", "b", "c"]
      for (let cutAt = 0; cutAt < 14; cutAt++) {
        const it = yield* world()
        const first = yield* it.session()
        const worker_id = yield* created(first.runtime)
        const observer = new Observer()
        yield* observer.attach(first.runtime, worker_id)
        let count = 0
        it.store.before = () => (count++ >= cutAt ? Effect.fail(full) : Effect.void)
        const acknowledged: Array<string> = []
        for (const text of texts) {
          const sent = yield* Effect.result(first.runtime.input(worker_id, wait(text), {}))
          if (sent._tag === "Success") acknowledged.push(text)
          yield* settle
        }
        for (let i = 0; i < 2 && it.executor.turns.length > i; i++) {
          yield* Effect.andThen(it.executor.turns[i]!.finishes, settle)
        }
        yield* first.close
        it.store.before = () => Effect.void
        const again = yield* it.session()
        yield* observer.attach(again.runtime, worker_id)
        for (let i = 0; i < texts.length; i++) {
          yield* settle
          for (const turn of it.executor.turns) yield* turn.finishes
        }
        yield* settle
        assert.deepStrictEqual(yield* users(again.runtime, worker_id), acknowledged, `cut at ${cutAt}`)
        assert.strictEqual((yield* again.runtime.get(worker_id)).state, "idle")
        const { snapshot } = yield* again.runtime.watch(worker_id, undefined, () => {})
        assert.notProperty(snapshot, "queued_inputs")
        assert.deepStrictEqual(observer.state, snapshot)
        yield* again.close
      }
    })
  )

  it.effect("shows what waits in the first snapshot as the events before it told it", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const worker_id = yield* created(first.runtime)
      yield* first.runtime.input(worker_id, user("go"), {})
      yield* first.runtime.input(worker_id, wait("y".repeat(1_000)), {})
      const before = (yield* first.runtime.watch(worker_id, undefined, () => {})).snapshot.queued_inputs
      yield* first.close
      it.executor.onSpawn = () => Problem.fail("execution_backend_unavailable", "Gone.")
      const runtime = yield* it.start()
      const { snapshot } = yield* runtime.watch(worker_id, undefined, () => {})
      assert.deepStrictEqual(snapshot.queued_inputs, before)
      const observer = yield* observe(runtime, worker_id)
      yield* runtime.cancel(worker_id, {})
      yield* observer.until(isState("cancelled"))
      assert.notProperty(observer.state, "queued_inputs")
    })
  )
})
