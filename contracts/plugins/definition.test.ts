/** What comes with a kind without a line from its author, and the promise facade, on definitions made here. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Metric, Redacted, Schema, Stream, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { callDeadline } from "../../src/domain/plugin/Guard.ts"
import {
  apiVersion,
  capability,
  definePromiseSource,
  defineRuntimeSource,
  fault,
  problem,
  type PromisePrimitives,
  type RuntimeSourceDefinition,
  type SourcePrimitives
} from "../../src/domain/plugin/Plugin.ts"
import type { ConnectionEntry } from "../../src/domain/Connection.ts"
import { RuntimeId, WorkerId } from "../../src/domain/Identifiers.ts"
import * as Problem from "../../src/domain/Problem.ts"
import { make as makeSecrets, SecretResolver } from "../../src/domain/SecretResolver.ts"
import { connectDeadline, SourceKinds } from "../../src/domain/SourceKind.ts"

const id = RuntimeId.make("example")
const worker_id = WorkerId.make("w-1")

/** Text that a foreign system might have said. */
const canary = "canary-4f1c http://10.0.0.7/secret /home/canary"

const facts = {
  kind: "example",
  apiVersion,
  label: "Example",
  description: "A kind for tests.",
  endpoint: "none",
  options: Schema.Struct({}),
  secretFields: ["token_ref"]
} as const

const quiet: SourcePrimitives = {
  describe: Effect.succeed({}),
  list: () => Effect.succeed({ items: [], next_cursor: null }),
  get: () => Effect.fail(problem("worker_not_found"))
}

const defined = (primitives: Partial<SourcePrimitives>, more: object = {}) =>
  defineRuntimeSource({ ...facts, connect: () => Effect.succeed({ ...quiet, ...primitives }), ...more })

const services = Layer.merge(SourceKinds.layer, Layer.effect(SecretResolver, makeSecrets))

const connected = Effect.fnUntraced(function* <Options>(
  definition: RuntimeSourceDefinition<Options, undefined>,
  entry: Partial<ConnectionEntry> = {}
) {
  const kinds = yield* SourceKinds
  yield* kinds.add(definition)
  return yield* kinds.connect({ id, kind: "example", ...entry })
}, Effect.provide(services))

/** Everything that is logged meanwhile, as the backend would write it. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const keep = Logger.map(Logger.formatJson, (line) => void lines.push(line))
    return Effect.map(Effect.provide(effect, Logger.layer([keep])), (value) => ({ value, lines: lines.join("\n") }))
  })

/** The problem without a word of the plugin, and what was logged of it. */
const failing = Effect.fnUntraced(function* (effect: Effect.Effect<unknown, Problem.Problem>) {
  const { lines, value } = yield* logged(Effect.flip(effect))
  assert.isTrue(Problem.isProblem(value))
  assert.notMatch(JSON.stringify([value, value.message, value.stack, lines]), /canary|10\.0\.0\.7|sk-live/)
  return { problem: value, lines }
})

