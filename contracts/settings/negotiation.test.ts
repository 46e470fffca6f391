/** What a connection test reports of a runtime that works, how long it waits for one that does not, and what it leaves. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"
import * as Connection from "../../src/domain/Connection.ts"
import type { Step } from "../../src/domain/ConnectionTest.ts"
import * as Problem from "../../src/domain/Problem.ts"
import { RuntimeRegistry } from "../../src/domain/RuntimeRegistry.ts"
import { SourceKinds } from "../../src/domain/SourceKind.ts"
import { authority, certificate } from "../support/Certificates.ts"
import { failureOf, test, world } from "./negotiationWorld.ts"
import * as Api from "./ScriptedApi.ts"

const endpointOf = ({ port }: { readonly port: number }) => ({ endpoint: `http://127.0.0.1:${port}` })
const summary = (steps: ReadonlyArray<Step>) => steps.map(({ code, status, step }) => `${step} ${status} ${code}`)
const verdicts = (operations: ReadonlyArray<{ operation: string; verdict: string; basis: string }>) =>
  Object.fromEntries(operations.map((it) => [it.operation, `${it.verdict} ${it.basis}`]))

const upgraded: Api.Answer = (socket) => socket.end()

describe("connection test of a runtime that works", () => {
  it.effect("keeps apart what was tried, what was declared and what was not checked", () =>
    Effect.gen(function* () {
      const peer = yield* Api.make(Api.good)
      const report = yield* test(endpointOf(peer))
      assert.deepStrictEqual(summary(report.steps), [
        "policy pass ok",
        "url pass ok",
        "dns pass ok",
        "tcp pass ok",
        "tls pass ok",
        "http pass ok",
        "auth pass ok",
        "protocol pass ok",
        "capabilities pass ok",
        "operations pass ok",
        "stream skip nothing_to_watch"
      ])
      assert.deepStrictEqual(verdicts(report.operations), {
        "workers.list": "available tried",
        "workers.get": "unchecked none",
        "events.ws": "available declared",
        "workers.create": "available declared",
        "workers.input": "available declared",
        "config_bundles.availability": "available tried",
        "config_bundles.sync": "available declared"
      })
      assert.isTrue(report.compatible)
      assert.deepStrictEqual(report.protocol, { compatible: true, basis: "v1 runtime endpoint responded" })
      assert.strictEqual(report.observed?.version, "1.2.3")
      assert.isUndefined(report.id)
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("only reads: every request is a GET, however much the runtime offers", () =>
    Effect.gen(function* () {
      const peer = yield* Api.make({
        ...Api.good,
        "GET /v1/workers": Api.ok({ workers: [Api.worker] }),
        "GET /v1/workers/w-1": Api.ok({ worker: Api.worker }),
        "GET /v1/workers/w-1/events/ws": upgraded
      })
      yield* test(endpointOf(peer), { saved: true })
      assert.deepStrictEqual([...new Set(peer.requests.map((head) => head.split(" ")[0]))], ["GET"])
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("a runtime without a capability map is judged by what it answers, and no version is invented", () =>
    Effect.gen(function* () {
      const { capabilities: _, version: __, ...field } = Api.runtime().runtime
      const peer = yield* Api.make({ ...Api.good, "GET /v1/runtime": Api.ok({ runtime: field }) })
      const report = yield* test(endpointOf(peer))
      assert.isTrue(report.compatible)
      assert.include(summary(report.steps), "capabilities warn undeclared")
      assert.isFalse(Object.hasOwn(report.observed ?? {}, "version"))
      assert.strictEqual(verdicts(report.operations)["workers.input"], "unchecked none")
      assert.strictEqual(verdicts(report.operations)["workers.create"], "available declared")
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("a runtime that answers but cannot create workers is said to be so, though its protocol fits", () =>
    Effect.gen(function* () {
      const answers = { "GET /v1/runtime": Api.ok(Api.runtime({ worker_creation_available: false })) }
      const report = yield* test(endpointOf(yield* Api.make({ ...Api.good, ...answers })))
      assert.isFalse(report.compatible)
      assert.isTrue(report.protocol.compatible)
      assert.deepStrictEqual(
        report.diagnostics.map(({ code }) => code),
        ["execution_backend_unavailable"]
      )
      assert.strictEqual(verdicts(report.operations)["workers.create"], "unavailable declared")
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("the stream is really opened where there is a worker, on every kind", () =>
    Effect.gen(function* () {
      const report = yield* test({ kind: "mock", options: { workers: [{ worker_id: "w-1" }] } })
      assert.deepStrictEqual(
        report.steps.filter(({ status }) => status !== "pass").map(({ code, step }) => `${step} ${code}`),
        ["policy", "url", "dns", "tcp", "tls"].map((step) => `${step} not_applicable`)
      )
      assert.strictEqual(verdicts(report.operations)["events.ws"], "available tried")
      assert.strictEqual(verdicts(report.operations)["workers.get"], "available tried")
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("what the product can do without never fails a test", () =>
    Effect.gen(function* () {
      const answers = { "GET /v1/config-bundles": Api.problem("500 Internal Server Error", "internal") }
      const report = yield* test(endpointOf(yield* Api.make({ ...Api.good, ...answers })))
      assert.isTrue(report.compatible)
      assert.strictEqual(verdicts(report.operations)["config_bundles.availability"], "unavailable tried")
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("each step is told when it is over, in order, before the report", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const peer = yield* Api.make(Api.good, { tls: certificate("good") })
      const report = yield* test(
        { endpoint: `https://runtime.test:${peer.port}`, options: { ca: authority } },
        { onStep: ({ step }) => Effect.sync(() => told.push(step)) }
      )
      assert.deepStrictEqual(
        told,
        report.steps.map(({ step }) => step)
      )
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("nothing of the token or of what the peer says is in the report", () =>
    Effect.gen(function* () {
      for (const status of ["401 Unauthorized", "500 Internal Server Error", "200 OK"]) {
        const peer = yield* Api.make({ "*": Api.problem(status, "unauthorized", "upstream canary-peer") })
        const report = yield* test({ ...endpointOf(peer), token_ref: "test:canary-token" })
        const text = JSON.stringify(report)
        assert.include(peer.requests.at(-1), "canary-token")
        for (const canary of ["canary-token", "canary-peer", "127.0.0.1", String(peer.port)]) {
          assert.notInclude(text, canary)
        }
      }
    }).pipe(Effect.scoped, Effect.provide(world()))
  )
})

describe("connection test of a silent runtime", () => {
  it.effect("a step ends after its 5 s, and says what it waited for", () =>
    Effect.gen(function* () {
      const peer = yield* Api.make({ "*": () => undefined })
      const running = yield* Effect.forkChild(test(endpointOf(peer)))
      yield* peer.arrived
      yield* TestClock.adjust("5200 millis")
      const report = yield* Fiber.join(running)
      const failure = failureOf(report.steps)
      assert.deepStrictEqual([failure?.step, failure?.code], ["http", "runtime_timeout.deadline"])
      assert.isAtLeast(failure?.latency_ms ?? 0, 5_000)
      yield* peer.drained
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("whatever a kind does, a step is over soon after 5 s and the test after 15 s, with a report", () =>
    Effect.gen(function* () {
      const slow = { faults: [{ operation: "runtime.describe", fault: "no_answer" }] }
      const first = yield* Effect.forkChild(test({ kind: "mock", options: slow }), { startImmediately: true })
      yield* TestClock.adjust("5300 millis")
      assert.strictEqual(failureOf((yield* Fiber.join(first)).steps)?.code, "runtime_timeout.no_answer")

      const steps = { latency_ms: 4_000, workers: [{ worker_id: "w-1" }] }
      const second = yield* Effect.forkChild(test({ kind: "mock", options: steps }), { startImmediately: true })
      yield* TestClock.adjust("15 seconds")
      const report = yield* Fiber.join(second)
      assert.deepStrictEqual(
        [failureOf(report.steps)?.step, failureOf(report.steps)?.code],
        ["operations", "runtime_timeout.step"]
      )
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("a test that is given up closes its connection", () =>
    Effect.gen(function* () {
      const peer = yield* Api.make({ "*": () => undefined })
      const running = yield* Effect.forkChild(test(endpointOf(peer)))
      yield* peer.arrived
      yield* Fiber.interrupt(running)
      yield* peer.drained
    }).pipe(Effect.scoped, Effect.provide(world()))
  )
})

describe("connection test and live status", () => {
  /** A live runtime over the peer, and its saved entry. */
  const live = Effect.fnUntraced(function* (draft: object) {
    const kinds = yield* SourceKinds
    const registry = yield* RuntimeRegistry
    const entry = yield* Effect.fromResult(Connection.decodeEntry({ id: "live", ...draft })).pipe(Effect.orDie)
    yield* registry.add(kinds.connect(entry))
    const registered = yield* registry.get(entry.id)
    const facts = Effect.map(registered.observation, ({ facts: it }) =>
      [it.reachable, it.authenticated, it.compatible].map(({ value }) => value).join(" ")
    )
    return { facts, registered, test: test({ ...draft, id: "live" }, { saved: true, live: true }) }
  })

  it.effect("what a test learns of a live runtime is what its status says", () =>
    Effect.gen(function* () {
      const answers: Record<string, Api.Answer> = { ...Api.good }
      const it = yield* live({ ...endpointOf(yield* Api.make(answers)), token_ref: "test:x" })
      assert.strictEqual(yield* it.facts, "unknown unknown unknown")
      assert.isTrue((yield* it.test).compatible)
      assert.strictEqual(yield* it.facts, "yes yes yes")
      answers["GET /v1/runtime"] = Api.problem("401 Unauthorized", "unauthorized")
      assert.isFalse((yield* it.test).compatible)
      assert.strictEqual(yield* it.facts, "yes no yes")
      answers["GET /v1/runtime"] = Api.html()
      yield* it.test
      assert.include(yield* it.facts, " no")
      answers["GET /v1/runtime"] = Api.ok(Api.runtime())
      assert.strictEqual((yield* it.test).id, "live")
      assert.strictEqual(yield* it.facts, "yes yes yes")
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("a token that may look but not list counts as refused in both", () =>
    Effect.gen(function* () {
      const answers = { ...Api.good, "GET /v1/workers": Api.problem("403 Forbidden", "forbidden") }
      const it = yield* live({ ...endpointOf(yield* Api.make(answers)), token_ref: "test:x" })
      assert.isFalse((yield* it.test).compatible)
      assert.strictEqual(yield* it.facts, "yes no unknown")
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("another runtime at a live one's address fails the test as it fails live calls", () =>
    Effect.gen(function* () {
      const answers: Record<string, Api.Answer> = { ...Api.good }
      const it = yield* live(endpointOf(yield* Api.make(answers)))
      assert.isTrue((yield* it.test).compatible)
      answers["GET /v1/runtime"] = Api.ok(Api.runtime({ runtime_id: "rt-2" }))
      assert.strictEqual(failureOf((yield* it.test).steps)?.code, "runtime_protocol_error.wrong_runtime")
      const live_call = yield* Effect.flip(it.registered.source.describe)
      assert.strictEqual(live_call.context.reason, "wrong_runtime")
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("a test of a changed entry says nothing about what is live", () =>
    Effect.gen(function* () {
      const it = yield* live(endpointOf(yield* Api.make(Api.good)))
      const registry = yield* RuntimeRegistry
      yield* registry.observe(it.registered.source.id, Result.succeed(undefined))
      yield* test({ id: "live", endpoint: "http://nowhere.test" }, { saved: true, live: false })
      yield* test({ id: "live", endpoint: "http://nowhere.test" }, { saved: true, live: false })
      assert.strictEqual(yield* it.facts, "yes yes yes")
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.effect("an open circuit does not keep a test from finding that the runtime is back", () =>
    Effect.gen(function* () {
      const it = yield* live(endpointOf(yield* Api.make(Api.good)))
      const registry = yield* RuntimeRegistry
      const down = Result.fail(Problem.make("runtime_unreachable"))
      for (let n = 0; n < 5; n++) yield* registry.observe(it.registered.source.id, down)
      assert.strictEqual((yield* it.registered.observation).circuit, "open")
      assert.isTrue((yield* it.test).compatible)
      assert.strictEqual((yield* it.registered.observation).circuit, "closed")
    }).pipe(Effect.scoped, Effect.provide(world()))
  )
})
