/** The event hub against a scripted runtime: each case is a way in which event streams elsewhere have lied. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Queue, Scope, Stream } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { TestClock } from "effect/testing"
import { EventHub, WorkerRef } from "../../src/domain/EventHub.ts"
import * as Follower from "../../src/domain/hub/Follower.ts"
import { RuntimeId, WorkerId } from "../../src/domain/Identifiers.ts"
import * as Problem from "../../src/domain/Problem.ts"
import { RuntimeRegistry } from "../../src/domain/RuntimeRegistry.ts"
import type { SourceFrame } from "../../src/domain/RuntimeSource.ts"
import * as Snapshot from "../../src/domain/Snapshot.ts"
import { event } from "../../src/domain/WorkerEvent.ts"
import { HubWatcher, viewOf } from "./HubWatcher.ts"
import { runtime_id, ScriptedRuntime, worker_id } from "./ScriptedRuntime.ts"

const world = EventHub.layer.pipe(Layer.provideMerge(RuntimeRegistry.layer), Layer.provide(SecureRandom.layerWebCrypto))

const worker = new WorkerRef({ runtime_id, worker_id })

/** Lets everything that can go on go on: fibers that wait for nothing but their turn. */
const settle = Effect.forEach(Array.from({ length: 60 }), () => Effect.yieldNow, { discard: true })

/** Past every wait between two attempts. */
const comeBack = Effect.andThen(TestClock.adjust(Follower.lastBackoffMs), settle)

const start = Effect.gen(function* () {
  const runtime = new ScriptedRuntime()
  const registry = yield* RuntimeRegistry
  const hub = yield* EventHub
  yield* registry.add(Effect.succeed(runtime.source()))
  /** Attaches the watcher, for the first time or again; `leave` takes it off. */
  const watch = Effect.fnUntraced(function* (watcher: HubWatcher & { leave?: Effect.Effect<void> } = new HubWatcher()) {
    if (watcher.leave !== undefined) yield* watcher.leave
    const scope = yield* Scope.make()
    const leave = Scope.close(scope, Exit.void)
    yield* Effect.onError(Scope.provide(watcher.attach(hub, worker), scope), () => leave)
    return Object.assign(watcher, { leave })
  })
  return { runtime, registry, hub, watch }
})

const agrees = (watcher: HubWatcher, runtime: ScriptedRuntime) => {
  watcher.sound()
  assert.deepStrictEqual(watcher.view, viewOf(runtime.log.snapshot))
}

describe("event hub: one upstream", () => {
  it.effect("any number of watchers of a worker share one upstream connection", () =>
    Effect.gen(function* () {
      const { runtime, watch, hub } = yield* start
      const watchers = yield* Effect.forEach(Array.from({ length: 50 }), () => watch(), { concurrency: "unbounded" })
      runtime.user("hello")
      runtime.delta("he")
      runtime.text("hello")
      yield* settle
      assert.strictEqual(runtime.opened, 1)
      assert.deepStrictEqual(yield* hub.watched, [{ worker, watchers: 50 }])
      for (const watcher of watchers) {
        agrees(watcher, runtime)
        assert.strictEqual(watcher.entries.length, 3)
      }
    }).pipe(Effect.provide(world))
  )

  it.effect("a late watcher starts from what the others have seen, text in flight included", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      yield* watch()
      runtime.user("hello")
      runtime.delta("so f")
      yield* settle
      const late = yield* watch()
      assert.strictEqual(late.state.in_flight?.text, "so f")
      runtime.delta("ar")
      yield* settle
      agrees(late, runtime)
      assert.strictEqual(runtime.opened, 1)
    }).pipe(Effect.provide(world))
  )

  it.effect("a watcher that leaves is forgotten, and the upstream is released a minute after the last one", () =>
    Effect.gen(function* () {
      const { runtime, watch, hub } = yield* start
      const one = yield* watch()
      const two = yield* watch()
      yield* one.leave
      assert.deepStrictEqual(yield* hub.watched, [{ worker, watchers: 1 }])
      yield* two.leave
      assert.deepStrictEqual(yield* hub.watched, [{ worker, watchers: 0 }])
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(runtime.connections.size, 1)
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.strictEqual(runtime.connections.size, 0)
      assert.deepStrictEqual(yield* hub.watched, [])
    }).pipe(Effect.provide(world))
  )

  it.effect("a reload within the minute resumes where it was", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const tab = yield* watch()
      runtime.text("one")
      yield* settle
      yield* tab.leave
      runtime.text("two")
      yield* TestClock.adjust("30 seconds")
      yield* watch(tab)
      runtime.text("three")
      yield* settle
      agrees(tab, runtime)
      assert.deepStrictEqual(tab.resyncs, [])
      assert.deepStrictEqual(
        tab.entries.map((entry) => entry.event.data.text),
        ["one", "two", "three"]
      )
    }).pipe(Effect.provide(world))
  )

  it.effect("a watcher that gives up while the upstream starts leaves nothing behind", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      runtime.refusal = Effect.never
      const waiting = yield* Effect.forkChild(watch())
      yield* settle
      yield* Fiber.interrupt(waiting)
      runtime.refusal = undefined
      yield* TestClock.adjust("2 minutes")
      yield* settle
      const watcher = yield* watch()
      runtime.text("there")
      yield* settle
      agrees(watcher, runtime)
    }).pipe(Effect.provide(world))
  )
})

