/** Workers of a runtime without event streams, watched through the hub: what is looked at becomes the same events. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { TestClock } from "effect/testing"
import { EventHub, WorkerRef } from "../../src/domain/EventHub.ts"
import * as Follower from "../../src/domain/hub/Follower.ts"
import { busyPollMs, frames, idlePollMs } from "../../src/domain/hub/PolledEvents.ts"
import { RuntimeId, WorkerId } from "../../src/domain/Identifiers.ts"
import * as Problem from "../../src/domain/Problem.ts"
import { runtimeDefault } from "../../src/domain/Profile.ts"
import { RuntimeRegistry } from "../../src/domain/RuntimeRegistry.ts"
import * as RuntimeSource from "../../src/domain/RuntimeSource.ts"
import type { TranscriptRole } from "../../src/domain/Transcript.ts"
import type { Worker, WorkerState } from "../../src/domain/Worker.ts"
import { HubWatcher } from "./HubWatcher.ts"

const runtime_id = RuntimeId.make("rt-polled")
const worker_id = WorkerId.make("worker-1")
const worker = new WorkerRef({ runtime_id, worker_id })
const world = EventHub.layer.pipe(Layer.provideMerge(RuntimeRegistry.layer), Layer.provide(SecureRandom.layerWebCrypto))
const unsupported = Problem.fail("operation_unsupported")

/** A system that can only be asked. */
class Silent {
  state: WorkerState = "idle"
  said: Array<{ readonly role: TranscriptRole; readonly content: string }> = []
  failure: Effect.Effect<never, Problem.Problem> | undefined
  looks = 0
  /** Items in one page of its transcript. */
  readonly page = 3

  readonly #worker = Effect.suspend((): Effect.Effect<Worker, Problem.Problem> => {
    this.looks += 1
    return (
      this.failure ??
      Effect.succeed({
        runtime_id,
        worker_id,
        display_name: "Silent",
        profile: runtimeDefault,
        state: this.state,
        config_bundle: null,
        transcript_len: this.said.length,
        last_event_id: 0
      })
    )
  })

  source(transcript = true) {
    return RuntimeSource.make(
      { id: runtime_id, kind: "silent", display_name: "Silent", built_in: false },
      {
        describe: unsupported,
        list: () => unsupported,
        get: () => this.#worker,
        create: () => unsupported,
        input: () => unsupported,
        stop: () => unsupported,
        cancel: () => unsupported,
        events: () => Stream.fromEffect(unsupported),
        bundles: unsupported,
        putBundle: () => unsupported,
        bundleAvailability: () => unsupported,
        transcript: (_, { start = 0 }) =>
          transcript
            ? Effect.sync(() => {
                const end = Math.min(this.said.length, start + this.page)
                const items = this.said
                  .slice(start, end)
                  .map((item, index) => ({ ...item, sequence: start + index + 1, event_id: start + index + 1 }))
                const next_start = end < this.said.length ? end : null
                return { start, limit: this.page, total_items: this.said.length, next_start, items }
              })
            : unsupported
      }
    )
  }
}

const settle = Effect.forEach(Array.from({ length: 200 }), () => Effect.yieldNow, { discard: true })
const wait = (ms: number) => Effect.andThen(TestClock.adjust(ms), settle)

const start = Effect.fnUntraced(function* (system: Silent, transcript = true) {
  const registry = yield* RuntimeRegistry
  const hub = yield* EventHub
  yield* registry.add(Effect.succeed(system.source(transcript)))
  const watcher = new HubWatcher()
  return { watcher, attach: Effect.suspend(() => watcher.attach(hub, worker)) }
})

const texts = (watcher: HubWatcher) => watcher.state.transcript.items.map(({ content }) => content)