describe("failures of a plugin", () => {
  const cases: ReadonlyArray<
    readonly [name: string, failure: Effect.Effect<never, Problem.Problem>, code: string, reason?: string]
  > = [
    ["a defect", Effect.die(new TypeError(canary)), "plugin_failed", "defect"],
    [
      "a name that is a value",
      Effect.die(Object.assign(new Error(canary), { name: "canary" })),
      "plugin_failed",
      "defect"
    ],
    ["a defect that is no error", Effect.die({ canary }), "plugin_failed", "defect"],
    [
      "a throw",
      Effect.sync(() => {
        throw new Error(canary)
      }),
      "plugin_failed",
      "defect"
    ],
    ["a failure that is no problem", Effect.fail(new Error(canary) as never), "plugin_failed", "failed"],
    ["a failure that is a string", Effect.fail(canary as never), "plugin_failed", "failed"],
    ["nothing at all", Effect.fail(undefined as never), "plugin_failed", "failed"],
    ["a problem with words of its own", Effect.fail(problem("worker_busy", canary)), "worker_busy"],
    [
      "a reason of its own",
      Effect.fail(
        problem("worker_busy", canary, {
          reason: "canary",
          capability: "canary",
          errors: [{ pointer: "/canary", code: "canary" }]
        })
      ),
      "worker_busy"
    ],
    ["a fault of the list", Effect.fail(fault("refused")), "runtime_unreachable", "refused"],
    [
      "a declared reason",
      Effect.fail(problem("runtime_failed", canary, { reason: "no_credit" })),
      "runtime_failed",
      "no_credit"
    ],
    ["a code that is not a plugin's", Effect.fail(problem("session_required")), "plugin_failed", "code_refused"],
    [
      "a problem of another copy of the package",
      Effect.fail({
        _tag: "worker_busy",
        detail: canary,
        context: { retry_after_ms: 5, runtime_id: "canary" }
      } as never),
      "worker_busy"
    ],
    [
      "a code that is in no catalogue",
      Effect.fail({ _tag: "canary", detail: canary, context: {} } as never),
      "plugin_failed",
      "failed"
    ]
  ]

  it.effect.each(cases.map(([name, failure, code, reason]) => ({ name, failure, code, reason })))(
    "$name becomes $code",
    ({ code, failure, reason }) =>
      Effect.gen(function* () {
        const source = yield* connected(
          defined({ list: () => failure }, { reasons: { no_credit: "The account is used up." } })
        )
        const { lines, problem: found } = yield* failing(source.list({}))
        assert.strictEqual(found._tag, code)
        assert.strictEqual(found.context.reason, reason)
        assert.deepInclude(found.context, { runtime_id: "example", operation: "worker.list" })
        if (reason === "no_credit") assert.strictEqual(found.message, "The account is used up.")
        if (code === "plugin_failed") assert.include(lines, "A plugin failed")
        if (reason === "defect" && !lines.includes('"error":"object"'))
          assert.match(lines, /"at":"definition\.test\.ts:\d+:\d+"/)
        const streamed = yield* connected(
          defined({ events: () => Stream.fromEffect(failure) }, { reasons: { no_credit: "The account is used up." } })
        )
        const ended = yield* failing(Stream.runDrain(streamed.events(worker_id, undefined)))
        assert.deepStrictEqual([ended.problem._tag, ended.problem.context.reason], [code, reason])
      }).pipe(Effect.scoped)
  )

  it.effect("at connect they are contained as well, thrown before anything was returned or not", () =>
    Effect.gen(function* () {
      for (const connect of [
        () => {
          throw new Error(canary)
        },
        () => Effect.die(new Error(canary)),
        () => Effect.fail(new Error(canary) as never)
      ]) {
        const { problem: found } = yield* failing(Effect.scoped(connected(defined({}, { connect }))))
        assert.strictEqual(found._tag, "plugin_failed")
      }
    })
  )

  it.effect("a kind that comes with the product keeps its own sentences", () =>
    Effect.gen(function* () {
      const kinds = yield* SourceKinds
      yield* kinds.add(defined({ list: () => Effect.fail(problem("worker_busy", "Its own words.")) }), {
        built_in: true
      })
      const source = yield* kinds.connect({ id, kind: "example" })
      assert.strictEqual((yield* Effect.flip(source.list({}))).message, "Its own words.")
    }).pipe(Effect.scoped, Effect.provide(services))
  )
})

