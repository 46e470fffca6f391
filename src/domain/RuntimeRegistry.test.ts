import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { RuntimeId } from "./Identifiers.ts"
import * as Problem from "./Problem.ts"
import * as RuntimeFault from "./RuntimeFault.ts"
import { RuntimeRegistry } from "./RuntimeRegistry.ts"
import * as RuntimeSource from "./RuntimeSource.ts"
import { failuresUntilOpen } from "./registry/Observed.ts"

const id = RuntimeId.make("rt")
const none = Problem.fail("operation_unsupported")

const sourceOf = (runtime_id: RuntimeId = id) =>
  RuntimeSource.make(
    { id: runtime_id, kind: "scripted", display_name: "Scripted", built_in: false },
    {
      describe: none,
      list: () => none,
      get: () => none,
      create: () => none,
      input: () => none,
      stop: () => none,
      cancel: () => none,
      transcript: () => none,
      events: () => {
        throw new Error("not used")
      },
      bundles: none,
      putBundle: () => none,
      bundleAvailability: () => none
    }
  )

const read = { operation: "worker.get", repeatable: true }
const write = { operation: "worker.input", repeatable: false }

/** Answers with the outcomes in turn, the last one again and again; counts the calls. */
const scripted = (...outcomes: ReadonlyArray<Effect.Effect<string, Problem.Problem>>) => {
  const counter = { calls: 0 }
  const use = () =>
    Effect.suspend(() => {
      const outcome = outcomes[Math.min(counter.calls, outcomes.length - 1)]!
      counter.calls += 1
      return outcome
    })
  return { counter, use }
}

const unreachable = Problem.fail("runtime_unreachable")
const unavailable = (retry_after_ms: number) => Problem.fail("runtime_unavailable", undefined, { retry_after_ms })

const start = Effect.gen(function* () {
  const registry = yield* RuntimeRegistry
  yield* registry.add(Effect.succeed(sourceOf()))
  const call = (
    options: typeof read,
    use: () => Effect.Effect<string, Problem.Problem>
  ): Effect.Effect<string, Problem.Problem> => registry.call(id, options, use)
  const observation = Effect.flatMap(registry.get(id), (it) => it.observation)
  return { registry, call, observation }
})

const passing = <A, E>(effect: Effect.Effect<A, E>, time: string) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.result(effect))
    yield* TestClock.adjust(time as "5 seconds")
    return yield* Effect.fromResult(yield* Fiber.join(fiber))
  })