describe("a runtime without event streams", () => {
  it.effect("has what its workers say told once and in order, page after page", () =>
    Effect.gen(function* () {
      const system = new Silent()
      system.said.push({ role: "user", content: "one" }, { role: "assistant", content: "two" })
      const { attach, watcher } = yield* start(system)
      yield* attach
      assert.deepStrictEqual(texts(watcher), ["one", "two"])
      const more = ["three", "four", "five", "six", "seven"]
      system.said.push(...more.map((content) => ({ role: "user" as const, content })))
      yield* wait(idlePollMs)
      assert.deepStrictEqual(texts(watcher), ["one", "two", ...more])
      yield* wait(idlePollMs)
      watcher.sound()
      assert.deepStrictEqual(texts(watcher), ["one", "two", ...more])
      assert.deepStrictEqual(watcher.resyncs, [])
      assert.strictEqual(watcher.entries.length, more.length)
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("has an answer shown while it grows, and kept once when the turn is over", () =>
    Effect.gen(function* () {
      const system = new Silent()
      const { attach, watcher } = yield* start(system)
      yield* attach
      system.state = "busy"
      system.said = [
        { role: "user", content: "go" },
        { role: "assistant", content: "half" }
      ]
      yield* wait(idlePollMs)
      assert.deepStrictEqual(
        [texts(watcher), watcher.state.in_flight?.text, watcher.state.state],
        [["go"], "half", "busy"]
      )
      system.said[1] = { role: "assistant", content: "half and half" }
      yield* wait(busyPollMs)
      assert.strictEqual(watcher.state.in_flight?.text, "half and half")
      system.state = "idle"
      yield* wait(busyPollMs)
      watcher.sound()
      assert.deepStrictEqual(
        [texts(watcher), watcher.state.in_flight, watcher.state.state],
        [["go", "half and half"], null, "idle"]
      )
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("that was away is gone on with where it was, without a hole or a duplicate", () =>
    Effect.gen(function* () {
      const system = new Silent()
      const { attach, watcher } = yield* start(system)
      yield* attach
      system.failure = Problem.fail("runtime_unreachable")
      yield* wait(idlePollMs)
      system.said.push({ role: "user", content: "meanwhile" })
      system.failure = undefined
      yield* wait(Follower.lastBackoffMs)
      watcher.sound()
      assert.deepStrictEqual(texts(watcher), ["meanwhile"])
      assert.deepStrictEqual(watcher.resyncs, [])
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("that is resumed tells what came after the cursor and no more, and is asked once for its worker", () =>
    Effect.gen(function* () {
      const system = new Silent()
      system.said = ["one", "two", "three"].map((content) => ({ role: "user", content }))
      const found = yield* frames(system.source(), worker_id, "1").pipe(Stream.take(3), Stream.runCollect)
      assert.deepStrictEqual(
        Array.from(found, (it) =>
          it.kind === "event" ? `event ${it.event_id}` : `${it.kind} ${it.kind === "snapshot" ? it.cursor : ""}`
        ),
        ["snapshot 1", "event 2", "event 3"]
      )
      assert.strictEqual(system.looks, 1)
    })
  )

  it.effect("whose transcript got shorter has its watchers start again, and told so", () =>
    Effect.gen(function* () {
      const system = new Silent()
      system.said.push({ role: "user", content: "one" }, { role: "user", content: "two" })
      const { attach, watcher } = yield* start(system)
      yield* attach
      system.said = [{ role: "user", content: "other" }]
      yield* wait(idlePollMs)
      yield* wait(Follower.lastBackoffMs)
      assert.isTrue(watcher.lost)
      yield* attach
      assert.deepStrictEqual(texts(watcher), ["other"])
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("is not asked any more once its worker has ended, or nobody watches", () =>
    Effect.gen(function* () {
      const system = new Silent()
      const { attach, watcher } = yield* start(system)
      yield* attach
      system.state = "stopped"
      yield* wait(idlePollMs)
      assert.strictEqual(watcher.state.state, "stopped")
      const { looks } = system
      yield* wait(60_000)
      assert.strictEqual(system.looks, looks)
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("and without a transcript cannot be watched", () =>
    Effect.gen(function* () {
      const { attach } = yield* start(new Silent(), false)
      const problem = yield* Effect.flip(attach)
      assert.strictEqual(problem._tag, "operation_unsupported")
    }).pipe(Effect.scoped, Effect.provide(world))
  )
})