describe("answers of a plugin", () => {
  const bad = { items: [{ runtime_id: "x", worker_id: "../canary", token: canary }], next_cursor: null }

  it.effect("that have the wrong shape are its failure, and are told by their places", () =>
    Effect.gen(function* () {
      const source = yield* connected(
        defined({ list: () => Effect.succeed(bad as never), get: () => Effect.succeed(null as never) })
      )
      const { lines, problem: found } = yield* failing(source.list({}))
      assert.deepStrictEqual([found._tag, found.context.reason], ["plugin_failed", "answer"])
      assert.include(lines, "/items/0/state missing")
      assert.strictEqual((yield* failing(source.get(worker_id))).problem._tag, "plugin_failed")
    }).pipe(Effect.scoped)
  )

  it.effect("frames that are none end the stream with its failure, after those that were sound", () =>
    Effect.gen(function* () {
      const frames = [{ kind: "bookmark", cursor: "1" }, { kind: "canary" }]
      const source = yield* connected(
        defined({ events: () => Stream.rechunk(Stream.fromIterable(frames as never), 1) })
      )
      const seen: Array<unknown> = []
      const { problem: found } = yield* failing(
        Stream.runForEach(source.events(worker_id, undefined), (frame) => Effect.sync(() => seen.push(frame)))
      )
      assert.deepStrictEqual([seen, found._tag, found.context.reason], [[frames[0]], "plugin_failed", "answer"])
    }).pipe(Effect.scoped)
  )

  it.effect("are not waited for longer from a plugin that does not let itself be interrupted", () =>
    Effect.gen(function* () {
      const stuck = Effect.uninterruptible(Effect.never)
      const source = yield* connected(defined({ list: () => stuck }))
      const asked = yield* Effect.forkChild(Effect.flip(source.list({})))
      yield* TestClock.adjust(callDeadline)
      assert.strictEqual((yield* Fiber.join(asked))._tag, "runtime_timeout")
      const given = yield* Effect.forkChild(source.list({}), { startImmediately: true })
      yield* Fiber.interrupt(given)
      const opening = yield* Effect.forkChild(
        Effect.flip(Effect.scoped(connected(defined({}, { connect: () => stuck }))))
      )
      yield* TestClock.adjust(connectDeadline)
      assert.strictEqual((yield* Fiber.join(opening))._tag, "runtime_timeout")
    }).pipe(Effect.scoped)
  )

  it.effect("that do not come end with the deadline, as does a connection that does not open", () =>
    Effect.gen(function* () {
      const source = yield* connected(defined({ list: () => Effect.never }))
      const asked = yield* Effect.forkChild(Effect.flip(source.list({})))
      yield* TestClock.adjust(callDeadline)
      assert.strictEqual((yield* Fiber.join(asked))._tag, "runtime_timeout")
      const opening = yield* Effect.forkChild(
        Effect.flip(Effect.scoped(connected(defined({}, { connect: () => Effect.never }))))
      )
      yield* TestClock.adjust(connectDeadline)
      assert.strictEqual((yield* Fiber.join(opening))._tag, "runtime_timeout")
    }).pipe(Effect.scoped)
  )
})

describe("declared capabilities", () => {
  it.effect("what is not declared, or not there, is answered without asking the plugin", () =>
    Effect.gen(function* () {
      let asked = 0
      const count = () => {
        asked += 1
        return Effect.die("asked")
      }
      const source = yield* connected(
        defined(
          {
            create: count,
            input: count,
            stop: count,
            cancel: count,
            interrupt: count,
            permit: count,
            unqueue: count,
            transcript: count,
            events: () => {
              asked += 1
              return Stream.empty
            },
            bundles: Effect.suspend(count),
            putBundle: count,
            bundleAvailability: count
          },
          { capabilities: {} }
        )
      )
      const refused = [
        [source.create({}, {}), capability.create],
        [source.input(worker_id, { kind: "user", content: "x" }, {}), capability.input],
        [source.stop(worker_id, undefined, {}), capability.stop],
        [source.cancel(worker_id, undefined, {}), capability.cancel],
        [source.interrupt(worker_id, undefined, {}), capability.interrupt],
        [source.permit(worker_id, "p", "o", {}), capability.permissions],
        [source.unqueue(worker_id, "i", {}), capability.input],
        [source.transcript(worker_id, {}), capability.transcript],
        [Stream.runDrain(source.events(worker_id, undefined)), capability.eventsWs],
        [source.bundles, capability.configBundles],
        [source.putBundle({} as never), capability.configBundles],
        [source.bundleAvailability("b", undefined), capability.configBundles]
      ] as const
      for (const [call, name] of refused) {
        const found = yield* Effect.flip(call as Effect.Effect<unknown, Problem.Problem>)
        assert.deepStrictEqual([found._tag, found.context.capability], ["operation_unsupported", name])
      }
      assert.strictEqual(asked, 0)
    }).pipe(Effect.scoped)
  )

  it.effect("a description inherits them, offers no others, and is filled in", () =>
    Effect.gen(function* () {
      const capabilities = { "workers.create": {}, "events.ws": {} }
      const silent = yield* connected(defined({}, { capabilities }))
      assert.deepInclude(yield* silent.describe, {
        runtime_id: "example",
        status: "running",
        capabilities,
        worker_creation_available: true,
        worker_count: 0
      })
      const boasting = yield* connected(
        defined(
          {
            describe: Effect.succeed({
              runtime_id: "own",
              capabilities: { "events.ws": { most: 1 }, "workers.stop": {} }
            })
          },
          { capabilities }
        )
      )
      assert.deepInclude(yield* boasting.describe, {
        runtime_id: "own",
        capabilities: { "events.ws": { most: 1 } },
        worker_creation_available: false
      })
    }).pipe(Effect.scoped)
  )
})

