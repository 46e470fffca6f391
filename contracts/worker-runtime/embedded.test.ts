/** The embedded source: the engine behind the port, and its streams from the first frame to the last. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Queue, Stream } from "effect"
import * as EmbeddedSource from "../../src/adapters/embedded/EmbeddedSource.ts"
import { embeddedRuntimeId, WorkerId } from "../../src/domain/Identifiers.ts"
import * as Problem from "../../src/domain/Problem.ts"
import type { SourceFrame } from "../../src/domain/RuntimeSource.ts"
import { maxQueuedFrames, maxQueuedLength } from "../../src/domain/WatchStream.ts"
import { WorkerRuntime } from "../../src/domain/WorkerRuntime.ts"
import { key, observe, settle, user, world } from "./EngineWorld.ts"
import { delta, said } from "./ScriptedExecutor.ts"

const opened = Effect.gen(function* () {
  const it = yield* world()
  const runtime = yield* it.start()
  const source = yield* Effect.provideService(EmbeddedSource.make, WorkerRuntime, runtime)
  const { worker_id } = (yield* source.create({}, {})).answer
  return { ...it, runtime, source, worker_id }
})

/** Reads frames one by one, as slowly as the test wants. */
const reader = Effect.fnUntraced(function* (frames: Stream.Stream<SourceFrame, Problem.Problem>) {
  const queue = yield* Queue.bounded<SourceFrame>(1)
  const done = yield* Deferred.make<void>()
  yield* frames.pipe(
    Stream.rechunk(1),
    Stream.runForEach((frame) => Queue.offer(queue, frame)),
    Effect.ensuring(Deferred.succeed(done, undefined)),
    Effect.forkScoped
  )
  return { next: Queue.take(queue), queue, done: Deferred.await(done) }
})

const name = (frame: SourceFrame) => (frame.kind === "event" ? frame.event.event : frame.kind)

/** Certain to overflow a reader that stands still: it holds one batch of at most the queue's size, and the queue another. */
const tooMany = 2 * maxQueuedFrames + 10

