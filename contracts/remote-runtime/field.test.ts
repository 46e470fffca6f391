/** The remote source against a runtime of field v1, over real sockets. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Redacted, Stream, Tracer } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { TestClock } from "effect/testing"
import * as FieldFrames from "../../src/adapters/remote-http/FieldFrames.ts"
import { EventHub, WorkerRef } from "../../src/domain/EventHub.ts"
import { IdempotencyKey, WorkerId } from "../../src/domain/Identifiers.ts"
import type * as Problem from "../../src/domain/Problem.ts"
import { RequestId } from "../../src/domain/RequestId.ts"
import { RuntimeRegistry } from "../../src/domain/RuntimeRegistry.ts"
import type { SourceFrame } from "../../src/domain/RuntimeSource.ts"
import { HubWatcher } from "../event-hub/HubWatcher.ts"
import * as FieldRuntime from "../support/FieldRuntime.ts"
import { alias, egress, onPort } from "./remoteWorld.ts"

const hello = { kind: "user", content: "hello" } as const
const key = { idempotency_key: IdempotencyKey.make("k-1") }

const start = Effect.fnUntraced(function* (options: FieldRuntime.Options = {}) {
  const runtime = yield* FieldRuntime.make(options)
  const source = yield* onPort(runtime.port)
  const worker_id = WorkerId.make(runtime.create())
  return { runtime, source, worker_id }
})

/** Reads an event stream in the background and lets a test wait for a frame. */
const reading = Effect.fnUntraced(function* (stream: Stream.Stream<SourceFrame, Problem.Problem>) {
  const frames: Array<SourceFrame> = []
  const waiting = new Set<() => void>()
  const fiber = yield* Effect.forkScoped(
    Effect.result(
      Stream.runForEach(stream, (frame) =>
        Effect.sync(() => {
          frames.push(frame)
          for (const wake of waiting) wake()
        })
      )
    )
  )
  /** Until so many frames, or a frame, are there. */
  const until = (wanted: (frames: ReadonlyArray<SourceFrame>) => boolean) =>
    Effect.gen(function* () {
      const found = yield* Deferred.make<void>()
      const look = () => {
        if (wanted(frames)) Deferred.doneUnsafe(found, Effect.void)
      }
      waiting.add(look)
      look()
      yield* Deferred.await(found)
      waiting.delete(look)
    })
  const shown = () => frames.map((frame) => (frame.kind === "event" ? frame.event.event : frame.kind))
  return { frames, until, shown, result: Fiber.join(fiber) }
})

const said = (frames: ReadonlyArray<SourceFrame>, text: string) =>
  frames.some((frame) => frame.kind === "event" && frame.event.data.text === text)

const world = Layer.mergeAll(
  egress,
  EventHub.layer.pipe(Layer.provideMerge(RuntimeRegistry.layer), Layer.provide(SecureRandom.layerWebCrypto))
)