it.effect("every call is counted by kind, operation and code, and timed", () =>
  Effect.gen(function* () {
    const source = yield* connected(defined({}))
    yield* source.list({})
    yield* Effect.flip(source.get(worker_id))
    const found = (yield* Metric.snapshot).filter((it) => it.id === "yoi_source_calls_total")
    const series = found.map((it) => ({ ...it.attributes }))
    assert.deepInclude(series, { kind: "example", operation: "worker.list", code: "ok" })
    assert.deepInclude(series, { kind: "example", operation: "worker.get", code: "worker_not_found" })
    assert.isTrue((yield* Metric.snapshot).some((it) => it.id === "yoi_source_call_seconds"))
  }).pipe(Effect.scoped)
)

it.effect(
  "a plugin gets the secrets that its connection names, and no other; what it is not given it cannot reach",
  () =>
    Effect.gen(function* () {
      const secrets = yield* SecretResolver
      yield* secrets.register({ scheme: "test", resolve: (rest) => Effect.succeed(Redacted.make(`secret-${rest}`)) })
      const kinds = yield* SourceKinds
      const found: Array<string> = []
      yield* kinds.add(
        defineRuntimeSource({
          ...facts,
          options: Schema.Struct({ key_ref: Schema.String, other: Schema.String }),
          secretFields: ["token_ref", "key_ref"],
          connect: ({ token }, host) =>
            Effect.gen(function* () {
              if (token !== undefined) found.push(Redacted.value(yield* token))
              for (const ref of ["test:token", "test:key", "test:other", "test:server"]) {
                const secret = yield* Effect.result(host.secret(ref))
                found.push(
                  secret._tag === "Success" ? Redacted.value(secret.success) : (secret.failure.context.reason ?? "")
                )
              }
              const answered = yield* Effect.result(host.http.get("http://127.0.0.1:1/"))
              found.push(answered._tag)
              const opened = yield* Effect.result(Effect.scoped(host.webSocket("ws://127.0.0.1:1/")))
              found.push(opened._tag === "Failure" ? opened.failure._tag : "opened")
              return quiet
            })
        })
      )
      const entry = {
        id,
        kind: "example",
        token_ref: "test:token",
        options: { key_ref: "test:key", other: "test:other" }
      }
      assert.deepStrictEqual(
        yield* kinds.references(entry),
        new Map([
          ["/token_ref", "test:token"],
          ["/options/key_ref", "test:key"]
        ])
      )
      yield* kinds.connect(entry)
      assert.deepStrictEqual(found, [
        "secret-token",
        "secret-token",
        "secret-key",
        "not_granted",
        "not_granted",
        "Failure",
        "egress_refused"
      ])
    }).pipe(Effect.scoped, Effect.provide(services))
)