describe("event hub: a lost upstream", () => {
  it.effect("comes back from its cursor without a word to the watchers", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      runtime.text("one")
      yield* settle
      runtime.cut()
      runtime.text("two")
      yield* comeBack
      runtime.text("three")
      yield* settle
      agrees(watcher, runtime)
      assert.deepStrictEqual(watcher.resyncs, [])
      assert.strictEqual(watcher.entries.length, 3)
      assert.deepStrictEqual(runtime.cursors, [undefined, "e0.1"])
    }).pipe(Effect.provide(world))
  )

  it.effect("text that grew meanwhile arrives as one more piece", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      runtime.user("tell me")
      runtime.delta("once ")
      yield* settle
      runtime.cut()
      runtime.delta("upon ")
      runtime.delta("a ")
      yield* comeBack
      runtime.delta("time")
      yield* settle
      agrees(watcher, runtime)
      assert.deepStrictEqual(watcher.resyncs, [])
      assert.deepStrictEqual(
        watcher.entries.slice(1).map((entry) => entry.event.data.text),
        ["once ", "upon a ", "time"]
      )
    }).pipe(Effect.provide(world))
  )

  it.effect("text in flight that does not continue is a loss that is announced", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      runtime.user("tell me")
      runtime.delta("once")
      yield* settle
      runtime.cut()
      runtime.log.reset({ ...runtime.log.snapshot, in_flight: { text: "another", thinking: "", tool_calls: [] } })
      yield* comeBack
      assert.deepStrictEqual(watcher.resyncs, ["expired"])
      yield* watch(watcher)
      agrees(watcher, runtime)
    }).pipe(Effect.provide(world))
  )

  it.effect("a runtime that lost its store is one resync, even when its numbers start again", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      runtime.text("one")
      runtime.text("two")
      yield* settle
      runtime.restart()
      runtime.text("new")
      yield* comeBack
      assert.deepStrictEqual(watcher.resyncs, ["epoch_changed"])
      yield* watch(watcher)
      runtime.text("more")
      yield* settle
      agrees(watcher, runtime)
    }).pipe(Effect.provide(world))
  )

  it.effect("a source that takes a stale cursor for a good one is found out by its numbers", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      runtime.text("one")
      runtime.text("two")
      yield* settle
      runtime.restart()
      runtime.text("other")
      // As if resumed: no word of the loss.
      runtime.tamper = (frame) => (frame.kind === "resync" ? [] : [frame])
      yield* comeBack
      assert.deepStrictEqual(watcher.resyncs, ["epoch_changed"])
      yield* watch(watcher)
      agrees(watcher, runtime)
    }).pipe(Effect.provide(world))
  )

  it.effect("a source that resumes with another conversation under the same number is found out too", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      runtime.text("one")
      yield* settle
      runtime.restart()
      runtime.text("other")
      runtime.tamper = (frame) => (frame.kind === "resync" ? [] : [frame])
      yield* comeBack
      assert.deepStrictEqual(watcher.resyncs, ["expired"])
      yield* watch(watcher)
      agrees(watcher, runtime)
    }).pipe(Effect.provide(world))
  )

  it.effect("duplicates disappear", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      runtime.tamper = (frame) => [frame, frame]
      const watcher = yield* watch()
      runtime.user("hi")
      runtime.delta("a")
      runtime.delta("b")
      runtime.text("ab")
      yield* settle
      agrees(watcher, runtime)
      assert.strictEqual(watcher.entries.length, 4)
    }).pipe(Effect.provide(world))
  )

  it.effect("an event that is said again later is not shown again", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      const sent: Array<SourceFrame> = []
      runtime.tamper = (frame) => {
        sent.push(frame)
        return sent.length === 3 ? [sent[0]!, sent[1]!, frame] : [frame]
      }
      runtime.user("one")
      runtime.user("two")
      runtime.user("three")
      yield* settle
      agrees(watcher, runtime)
      assert.strictEqual(watcher.entries.length, 3)
    }).pipe(Effect.provide(world))
  )

  it.effect("a missing piece of growing text is made good by a fresh snapshot", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      runtime.tamper = (frame) => (frame.kind === "event" && frame.event.data.text === "b" ? [] : [frame])
      runtime.user("say the letters")
      runtime.delta("a")
      runtime.delta("b")
      runtime.delta("c")
      yield* comeBack
      yield* watch(watcher)
      agrees(watcher, runtime)
      assert.strictEqual(watcher.state.in_flight?.text, "abc")
    }).pipe(Effect.provide(world))
  )

  it.effect("a hole is announced and filled by a fresh snapshot", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      runtime.text("one")
      runtime.tamper = (frame) => (frame.kind === "event" && frame.event.data.text === "two" ? [] : [frame])
      runtime.text("two")
      runtime.text("three")
      yield* settle
      assert.deepStrictEqual(
        watcher.entries.map((entry) => entry.event.data.text),
        ["one"]
      )
      yield* comeBack
      assert.deepStrictEqual(watcher.resyncs, ["expired"])
      yield* watch(watcher)
      agrees(watcher, runtime)
    }).pipe(Effect.provide(world))
  )

  it.effect("a durable event that is missing before growing text is noticed by the text", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      runtime.text("one")
      runtime.tamper = (frame) => (frame.kind === "event" && frame.event.event === "user_message" ? [] : [frame])
      runtime.user("two")
      runtime.delta("answer")
      yield* settle
      assert.strictEqual(watcher.entries.length, 1)
      yield* comeBack
      yield* watch(watcher)
      agrees(watcher, runtime)
    }).pipe(Effect.provide(world))
  )

  it.effect("waits grow with every failure in a row, up to a bound, and never end", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      runtime.refusal = Problem.fail("runtime_unreachable")
      runtime.cut()
      yield* TestClock.adjust("1 hour")
      yield* settle
      const attempts = runtime.opened
      // Full jitter below 30 s: about 240 attempts an hour, and not thousands.
      assert.isAbove(attempts, 100)
      assert.isBelow(attempts, 500)
      runtime.refusal = undefined
      runtime.text("back")
      yield* comeBack
      agrees(watcher, runtime)
      assert.deepStrictEqual(watcher.resyncs, [])
    }).pipe(Effect.provide(world))
  )

  it.effect("a runtime that takes the connection and dies at once is not hammered", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      yield* watch()
      runtime.tamper = (frame) => {
        queueMicrotask(() => runtime.cut())
        return [frame]
      }
      runtime.cut()
      yield* Effect.forEach(Array.from({ length: 600 }), () => Effect.andThen(TestClock.adjust("1 second"), settle))
      assert.isBelow(runtime.opened, 120)
      assert.isAbove(runtime.opened, 20)
    }).pipe(Effect.provide(world))
  )

  it.effect("attempts that only time out are failures in a row like any other", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      yield* watch()
      runtime.refusal = Effect.andThen(Effect.sleep("5 seconds"), Problem.fail("runtime_timeout"))
      runtime.cut()
      yield* TestClock.adjust("1 hour")
      // 5 s and a wait of 15 s on average; 5 s alone would be 720.
      assert.isBelow(runtime.opened, 300)
    }).pipe(Effect.provide(world))
  )

  it.effect("once one stream has found the runtime again, the others do not sit out their waits", () =>
    Effect.gen(function* () {
      const { runtime, hub } = yield* start
      const watchers = yield* Effect.forEach(Array.from({ length: 40 }), (_, n) => {
        const watcher = new HubWatcher()
        const ref = new WorkerRef({ runtime_id, worker_id: WorkerId.make(`w-${n}`) })
        return Effect.as(watcher.attach(hub, ref), watcher)
      })
      runtime.refusal = Problem.fail("runtime_unreachable")
      runtime.cut()
      // Long enough for every wait to be one of up to half a minute.
      yield* TestClock.adjust("10 minutes")
      runtime.refusal = undefined
      runtime.text("back")
      while (runtime.connections.size === 0) yield* Effect.andThen(TestClock.adjust("50 millis"), settle)
      yield* TestClock.adjust(Follower.steadyMs + Follower.comebackMs)
      yield* settle
      assert.strictEqual(runtime.connections.size, 40)
      for (const watcher of watchers) agrees(watcher, runtime)
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("a source that never sends the first frame of a new connection is given up and tried again", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      runtime.refusal = Effect.never
      runtime.cut()
      yield* comeBack
      assert.isAtLeast(runtime.opened, 2)
      runtime.refusal = undefined
      yield* TestClock.adjust("10 seconds")
      yield* comeBack
      runtime.text("back")
      yield* settle
      agrees(watcher, runtime)
    }).pipe(Effect.provide(world))
  )

  it.effect("a source that breaks with a defect is a failure like any other", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      runtime.refusal = Effect.die(new Error("planted"))
      runtime.cut()
      yield* comeBack
      runtime.refusal = undefined
      runtime.text("back")
      yield* comeBack
      agrees(watcher, runtime)
    }).pipe(Effect.provide(world))
  )
})