describe("EmbeddedSource", () => {
  it.effect("a worker that is asked for is told as it is whenever the answer is taken, also from one question", () =>
    Effect.gen(function* () {
      const { runtime, source, worker_id } = yield* opened
      const asked = source.get(worker_id)
      assert.strictEqual((yield* asked).state, "idle")
      yield* source.stop(worker_id, undefined, {})
      assert.strictEqual((yield* asked).state, "stopped")
      yield* runtime.remove(worker_id)
      const problem = yield* Effect.flip(asked)
      assert.strictEqual(problem._tag, "worker_not_found")
      assert.strictEqual(problem.context.operation, "worker.get")
    })
  )

  it.effect("is the built-in runtime: its answers carry the backend's alias and no address", () =>
    Effect.gen(function* () {
      const { source, worker_id } = yield* opened
      assert.deepStrictEqual([source.id, source.kind, source.built_in], [embeddedRuntimeId, "embedded", true])
      assert.strictEqual((yield* source.get(worker_id)).runtime_id, embeddedRuntimeId)
      assert.strictEqual((yield* source.list({})).items[0]?.runtime_id, embeddedRuntimeId)
      const input = yield* source.input(worker_id, user("x"), key("k"))
      assert.strictEqual(input.answer.runtime_id, embeddedRuntimeId)
      assert.isTrue((yield* source.input(worker_id, user("x"), key("k"))).replayed)
      assert.strictEqual((yield* source.cancel(worker_id, "why", {})).answer.runtime_id, embeddedRuntimeId)
    })
  )

  it.effect("a problem says which runtime, worker and operation it is about", () =>
    Effect.gen(function* () {
      const { source } = yield* opened
      const nobody = WorkerId.make("nobody")
      const about = (operation: string) => ({ runtime_id: embeddedRuntimeId, worker_id: nobody, operation })
      const get = yield* Effect.flip(source.get(nobody))
      assert.deepStrictEqual([get._tag, get.context], ["worker_not_found", about("worker.get")])
      const events = yield* Effect.flip(Stream.runDrain(source.events(nobody, undefined)))
      assert.deepStrictEqual([events._tag, events.context], ["worker_not_found", about("worker.events")])
    })
  )

  it.effect("frames come in order: snapshot, live events, the end; then the stream is over", () =>
    Effect.gen(function* () {
      const { executor, source, worker_id } = yield* opened
      const frames = yield* reader(source.events(worker_id, undefined))
      const seen = [yield* frames.next]
      yield* source.input(worker_id, user("go"), {})
      yield* settle
      yield* executor.turn.says(delta("he"), said("hello"))
      for (let i = 0; i < 4; i++) seen.push(yield* frames.next)
      yield* source.stop(worker_id, undefined, {})
      for (let i = 0; i < 3; i++) seen.push(yield* frames.next)
      yield* frames.done
      assert.deepStrictEqual(seen.map(name), [
        "snapshot",
        "user_message",
        "status",
        "text_delta",
        "text_done",
        "run_end",
        "status",
        "end"
      ])
      assert.deepStrictEqual(seen.at(-1), { kind: "end", state: "stopped" })
    })
  )

  it.effect("with a cursor the replay comes between the snapshot and what is live", () =>
    Effect.gen(function* () {
      const { executor, runtime, source, worker_id } = yield* opened
      const { head } = yield* runtime.watch(worker_id, undefined, () => {})
      yield* source.input(worker_id, user("go"), {})
      yield* settle
      const frames = yield* reader(source.events(worker_id, head))
      const snapshot = yield* frames.next
      assert.strictEqual(snapshot.kind, "snapshot")
      assert.strictEqual("cursor" in snapshot ? snapshot.cursor : undefined, head)
      yield* executor.turn.says(said("live"))
      const names = [name(yield* frames.next), name(yield* frames.next), name(yield* frames.next)]
      assert.deepStrictEqual(names, ["user_message", "status", "text_done"])
    })
  )

  it.effect("of an ended worker are the snapshot, what was missed, and the end", () =>
    Effect.gen(function* () {
      const { runtime, source, worker_id } = yield* opened
      const { head } = yield* runtime.watch(worker_id, undefined, () => {})
      yield* source.cancel(worker_id, undefined, {})
      const names = (cursor: string | undefined) =>
        Effect.map(Stream.runCollect(source.events(worker_id, cursor)), (frames) => Array.from(frames, name))
      assert.deepStrictEqual(yield* names(undefined), ["snapshot", "end"])
      assert.deepStrictEqual(yield* names(head), ["snapshot", "status", "end"])
      assert.deepStrictEqual(yield* names("other-epoch.1"), ["resync", "snapshot", "end"])
    })
  )

  it.effect("a malformed cursor fails the stream, and a failing store does", () =>
    Effect.gen(function* () {
      const { close, runtime, store, start, worker_id } = yield* Effect.gen(function* () {
        const it = yield* world()
        const first = yield* it.session()
        return { ...it, ...first, worker_id: (yield* first.runtime.create({}, {})).answer.worker_id }
      })
      const tag = (of: typeof runtime, cursor: string | undefined) =>
        Effect.gen(function* () {
          const source = yield* Effect.provideService(EmbeddedSource.make, WorkerRuntime, of)
          return (yield* Effect.flip(Stream.runDrain(source.events(worker_id, cursor))))._tag
        })
      assert.strictEqual(yield* tag(runtime, "nonsense"), "invalid_cursor")
      yield* close
      const again = yield* start()
      store.onRead = Effect.fail(Problem.make("store_io"))
      assert.strictEqual(yield* tag(again, undefined), "store_io")
    })
  )

  it.effect(
    "a reader that falls behind gets what was kept, then resync and a fresh snapshot; nobody waits for it",
    () =>
      Effect.gen(function* () {
        const { executor, runtime, source, worker_id } = yield* opened
        const slow = yield* reader(source.events(worker_id, undefined))
        assert.strictEqual(name(yield* slow.next), "snapshot")
        yield* source.input(worker_id, user("go"), {})
        yield* settle
        for (let i = 0; i < tooMany; i++) yield* executor.turn.says(delta("x"))
        yield* executor.turn.says(said("done"))
        yield* executor.turn.finishes
        while ((yield* runtime.get(worker_id)).state === "busy") yield* settle

        let events = 0
        let frame = yield* slow.next
        while (frame.kind === "event") {
          events += 1
          frame = yield* slow.next
        }
        assert.isAtLeast(events, maxQueuedFrames)
        assert.isBelow(events, tooMany)
        assert.deepStrictEqual(frame, { kind: "resync", reason: "overflow" })
        const fresh = yield* slow.next
        assert.isTrue(fresh.kind === "snapshot" && fresh.snapshot.state === "idle")
        yield* source.stop(worker_id, undefined, {})
        assert.deepStrictEqual([name(yield* slow.next), name(yield* slow.next)], ["status", "end"])
        yield* slow.done
      })
  )

  it.effect("what waits for a slow reader is bounded by length, and one larger event still passes", () =>
    Effect.gen(function* () {
      const { executor, source, worker_id } = yield* opened
      const slow = yield* reader(source.events(worker_id, undefined))
      yield* slow.next
      yield* source.input(worker_id, user("go"), {})
      yield* settle
      yield* slow.next
      yield* slow.next
      yield* settle
      const large = "x".repeat(maxQueuedLength)
      yield* executor.turn.says(delta(large))
      assert.strictEqual(name(yield* slow.next), "text_delta")
      yield* settle
      for (let i = 0; i < 12; i++) yield* executor.turn.says(delta("y".repeat(maxQueuedLength / 4)))
      yield* settle
      let frame = yield* slow.next
      let events = 0
      while (frame.kind === "event") {
        events += 1
        frame = yield* slow.next
      }
      assert.isBelow(events, 9)
      assert.deepStrictEqual(frame, { kind: "resync", reason: "overflow" })
    })
  )

  it.effect("a replay longer than the queue is no overflow, though events arrive meanwhile", () =>
    Effect.gen(function* () {
      const { executor, runtime, source, worker_id } = yield* opened
      const { head } = yield* runtime.watch(worker_id, undefined, () => {})
      yield* source.input(worker_id, user("go"), {})
      yield* settle
      const count = maxQueuedFrames + 100
      for (let i = 0; i < count; i++) yield* executor.turn.says({ event: "note", data: { i } })
      while ((yield* runtime.get(worker_id)).last_event_id < count + 3) yield* settle
      const frames = yield* reader(source.events(worker_id, head))
      yield* frames.next
      yield* executor.turn.says(said("live"))
      yield* executor.turn.finishes
      let last = 1
      let frame = yield* frames.next
      while (name(frame) !== "run_end") {
        assert.strictEqual(frame.kind, "event")
        if (frame.kind === "event") assert.strictEqual(frame.event_id, String(++last))
        frame = yield* frames.next
      }
      assert.strictEqual(last, count + 4)
    })
  )

  it.effect("each attachment is over before the next begins, and the last one when the reader leaves", () =>
    Effect.gen(function* () {
      const { executor, runtime, worker_id } = yield* opened
      let attached = 0
      let most = 0
      const counting = WorkerRuntime.of({
        ...runtime,
        watch: (id, cursor, watcher, onReset) =>
          Effect.tap(runtime.watch(id, cursor, watcher, onReset), () =>
            Effect.acquireRelease(
              Effect.sync(() => {
                attached += 1
                most = Math.max(most, attached)
              }),
              () =>
                Effect.sync(() => {
                  attached -= 1
                })
            )
          )
      })
      const source = yield* Effect.provideService(EmbeddedSource.make, WorkerRuntime, counting)
      yield* source.input(worker_id, user("go"), {})
      const observer = yield* observe(runtime, worker_id)
      yield* Effect.gen(function* () {
        const slow = yield* reader(source.events(worker_id, undefined))
        yield* slow.next
        for (let round = 0; round < 5; round++) {
          for (let i = 0; i < tooMany; i++) yield* executor.turn.says(delta("x"))
          yield* executor.turn.says(delta(`round ${round}`))
          yield* observer.until((entry) => entry.event.data.text === `round ${round}`)
          let frame = yield* slow.next
          while (frame.kind !== "snapshot") frame = yield* slow.next
        }
        assert.deepStrictEqual([attached, most], [1, 1])
      }).pipe(Effect.scoped)
      assert.strictEqual(attached, 0)
    })
  )

  it.effect("a stale worker that is removed ends its streams", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const { worker_id } = (yield* first.runtime.create({}, {})).answer
      yield* first.close
      it.executor.onSpawn = () => Problem.fail("execution_backend_unavailable")
      const runtime = yield* it.start()
      const source = yield* Effect.provideService(EmbeddedSource.make, WorkerRuntime, runtime)
      const frames = yield* reader(source.events(worker_id, undefined))
      yield* frames.next
      yield* runtime.remove(worker_id)
      yield* frames.done
    })
  )
})