describe("the promise facade", () => {
  const promised = (primitives: Partial<PromisePrimitives>, more: object = {}) =>
    definePromiseSource({
      ...facts,
      options: { type: "object", properties: { base: { type: "string", minLength: 1 } }, additionalProperties: false },
      connect: async () => ({
        describe: async () => ({}),
        list: async () => ({ items: [], next_cursor: null }),
        get: async () => {
          throw problem("worker_not_found")
        },
        ...primitives
      }),
      ...more
    })

  it.effect("answers, throws problems, and is contained like any other", () =>
    Effect.gen(function* () {
      const source = yield* connected(
        promised({
          list: () => {
            throw new Error(canary)
          },
          describe: () => Promise.reject(canary)
        })
      )
      assert.strictEqual((yield* failing(source.get(worker_id))).problem._tag, "worker_not_found")
      assert.strictEqual((yield* failing(source.list({}))).problem._tag, "plugin_failed")
      assert.strictEqual((yield* failing(source.describe)).problem._tag, "plugin_failed")
      const rejecting = promised(
        {},
        {
          connect: async () => {
            throw new Error(canary)
          }
        }
      )
      assert.strictEqual((yield* failing(Effect.scoped(connected(rejecting)))).problem._tag, "plugin_failed")
    }).pipe(Effect.scoped)
  )

  it.effect("options of a JSON Schema are checked like those of a schema", () =>
    Effect.gen(function* () {
      const kinds = yield* SourceKinds
      yield* kinds.add(promised({}))
      const refused = yield* Effect.flip(kinds.check({ id, kind: "example", options: { base: "", more: 1 } }))
      assert.deepStrictEqual(refused.context.errors?.map((it) => it.pointer).toSorted(), [
        "/options/base",
        "/options/more"
      ])
      yield* kinds.check({ id, kind: "example", options: { base: "x" } })
    }).pipe(Effect.scoped, Effect.provide(services))
  )

  it.effect("a short answer of a command is one that was not replayed", () =>
    Effect.gen(function* () {
      const ack = { runtime_id: id, worker_id, state: "stopped", event_id: 3 } as const
      const source = yield* connected(
        promised({ stop: async () => ack, cancel: async () => ({ answer: ack, replayed: true }) })
      )
      assert.deepStrictEqual(yield* source.stop(worker_id, undefined, {}), { answer: ack, replayed: false })
      assert.deepStrictEqual(yield* source.cancel(worker_id, undefined, {}), { answer: ack, replayed: true })
    }).pipe(Effect.scoped)
  )

  it.live("the signal of a call aborts when nobody waits for it any more", () =>
    Effect.gen(function* () {
      let aborted = false
      const source = yield* connected(
        promised({
          list: (_, { signal }) =>
            new Promise(() => {
              signal.addEventListener("abort", () => (aborted = true))
            })
        })
      )
      const asked = yield* Effect.forkChild(source.list({}), { startImmediately: true })
      yield* Fiber.interrupt(asked)
      assert.isTrue(aborted)
    }).pipe(Effect.scoped)
  )

  it.live("frames are read one by one; a reader that goes ends the iterable, also one that waits for ever", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const source = yield* connected(
        promised({
          events: async function* (_id, cursor, { signal }) {
            signal.addEventListener("abort", () => said.push("aborted"))
            try {
              yield { kind: "bookmark", cursor: cursor ?? "start" }
              yield { kind: "bookmark", cursor: "second" }
              await new Promise(() => {})
            } finally {
              said.push("closed")
            }
          }
        })
      )
      const first = yield* Stream.runCollect(Stream.take(source.events(worker_id, "c"), 1))
      assert.deepStrictEqual(first, [{ kind: "bookmark", cursor: "c" }])
      assert.deepStrictEqual(said, ["aborted", "closed"])
      const waiting = yield* Effect.forkChild(Stream.runDrain(source.events(worker_id, undefined)), {
        startImmediately: true
      })
      yield* Effect.sleep(20)
      yield* Fiber.interrupt(waiting)
      assert.strictEqual(said.at(-1), "aborted")
    }).pipe(Effect.scoped)
  )

  it.live("close is called once when the connection is taken down, and one that hangs is not waited for", () =>
    Effect.gen(function* () {
      let closed = 0
      yield* Effect.scoped(
        connected(
          promised({
            close: () => {
              closed += 1
            }
          })
        )
      )
      assert.strictEqual(closed, 1)
      yield* Effect.scoped(connected(promised({ close: () => new Promise(() => {}) })))
    })
  )
})

it.effect("an operation is a span where somebody traces, named by the operation and without an address", () =>
  Effect.gen(function* () {
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const source = yield* Effect.provideService(
      connected(defined({}), { endpoint: "http://10.0.0.7/x" }),
      Tracer.Tracer,
      tracer
    )
    yield* Effect.provideService(source.list({}), Tracer.Tracer, tracer)
    const span = spans.find(({ name }) => name === "source.worker.list")
    assert.deepStrictEqual(Object.fromEntries(span?.attributes ?? []), { kind: "example", runtime_id: "example" })
  }).pipe(Effect.scoped)
)