describe("event hub: what a watcher is told", () => {
  it.effect("the first failure is the watcher's answer, and the next attempt is a new one", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      runtime.refusal = Problem.fail("runtime_auth_failed")
      const refused = yield* Effect.flip(watch())
      assert.strictEqual(refused._tag, "runtime_auth_failed")
      assert.deepInclude(refused.context, { runtime_id, worker_id, operation: "worker.events" })
      yield* settle
      runtime.refusal = undefined
      const watcher = yield* watch()
      runtime.text("one")
      yield* settle
      agrees(watcher, runtime)
    }).pipe(Effect.provide(world))
  )

  it.effect("a stream that does not start in time is a timeout", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      runtime.refusal = Effect.never
      const waiting = yield* Effect.forkChild(Effect.flip(watch()))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "runtime_timeout")
    }).pipe(Effect.provide(world))
  )

  it.effect("an unknown runtime and a malformed cursor are refused", () =>
    Effect.gen(function* () {
      const { hub } = yield* start
      const nowhere = new WorkerRef({ runtime_id: RuntimeId.make("nowhere"), worker_id })
      const ignore = () => undefined
      assert.strictEqual((yield* Effect.flip(hub.watch(nowhere, undefined, ignore)))._tag, "runtime_not_found")
      assert.strictEqual((yield* Effect.flip(hub.watch(worker, "x y", ignore)))._tag, "invalid_cursor")
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("a cursor of another backend process is a resync, not a replay of all and not silence", () =>
    Effect.gen(function* () {
      const { runtime, hub } = yield* start
      runtime.text("one")
      const watching = yield* hub.watch(worker, "0123456789abcdef-1.1", () => undefined)
      assert.strictEqual(watching.resync, "epoch_changed")
      assert.deepStrictEqual(watching.replay, [])
      assert.strictEqual(watching.snapshot.transcript.total_items, 1)
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("a worker that ended says so to those who watch and to those who come later", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      runtime.state("stopped")
      yield* settle
      runtime.cut()
      yield* comeBack
      agrees(watcher, runtime)
      assert.strictEqual(watcher.state.state, "stopped")
      assert.strictEqual(runtime.opened, 1)
      const late = new HubWatcher()
      const hub = yield* EventHub
      assert.strictEqual((yield* late.attach(hub, worker)).ended, "stopped")
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("an end that no event has told is told", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      const watcher = yield* watch()
      for (const connection of runtime.connections) {
        Queue.offerUnsafe(connection, { kind: "end", state: "cancelled" })
      }
      yield* settle
      assert.strictEqual(watcher.state.state, "cancelled")
    }).pipe(Effect.provide(world))
  )

  it.effect("a worker that has vanished is gone for its watchers, and asked for anew by the next one", () =>
    Effect.gen(function* () {
      const { runtime, watch, hub } = yield* start
      const watcher = yield* watch()
      runtime.refusal = Problem.fail("worker_not_found")
      runtime.cut()
      yield* comeBack
      assert.isTrue(watcher.gone)
      yield* watcher.leave
      yield* settle
      assert.deepStrictEqual(yield* hub.watched, [])
      assert.strictEqual((yield* Effect.flip(watch()))._tag, "worker_not_found")
      runtime.refusal = undefined
      yield* settle
      const again = yield* watch()
      runtime.text("one")
      yield* settle
      agrees(again, runtime)
    }).pipe(Effect.provide(world))
  )

  it.effect("what a cut stream's failures say about credentials is seen in the runtime's facts", () =>
    Effect.gen(function* () {
      const { runtime, registry, watch } = yield* start
      yield* watch()
      yield* settle
      const observed = Effect.flatMap(registry.get(runtime_id), ({ observation }) => observation)
      assert.strictEqual((yield* observed).facts.authenticated.value, "yes")
      runtime.refusal = Problem.fail("runtime_auth_failed")
      runtime.cut()
      yield* comeBack
      assert.deepInclude((yield* observed).facts.authenticated, { value: "no", code: "runtime_auth_failed" })
    }).pipe(Effect.provide(world))
  )
})

describe("event hub: the live set", () => {
  it.effect("a removed runtime's streams end at once, and its source is released", () =>
    Effect.gen(function* () {
      const { runtime, registry, watch, hub } = yield* start
      const watcher = yield* watch()
      yield* registry.remove(runtime_id)
      yield* settle
      assert.isTrue(watcher.gone)
      assert.strictEqual((yield* Effect.flip(watch()))._tag, "runtime_not_found")
      yield* watcher.leave
      yield* settle
      assert.strictEqual(runtime.connections.size, 0)
      assert.deepStrictEqual(yield* hub.watched, [])
    }).pipe(Effect.provide(world))
  )

  it.effect("a runtime added while running can be watched without a restart", () =>
    Effect.gen(function* () {
      const { registry, hub } = yield* start
      const added = new ScriptedRuntime()
      const id = RuntimeId.make("rt-added")
      yield* registry.add(Effect.succeed(added.source(id)))
      const watcher = new HubWatcher()
      yield* watcher.attach(hub, new WorkerRef({ runtime_id: id, worker_id }))
      added.text("one")
      yield* settle
      agrees(watcher, added)
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("a replaced runtime's watchers go on with the new one after one resync", () =>
    Effect.gen(function* () {
      const { runtime, registry, watch } = yield* start
      const watcher = yield* watch()
      runtime.text("old")
      yield* settle
      const other = new ScriptedRuntime()
      other.text("new")
      yield* registry.replace(Effect.succeed(other.source()))
      yield* comeBack
      assert.isFalse(watcher.gone)
      assert.deepStrictEqual(watcher.resyncs, ["epoch_changed"])
      assert.strictEqual(runtime.connections.size, 0)
      yield* watch(watcher)
      other.text("more")
      yield* settle
      agrees(watcher, other)
    }).pipe(Effect.provide(world))
  )

  it.effect("a runtime that is removed and added again is a new one", () =>
    Effect.gen(function* () {
      const { registry, watch } = yield* start
      const watcher = yield* watch()
      yield* registry.remove(runtime_id)
      const other = new ScriptedRuntime()
      yield* registry.add(Effect.succeed(other.source()))
      yield* settle
      assert.isTrue(watcher.gone)
      yield* watcher.leave
      const again = yield* watch()
      other.text("one")
      yield* settle
      agrees(again, other)
      assert.strictEqual(other.opened, 1)
    }).pipe(Effect.provide(world))
  )

  it.effect("every change of the live set is announced", () =>
    Effect.gen(function* () {
      const { registry } = yield* start
      const seen = yield* Effect.forkChild(Stream.runCollect(Stream.take(registry.changes, 3)))
      yield* settle
      yield* registry.add(Effect.succeed(new ScriptedRuntime().source(RuntimeId.make("b"))))
      yield* registry.remove(runtime_id)
      assert.deepStrictEqual(yield* Fiber.join(seen), [[runtime_id], [runtime_id, "b"], ["b"]] as never)
    }).pipe(Effect.provide(world))
  )

  it.effect("a snapshot of a foreign runtime without numbers is taken as it is", () =>
    Effect.gen(function* () {
      const { runtime, watch } = yield* start
      runtime.tamper = (frame) => {
        if (frame.kind === "snapshot") {
          return [{ ...frame, cursor: "opaque", snapshot: { ...Snapshot.empty, as_of: "ev-a" } }]
        }
        if (frame.kind !== "event") return [frame]
        const { seq: _, ...rest } = frame
        return [{ ...rest, event_id: `ev-${frame.event_id}`, cursor: "opaque" }]
      }
      const watcher = yield* watch()
      runtime.user("hello")
      runtime.delta("he")
      runtime.say(event({ event: "something_new" as "usage", data: { input_tokens: 1, output_tokens: 1 } }))
      runtime.text("hello")
      yield* settle
      agrees(watcher, runtime)
      assert.strictEqual(watcher.entries.length, 4)
    }).pipe(Effect.provide(world))
  )
})