describe("registry: retries and deadlines", () => {
  it.effect("a read is tried three times at most", () =>
    Effect.gen(function* () {
      const { call } = yield* start
      const { counter, use } = scripted(unreachable)
      const problem = yield* Effect.flip(passing(call(read, use), "5 seconds"))
      assert.strictEqual(problem._tag, "runtime_unreachable")
      assert.deepInclude(problem.context, { runtime_id: id, operation: "worker.get" })
      assert.strictEqual(counter.calls, 3)
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("an unkeyed command is never repeated", () =>
    Effect.gen(function* () {
      const { call } = yield* start
      const { counter, use } = scripted(unreachable, Effect.succeed("twice"))
      yield* Effect.flip(call(write, use))
      assert.strictEqual(counter.calls, 1)
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("what the runtime refused for good is not repeated", () =>
    Effect.gen(function* () {
      const { call } = yield* start
      for (const code of [
        "worker_not_found",
        "runtime_auth_failed",
        "runtime_protocol_error",
        "worker_busy"
      ] as const) {
        const { counter, use } = scripted(Problem.fail(code))
        assert.strictEqual((yield* Effect.flip(call(read, use)))._tag, code)
        assert.strictEqual(counter.calls, 1)
      }
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("a command that may have been carried out is not repeated, whatever the caller allows", () =>
    Effect.gen(function* () {
      const { call } = yield* start
      for (const fault of ["answer_lost", "answer_late", "failed_midway"] as const) {
        const { counter, use } = scripted(Effect.fail(RuntimeFault.problem(fault)))
        yield* Effect.flip(call(read, use))
        assert.strictEqual(counter.calls, 1)
      }
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("a repetition waits as long as the runtime asked for", () =>
    Effect.gen(function* () {
      const { call } = yield* start
      const { counter, use } = scripted(unavailable(2_000), Effect.succeed("ready"))
      const fiber = yield* Effect.forkChild(call(read, use))
      yield* TestClock.adjust("1999 millis")
      assert.strictEqual(counter.calls, 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(fiber), "ready")
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("a wait that leads past the deadline is not begun: the caller hears the runtime's reason", () =>
    Effect.gen(function* () {
      const { call, observation } = yield* start
      const { use } = scripted(unavailable(60_000))
      const problem = yield* Effect.flip(call(read, use))
      assert.strictEqual(problem._tag, "runtime_unavailable")
      assert.strictEqual(problem.context.retry_after_ms, 60_000)
      assert.strictEqual((yield* observation).facts.reachable.value, "yes")
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("a silent runtime costs five seconds and no more", () =>
    Effect.gen(function* () {
      const { call } = yield* start
      const { counter, use } = scripted(Effect.never)
      const problem = yield* Effect.flip(passing(call(read, use), "5 seconds"))
      assert.strictEqual(problem._tag, "runtime_timeout")
      assert.strictEqual(counter.calls, 1)
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )
})

describe("registry: what is known", () => {
  it.effect("before the first call nothing is known, and an answer says everything", () =>
    Effect.gen(function* () {
      const { call, observation } = yield* start
      assert.strictEqual((yield* observation).facts.reachable.value, "unknown")
      assert.isUndefined((yield* observation).last_seen_at)
      yield* TestClock.adjust("3 seconds")
      yield* call(read, () => Effect.succeed("fine"))
      const { facts, last_seen_at } = yield* observation
      for (const fact of Object.values(facts)) {
        assert.deepStrictEqual(fact, { value: "yes", since: "1970-01-01T00:00:03.000Z" })
      }
      assert.strictEqual(last_seen_at, "1970-01-01T00:00:03.000Z")
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("one failed call does not mark a runtime dead; two in a row do", () =>
    Effect.gen(function* () {
      const { call, observation } = yield* start
      yield* call(write, () => Effect.succeed("fine"))
      yield* Effect.flip(call(write, () => unreachable))
      assert.strictEqual((yield* observation).facts.reachable.value, "yes")
      yield* Effect.flip(call(write, () => unreachable))
      assert.deepInclude((yield* observation).facts.reachable, { value: "no", code: "runtime_unreachable" })
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("a refusal of credentials says that the runtime is there", () =>
    Effect.gen(function* () {
      const { call, observation } = yield* start
      yield* Effect.flip(call(write, () => Problem.fail("runtime_auth_failed")))
      const { facts } = yield* observation
      assert.strictEqual(facts.reachable.value, "yes")
      assert.deepInclude(facts.authenticated, { value: "no", code: "runtime_auth_failed" })
      assert.strictEqual(facts.compatible.value, "unknown")
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("what never left this process says nothing about the runtime", () =>
    Effect.gen(function* () {
      const { call, observation } = yield* start
      yield* Effect.flip(call(write, () => Problem.fail("secret_unresolvable")))
      yield* Effect.flip(call(write, () => Problem.fail("egress_refused")))
      const { facts, last_seen_at } = yield* observation
      assert.strictEqual(facts.reachable.value, "unknown")
      assert.deepInclude(facts.authenticated, { value: "unknown", code: "secret_unresolvable" })
      assert.isUndefined(last_seen_at)
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("what a runtime said of itself is kept with its time, also when it is gone", () =>
    Effect.gen(function* () {
      const registry = yield* RuntimeRegistry
      const description = {
        runtime_id: "rt-own",
        display_name: null,
        status: "running",
        capabilities: { "workers.create": {} },
        worker_count: 1,
        worker_creation_available: true,
        profiles: [],
        max_transcript_items: 256
      } as const
      let answer: Effect.Effect<typeof description, Problem.Problem> = Effect.succeed(description)
      yield* registry.add(Effect.sync(() => ({ ...sourceOf(), describe: Effect.suspend(() => answer) })))
      const registered = yield* registry.get(id)
      const describe = registry.call(id, write, (source) => source.describe)
      assert.isUndefined(yield* registered.described)
      yield* TestClock.adjust("7 seconds")
      yield* describe
      yield* TestClock.adjust("1 hour")
      answer = unreachable
      yield* Effect.flip(describe)
      assert.deepStrictEqual(yield* registered.described, { description, described_at: "1970-01-01T00:00:07.000Z" })
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("what a test of the connection found is the same knowledge", () =>
    Effect.gen(function* () {
      const { registry, observation } = yield* start
      const registered = yield* registry.get(id)
      yield* registered.observe(Problem.make("runtime_incompatible"))
      assert.deepInclude((yield* observation).facts.compatible, { value: "no", code: "runtime_incompatible" })
      yield* registered.observe(undefined)
      assert.strictEqual((yield* observation).facts.compatible.value, "yes")
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )
})

describe("registry: the circuit", () => {
  const broken = Effect.gen(function* () {
    const world = yield* start
    for (let n = 0; n < failuresUntilOpen; n++) yield* Effect.flip(world.call(write, () => unreachable))
    return world
  })

  it.effect("after five failures in a row calls fail at once, and say when to come back", () =>
    Effect.gen(function* () {
      const { call, observation } = yield* broken
      assert.strictEqual((yield* observation).circuit, "open")
      const { counter, use } = scripted(Effect.succeed("fine"))
      const problem = yield* Effect.flip(call(write, use))
      assert.strictEqual(counter.calls, 0)
      assert.deepInclude(problem.context, { reason: "circuit_open", retry_after_ms: 1_000 })
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("half open, one call goes through at a time, and its success closes it", () =>
    Effect.gen(function* () {
      const { call, observation } = yield* broken
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* observation).circuit, "half_open")
      const probe = yield* Effect.forkChild(call(write, () => Effect.as(Effect.sleep("1 second"), "fine")))
      yield* Effect.yieldNow
      assert.strictEqual(
        (yield* Effect.flip(call(write, () => Effect.succeed("second")))).context.reason,
        "circuit_open"
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(probe), "fine")
      assert.strictEqual((yield* observation).circuit, "closed")
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("every failed probe doubles the pause, up to half a minute", () =>
    Effect.gen(function* () {
      const { call } = yield* broken
      const pauses: Array<number> = []
      for (let n = 0; n < 7; n++) {
        const refused = yield* Effect.flip(call(write, () => unreachable))
        const wait = refused.context.retry_after_ms!
        pauses.push(wait)
        yield* TestClock.adjust(wait)
        yield* Effect.flip(call(write, () => unreachable))
      }
      assert.deepStrictEqual(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("a probe that is given up, or that breaks off in a defect, leaves the way free for the next", () =>
    Effect.gen(function* () {
      const { call } = yield* broken
      yield* TestClock.adjust("1 second")
      const probe = yield* Effect.forkChild(call(write, () => Effect.never))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(probe)
      assert.isTrue(Exit.hasDies(yield* Effect.exit(call(write, () => Effect.die("planted")))))
      assert.strictEqual(yield* call(write, () => Effect.succeed("fine")), "fine")
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("a dead runtime's circuit is its own", () =>
    Effect.gen(function* () {
      const { registry } = yield* broken
      const other = RuntimeId.make("other")
      yield* registry.add(Effect.succeed(sourceOf(other)))
      assert.strictEqual(yield* registry.call(other, write, () => Effect.succeed("fine")), "fine")
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )
})

describe("registry: the live set", () => {
  /** A source that writes down its release. */
  const released = (log: Array<string>, name: string) =>
    Effect.acquireRelease(
      Effect.sync(() => sourceOf()),
      () => Effect.sync(() => log.push(name))
    )

  it.effect("an id is taken once, and the source that came second is released", () =>
    Effect.gen(function* () {
      const { registry } = yield* start
      const log: Array<string> = []
      assert.strictEqual((yield* Effect.flip(registry.add(released(log, "second"))))._tag, "runtime_id_taken")
      assert.deepStrictEqual(log, ["second"])
      assert.lengthOf(yield* registry.list, 1)
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("a removed runtime takes no new call, finishes the running ones and is then released", () =>
    Effect.gen(function* () {
      const registry = yield* RuntimeRegistry
      const log: Array<string> = []
      yield* registry.add(released(log, "first"))
      const running = yield* Effect.forkChild(
        registry.call(id, write, () => Effect.as(Effect.sleep("2 seconds"), "finished"))
      )
      yield* Effect.yieldNow
      const removal = yield* Effect.forkChild(registry.remove(id))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(
        (yield* Effect.flip(registry.call(id, write, () => Effect.succeed(""))))._tag,
        "runtime_not_found"
      )
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(running), "finished")
      yield* Fiber.join(removal)
      assert.deepStrictEqual(log, ["first"])
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("a replaced runtime's calls go to the new source at once, and its facts start anew", () =>
    Effect.gen(function* () {
      const registry = yield* RuntimeRegistry
      const log: Array<string> = []
      yield* registry.add(released(log, "first"))
      yield* registry.call(id, write, () => Effect.succeed(""))
      const before = yield* registry.get(id)
      yield* registry.replace(Effect.sync(() => ({ ...sourceOf(), display_name: "Second" })))
      assert.deepStrictEqual(log, ["first"])
      const { observation, source } = yield* registry.get(id)
      assert.strictEqual(source.display_name, "Second")
      assert.notStrictEqual(source, before.source)
      assert.strictEqual((yield* observation).facts.reachable.value, "unknown")
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("a source that cannot be built leaves the live set alone", () =>
    Effect.gen(function* () {
      const { registry } = yield* start
      const { source } = yield* registry.get(id)
      yield* Effect.flip(registry.replace(Effect.fail("no")))
      yield* Effect.flip(registry.replace(Effect.succeed(sourceOf(RuntimeId.make("other")))))
      assert.strictEqual((yield* registry.get(id)).source, source)
      assert.lengthOf(yield* registry.list, 1)
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )

  it.effect("whoever asked for a removal may go: the source is released all the same", () =>
    Effect.gen(function* () {
      const registry = yield* RuntimeRegistry
      const log: Array<string> = []
      yield* registry.add(released(log, "first"))
      const running = yield* Effect.forkChild(registry.call(id, write, () => Effect.never as Effect.Effect<string>))
      yield* Effect.yieldNow
      const removal = yield* Effect.forkChild(registry.remove(id))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(removal)
      yield* Fiber.interrupt(running)
      yield* Effect.yieldNow
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(log, ["first"])
    }).pipe(Effect.provide(RuntimeRegistry.layer))
  )
})
