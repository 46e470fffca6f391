import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema, Stream } from "effect"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { TestClock } from "effect/testing"
import { IdempotencyKey, RuntimeId, WorkerId } from "../../domain/Identifiers.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"
import * as EchoExecutor from "../executors/EchoExecutor.ts"
import * as MemoryWorkerStore from "../stores/MemoryWorkerStore.ts"
import * as MockSource from "./MockSource.ts"

const identity = { id: RuntimeId.make("demo"), display_name: "Demo" }
const worker_id = WorkerId.make("w-1")
const services = Layer.mergeAll(
  EchoExecutor.layer,
  Layer.fresh(MemoryWorkerStore.layer),
  SecureRandom.layerWebCrypto,
  Digest.layerWebCrypto
)
const decode = Schema.decodeUnknownEffect(MockSource.MockOptions, { onExcessProperty: "error" })
const mock = (options: unknown) => Effect.flatMap(decode(options), (it) => MockSource.make(identity, it))

/** How a call went, in one word. */
const word = <A>(call: Effect.Effect<A, { readonly _tag: string }>) =>
  Effect.match(call, { onSuccess: () => "ok", onFailure: (problem) => problem._tag })

describe("mock source", () => {
  it.effect("plays its workers' script and answers like a runtime", () =>
    Effect.gen(function* () {
      const source = yield* mock({
        workers: [
          { worker_id, display_name: "Ada", inputs: ["one", "two"] },
          { worker_id: "w-2", inputs: ["bye"], end: "stopped" }
        ]
      })
      yield* TestClock.adjust("2 seconds")
      const { items } = yield* source.list({})
      assert.deepStrictEqual(
        items.map((it) => [it.worker_id, it.state, it.transcript_len, it.runtime_id]),
        [
          [worker_id, "idle", 4, identity.id],
          ["w-2", "stopped", 2, identity.id]
        ] as never
      )
      assert.strictEqual((yield* source.get(worker_id)).display_name, "Ada")
      assert.strictEqual(source.kind, "mock")
    }).pipe(Effect.scoped, Effect.provide(services))
  )

  for (const name of RuntimeFault.runtimeFaults) {
    it.effect(`${name} on demand is the problem that a remote source would give`, () =>
      Effect.gen(function* () {
        const source = yield* mock({ workers: [{ worker_id }], faults: [{ operation: "worker.get", fault: name }] })
        const call = yield* Effect.forkChild(Effect.flip(source.get(worker_id)))
        yield* TestClock.adjust(MockSource.silenceMs)
        const problem = yield* Fiber.join(call)
        const expected = RuntimeFault.problem(name)
        assert.strictEqual(problem._tag, expected._tag)
        assert.deepStrictEqual(problem.context, {
          runtime_id: identity.id,
          worker_id,
          operation: "worker.get",
          reason: name
        })
        assert.strictEqual(yield* word(source.list({})), "ok")
      }).pipe(Effect.scoped, Effect.provide(services))
    )
  }

  it.effect("a sequence says call by call what happens", () =>
    Effect.gen(function* () {
      const source = yield* mock({
        workers: [{ worker_id }],
        faults: [{ operation: "worker.get", sequence: ["ok", "reset", "worker_not_found"] }]
      })
      const words = yield* Effect.forEach(Array.from({ length: 5 }), () => word(source.get(worker_id)))
      assert.deepStrictEqual(words, ["ok", "runtime_unreachable", "worker_not_found", "ok", "ok"])
    }).pipe(Effect.scoped, Effect.provide(services))
  )

  it.effect("probabilities repeat with the same seed and differ with another", () =>
    Effect.gen(function* () {
      const outcomes = (seed: number) =>
        Effect.gen(function* () {
          const source = yield* mock({ faults: [{ fault: "failed", probability: 0.5 }], seed })
          return yield* Effect.forEach(Array.from({ length: 64 }), () => word(source.list({})))
        }).pipe(Effect.scoped, Effect.provide(Layer.fresh(services)))
      const one = yield* outcomes(7)
      assert.deepStrictEqual(yield* outcomes(7), one)
      assert.notDeepEqual(yield* outcomes(8), one)
      const failures = one.filter((it) => it === "runtime_failed").length
      assert.isAbove(failures, 16)
      assert.isBelow(failures, 48)
    })
  )

  it.effect("a lost answer leaves the command done, and its key finds it again", () =>
    Effect.gen(function* () {
      const source = yield* mock({
        faults: [{ operation: "worker.create", sequence: ["reset"], answer_lost: true }]
      })
      const key = { idempotency_key: IdempotencyKey.make("k-1") }
      assert.strictEqual((yield* Effect.flip(source.create({}, key)))._tag, "runtime_unreachable")
      assert.isTrue((yield* source.create({}, key)).replayed)
      assert.lengthOf((yield* source.list({})).items, 1)
    }).pipe(Effect.scoped, Effect.provide(services))
  )

  it.effect("latency is added to every call", () =>
    Effect.gen(function* () {
      const source = yield* mock({ latency_ms: 300 })
      const call = yield* Effect.forkChild(source.list({}))
      yield* TestClock.adjust("299 millis")
      assert.isUndefined(call.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual((yield* Fiber.join(call)).items, [])
    }).pipe(Effect.scoped, Effect.provide(services))
  )

  it.effect("an event stream breaks after as many frames as asked for", () =>
    Effect.gen(function* () {
      const source = yield* mock({
        workers: [{ worker_id, inputs: ["hello"] }],
        faults: [{ operation: "worker.events", sequence: ["reset"], after_frames: 3 }]
      })
      const seen: Array<string> = []
      const read = source
        .events(worker_id, undefined)
        .pipe(Stream.runForEach((frame) => Effect.sync(() => seen.push(frame.kind))))
      const broken = yield* Effect.forkChild(Effect.flip(read))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(broken))._tag, "runtime_unreachable")
      assert.deepStrictEqual(seen, ["snapshot", "event", "event"])
    }).pipe(Effect.scoped, Effect.provide(services))
  )

  it.effect("options outside their bounds are refused", () =>
    Effect.gen(function* () {
      for (const wrong of [
        { latency_ms: -1 },
        { latency_ms: 10_001 },
        { faults: [{ fault: "surprise" }] },
        { faults: [{ fault: "reset", probability: 2 }] },
        { workers: [{ worker_id: "../etc" }] },
        { wrokers: [] }
      ]) {
        assert.strictEqual(yield* word(decode(wrong)), "SchemaError", JSON.stringify(wrong))
      }
    })
  )
})