describe("field v1: operations", () => {
  it.live("every operation that it has works under the backend's alias", () =>
    Effect.gen(function* () {
      const { runtime, source, worker_id } = yield* start()
      const description = yield* source.describe
      assert.isUndefined(description.capabilities)
      assert.isUndefined(description.version)
      const { answer, replayed } = yield* source.create({ display_name: "Ada" }, key)
      assert.strictEqual(answer.runtime_id, alias)
      assert.isFalse(replayed)
      const ack = (yield* source.input(worker_id, hello, key)).answer
      assert.deepStrictEqual([ack.runtime_id, ack.transcript_sequence], [alias, 1])
      runtime.answer(worker_id, "hello back")
      const page = yield* source.transcript(worker_id, {})
      assert.deepStrictEqual(
        page.items.map(({ content, role }) => `${role}: ${content}`),
        ["user: hello", "assistant: hello back"]
      )
      assert.deepStrictEqual(
        (yield* source.list({})).items.map((it) => [it.runtime_id, it.state, it.profile]),
        Array.from({ length: 2 }, () => [alias, "idle", { kind: "builtin", value: "default profile/1" }]) as never
      )
      assert.strictEqual((yield* source.stop(worker_id, "enough", {})).answer.state, "stopped")
      assert.strictEqual((yield* source.cancel(worker_id, undefined, {})).answer.state, "stopped")
      assert.strictEqual((yield* source.get(worker_id)).state, "stopped")
      assert.deepStrictEqual(yield* source.bundles, [])
      for (const { headers } of runtime.requests) assert.isUndefined(headers["idempotency-key"])
      assert.notInclude(runtime.requests.map(({ body }) => body).join("\n"), "Ada")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("its one code for busy and rejected is told apart by the worker", () =>
    Effect.gen(function* () {
      const { runtime, source, worker_id } = yield* start()
      yield* source.input(worker_id, hello, {})
      const busy = yield* Effect.flip(source.input(worker_id, hello, {}))
      assert.strictEqual(busy._tag, "worker_busy")
      assert.strictEqual(busy.context.retry_after_ms, 1_000)
      runtime.answer(worker_id, "done")
      runtime.rejecting = true
      assert.strictEqual((yield* Effect.flip(source.input(worker_id, hello, {})))._tag, "worker_execution_rejected")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("a lower maximum of a page is kept to, and paging reads everything", () =>
    Effect.gen(function* () {
      const { runtime, source, worker_id } = yield* start({ maxItems: 3 })
      for (let n = 0; n < 8; n++) runtime.say(worker_id, "user", `line ${n}`)
      const lines: Array<string> = []
      let from: number | null = 0
      while (from !== null) {
        const page: { items: ReadonlyArray<{ content: string }>; next_start: number | null } = yield* source.transcript(
          worker_id,
          { start: from, limit: 200 }
        )
        lines.push(...page.items.map(({ content }) => content))
        from = page.next_start
      }
      assert.deepStrictEqual(
        lines,
        Array.from({ length: 8 }, (_, n) => `line ${n}`)
      )
      const limits = runtime.requests.filter(({ line }) => line.includes("/transcript")).map(({ line }) => line)
      assert.isTrue(limits.every((line) => line.endsWith("limit=3")))
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("its whole list is paged here", () =>
    Effect.gen(function* () {
      const { runtime, source } = yield* start()
      for (let n = 0; n < 4; n++) runtime.create()
      const first = yield* source.list({ limit: 2 })
      assert.lengthOf(first.items, 2)
      const second = yield* source.list({ limit: 3, cursor: first.next_cursor! })
      assert.lengthOf(second.items, 3)
      assert.isNull(second.next_cursor)
      assert.strictEqual((yield* Effect.flip(source.list({ cursor: "nobody" })))._tag, "invalid_cursor")
      assert.strictEqual((yield* Effect.flip(source.list({ limit: 0 })))._tag, "invalid_query")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("a chosen worker id is refused and not dropped", () =>
    Effect.gen(function* () {
      const { runtime, source } = yield* start()
      const problem = yield* Effect.flip(source.create({ worker_id: WorkerId.make("mine") }, {}))
      assert.strictEqual(problem._tag, "operation_unsupported")
      assert.lengthOf([...runtime.workers], 1)
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("request id and trace go along, and an id that could break a log does not", () =>
    Effect.gen(function* () {
      const { runtime, source, worker_id } = yield* start()
      const span = Tracer.externalSpan({ traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true })
      const call = Effect.withParentSpan(source.get(worker_id), span)
      yield* Effect.provideService(call, RequestId, "req-1")
      yield* Effect.provideService(source.get(worker_id), RequestId, "two words")
      const [first, second] = runtime.requests.slice(-2).map(({ headers }) => headers)
      assert.strictEqual(first?.["x-request-id"], "req-1")
      assert.strictEqual(first?.["traceparent"], `00-${"a".repeat(32)}-${"b".repeat(16)}-01`)
      assert.isUndefined(second?.["x-request-id"])
      assert.isUndefined(second?.["traceparent"])
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("an operation that it does not have is unsupported or not a runtime's, never success", () =>
    Effect.gen(function* () {
      const { source } = yield* start()
      const problem = yield* Effect.flip(source.bundleAvailability("b", undefined))
      assert.strictEqual(problem._tag, "runtime_protocol_error")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )
})

describe("field v1: identity", () => {
  it.live("another runtime behind the address gets no input", () =>
    Effect.gen(function* () {
      const { runtime, source, worker_id } = yield* start()
      yield* source.describe
      runtime.runtime_id = "field-2"
      const read = yield* Effect.flip(source.get(worker_id))
      assert.deepStrictEqual([read._tag, read.context.reason], ["runtime_protocol_error", "wrong_runtime"])
      for (const command of [
        source.input(worker_id, hello, {}),
        source.create({}, {}),
        source.stop(worker_id, undefined, {}),
        source.cancel(worker_id, undefined, {})
      ]) {
        assert.strictEqual(
          (yield* Effect.flip(command as Effect.Effect<unknown, Problem.Problem>)).context.reason,
          "wrong_runtime"
        )
      }
      assert.isFalse(runtime.requests.some(({ line }) => line.startsWith("POST")))
      // It was only away: the right one is taken back.
      runtime.runtime_id = "field-1"
      assert.strictEqual((yield* source.input(worker_id, hello, {})).answer.transcript_sequence, 1)
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("a configured identity is the only one from the start", () =>
    Effect.gen(function* () {
      const runtime = yield* FieldRuntime.make()
      const source = yield* onPort(runtime.port, { expected_runtime_id: "somebody-else" })
      assert.strictEqual((yield* Effect.flip(source.describe)).context.reason, "wrong_runtime")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("a stream of another runtime is not opened", () =>
    Effect.gen(function* () {
      const { runtime, source, worker_id } = yield* start()
      yield* source.describe
      runtime.runtime_id = "field-2"
      yield* Effect.flip(source.get(worker_id))
      const failed = yield* Effect.flip(Stream.runDrain(source.events(worker_id, undefined)))
      assert.strictEqual(failed.context.reason, "wrong_runtime")
      assert.isFalse(runtime.requests.some(({ line }) => line.startsWith("WS")))
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("the token goes into the header of requests and sockets, and nowhere else", () =>
    Effect.gen(function* () {
      const runtime = yield* FieldRuntime.make({ token: "right" })
      let current = "wrong"
      const source = yield* onPort(runtime.port, { token: Effect.sync(() => Redacted.make(current)) })
      const worker_id = WorkerId.make(runtime.create())
      assert.strictEqual((yield* Effect.flip(source.describe))._tag, "runtime_auth_failed")
      // Read anew for every call: a rotated token is picked up.
      current = "right"
      const { until } = yield* reading(source.events(worker_id, undefined))
      yield* until((frames) => frames.length > 0)
      for (const { headers, line } of runtime.requests.slice(1)) {
        assert.strictEqual(headers.authorization, "Bearer right")
        assert.notInclude(line, "right")
      }
      current = "wrong"
      const refused = yield* Effect.flip(Stream.runDrain(source.events(worker_id, undefined)))
      assert.strictEqual(refused._tag, "runtime_auth_failed")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )
})

describe("field v1: events", () => {
  for (const [ids, eventId] of [
    ["numbers", String],
    ["opaque names", (id: number) => `ev_${(id * 7919).toString(36)}`],
    ["numbers of another count", (id: number) => id + 1_000],
    ["small numbers that mean nothing", (id: number) => (id % 2) + 1]
  ] as const) {
    it.live(`snapshot from REST, then live, without a hole or a duplicate, with ${ids} for event ids`, () =>
      Effect.gen(function* () {
        const { runtime, source, worker_id } = yield* start({ eventId })
        runtime.say(worker_id, "user", "before")
        // Said after the subscription and before REST is read: in both.
        runtime.onSubscribe = () => runtime.say(worker_id, "assistant", "between")
        const { frames, until } = yield* reading(source.events(worker_id, undefined))
        yield* until((seen) => seen.length > 0)
        const first = frames[0]!
        assert.strictEqual(first.kind, "snapshot")
        if (first.kind === "snapshot") {
          assert.deepStrictEqual(
            first.snapshot.transcript.items.map(({ content }) => content),
            ["before", "between"]
          )
        }
        yield* source.input(worker_id, hello, {})
        runtime.answer(worker_id, "after")
        runtime.say(worker_id, "assistant", "after")
        yield* until((seen) => seen.filter((it) => it.kind === "event" && it.event.data.text === "after").length >= 3)
        const texts = frames.flatMap((it) =>
          it.kind === "event" && it.event.event === "text_done" ? [it.event.data.text] : []
        )
        assert.deepStrictEqual(texts, ["after", "after"])
        const asked = frames.filter((it) => it.kind === "event" && it.event.event === "user_message")
        assert.lengthOf(asked, 1)
        assert.deepStrictEqual(
          runtime.requests.filter(({ line }) => line.startsWith("WS")).map(({ line }) => line),
          [`WS /v1/workers/${worker_id}/events/ws`]
        )
      }).pipe(Effect.scoped, Effect.provide(egress))
    )
  }

  it.live("events that arrive while REST is read are delivered once each", () =>
    Effect.gen(function* () {
      const { runtime, source, worker_id } = yield* start()
      let n = 0
      // The worker speaks at every step of the composition.
      runtime.onRequest = (line) => {
        if (n < 8 && line.startsWith(`GET /v1/workers/${worker_id}`)) runtime.say(worker_id, "assistant", `line ${n++}`)
      }
      const { frames, until } = yield* reading(source.events(worker_id, undefined))
      yield* until((seen) => seen.some((it) => it.kind === "snapshot"))
      n = 8
      for (const frame of frames) {
        if (frame.kind !== "snapshot") continue
        const { items, start, total_items } = frame.snapshot.transcript
        assert.strictEqual(items.at(-1)?.sequence, total_items)
        assert.strictEqual(start + items.length, total_items)
      }
      runtime.say(worker_id, "assistant", "last")
      yield* until((seen) => said(seen, "last"))
      const seen = frames.flatMap((frame) =>
        frame.kind === "snapshot"
          ? frame.snapshot.transcript.items.map(({ content }) => content)
          : frame.kind === "event" && frame.event.event === "text_done"
            ? [frame.event.data.text as string]
            : []
      )
      assert.deepStrictEqual(
        seen,
        runtime.worker(worker_id).items.map(({ content }) => content)
      )
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("unknown events pass, diagnostics and unknown frames are ignored", () =>
    Effect.gen(function* () {
      const { runtime, source, worker_id } = yield* start()
      const { frames, until, shown } = yield* reading(source.events(worker_id, undefined))
      yield* until((seen) => seen.length > 0)
      for (const socket of runtime.worker(worker_id).watchers) {
        socket.send(JSON.stringify({ kind: "diagnostic", diagnostic: { code: "x", message: "y" } }))
        socket.send(JSON.stringify({ kind: "weather", sunny: true }))
      }
      runtime.emit(worker_id, "dream", { of: ["sheep"] })
      runtime.emit(worker_id, "bare")
      yield* until((seen) => seen.length === 3)
      assert.deepStrictEqual(shown(), ["snapshot", "dream", "bare"])
      const [, dream, bare] = frames
      assert.deepStrictEqual(dream?.kind === "event" ? dream.event.data : undefined, { of: ["sheep"] })
      assert.deepStrictEqual(bare?.kind === "event" ? bare.event.data : undefined, {})
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  for (const [name, frame] of [
    ["text that is not JSON", "}{"],
    ["an event without an envelope", JSON.stringify({ kind: "event" })],
    ["a frame without a kind", "[]"]
  ] as const) {
    it.live(`${name} ends the stream as a broken protocol`, () =>
      Effect.gen(function* () {
        const { runtime, source, worker_id } = yield* start()
        const { until, result } = yield* reading(source.events(worker_id, undefined))
        yield* until((seen) => seen.length > 0)
        for (const socket of runtime.worker(worker_id).watchers) socket.send(frame)
        const ended = yield* result
        assert.strictEqual(ended._tag === "Failure" ? ended.failure.context.reason : "", "stream")
      }).pipe(Effect.scoped, Effect.provide(egress))
    )
  }

  it.live("an event of another worker ends the stream", () =>
    Effect.gen(function* () {
      const { runtime, source, worker_id } = yield* start()
      const { until, result } = yield* reading(source.events(worker_id, undefined))
      yield* until((seen) => seen.length > 0)
      const other = runtime.create()
      for (const socket of runtime.worker(worker_id).watchers) runtime.worker(other).watchers.add(socket)
      runtime.emit(other, "dream", {})
      const ended = yield* result
      assert.strictEqual(ended._tag === "Failure" ? ended.failure.context.reason : "", "wrong_worker")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("a worker that ends is told, although the stream does not say so", () =>
    Effect.gen(function* () {
      const { source, worker_id } = yield* start()
      const { frames, until, result } = yield* reading(source.events(worker_id, undefined))
      yield* until((seen) => seen.length > 0)
      yield* source.stop(worker_id, undefined, {})
      assert.strictEqual((yield* result)._tag, "Success")
      assert.deepStrictEqual(frames.at(-1), { kind: "end", state: "stopped" })
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("a worker that has ended and a worker that is not there", () =>
    Effect.gen(function* () {
      const { runtime, source, worker_id } = yield* start()
      runtime.end(worker_id, "cancelled")
      const { shown, result } = yield* reading(source.events(worker_id, undefined))
      yield* result
      assert.deepStrictEqual(shown(), ["snapshot", "end"])
      const missing = yield* Effect.flip(Stream.runDrain(source.events(WorkerId.make("nobody"), undefined)))
      assert.strictEqual(missing._tag, "worker_not_found")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.effect("a transcript that grows without a word on the stream is a hole", () =>
    Effect.gen(function* () {
      const { runtime, source, worker_id } = yield* start()
      const { until, result } = yield* reading(source.events(worker_id, undefined))
      yield* until((seen) => seen.length > 0)
      const { items } = runtime.worker(worker_id)
      items.push({ sequence: 1, role: "assistant", content: "whispered", event_id: 9 })
      const looks = () => runtime.requests.filter(({ line }) => line === `GET /v1/workers/${worker_id}`).length
      for (let n = 0; n < 2; n++) {
        const before = looks()
        yield* TestClock.adjust(FieldFrames.lookEvery)
        while (looks() === before) yield* Effect.promise(() => new Promise(setImmediate))
        // The answer, too.
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
      }
      const ended = yield* result
      assert.strictEqual(ended._tag === "Failure" ? ended.failure.context.reason : "", "stream")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("a cut behind the hub: nothing missed is silence, something missed is one resync", () =>
    Effect.gen(function* () {
      const { runtime, source, worker_id } = yield* start()
      const registry = yield* RuntimeRegistry
      const hub = yield* EventHub
      yield* registry.add(Effect.succeed(source))
      const watcher = new HubWatcher()
      const worker = new WorkerRef({ runtime_id: alias, worker_id })
      yield* watcher.attach(hub, worker)
      /** A real connection comes back in its own time; every step is waited for by what it does. */
      const becomes = (condition: () => boolean) =>
        Effect.gen(function* () {
          while (!condition()) yield* Effect.sleep(5)
        })
      /** Subscribed for the nth time, and the worker and its transcript have been read since. */
      const composed = (n: number) =>
        becomes(() => {
          const lines = runtime.requests.map(({ line }) => line)
          const sockets = lines.flatMap((line, at) => (line.startsWith("WS") ? [at] : []))
          return sockets.length === n && lines.slice(sockets[n - 1]! + 1).length === 3
        })

      runtime.say(worker_id, "assistant", "one")
      yield* becomes(() => watcher.entries.length === 1)
      runtime.hangUp(worker_id)
      yield* composed(2)
      runtime.say(worker_id, "assistant", "two")
      yield* becomes(() => watcher.entries.length === 2)
      assert.deepStrictEqual(watcher.resyncs, [])

      const gate = runtime.onRequest
      runtime.onRequest = (line) => {
        if (line.startsWith(`GET /v1/workers/${worker_id}`) && runtime.worker(worker_id).items.length === 2) {
          runtime.say(worker_id, "assistant", "three")
        }
        gate(line)
      }
      runtime.hangUp(worker_id)
      yield* becomes(() => watcher.resyncs.length === 1)
      yield* watcher.attach(hub, worker)
      runtime.say(worker_id, "assistant", "four")
      yield* becomes(() => watcher.state.transcript.total_items === 4)
      assert.deepStrictEqual(
        watcher.state.transcript.items.map(({ content }) => content),
        ["one", "two", "three", "four"]
      )
      assert.deepStrictEqual(watcher.resyncs, ["expired"])
    }).pipe(Effect.scoped, Effect.provide(world))
  )
})
