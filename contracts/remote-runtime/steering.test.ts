/** Steering a turn of a remote runtime: what is sent, what is never sent, and what its answers mean. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { IdempotencyKey, WorkerId } from "../../src/domain/Identifiers.ts"
import type * as Problem from "../../src/domain/Problem.ts"
import type { RuntimeSource } from "../../src/domain/RuntimeSource.ts"
import type { CommandOptions } from "../../src/domain/Worker.ts"
import * as FieldRuntime from "../support/FieldRuntime.ts"
import * as RuntimeProcess from "../support/RuntimeProcess.ts"
import * as TellingRuntime from "../support/TellingRuntime.ts"
import { alias, egress, onPort } from "./remoteWorld.ts"

type Source = RuntimeSource["Service"]
type Command = (source: Source, worker_id: WorkerId) => Effect.Effect<unknown, Problem.Problem>

const id = WorkerId.make(TellingRuntime.worker_id)
const key = { idempotency_key: IdempotencyKey.make("k-1") }
const hello = { kind: "user", content: "hello" } as const

const commands: Readonly<Record<string, readonly [capability: string, operation: string, command: Command]>> = {
  "the mode queue": [
    "workers.input.queue",
    "worker.input",
    (source, worker_id) => source.input(worker_id, { ...hello, mode: "queue" }, {})
  ],
  "the mode interrupt": [
    "workers.input.interrupt",
    "worker.input",
    (source, worker_id) => source.input(worker_id, { ...hello, mode: "interrupt" }, {})
  ],
  interrupt: ["workers.interrupt", "worker.interrupt", (source, worker_id) => source.interrupt(worker_id, "x", {})],
  permit: ["workers.permissions", "worker.permit", (source, worker_id) => source.permit(worker_id, "p", "yes", {})],
  unqueue: ["workers.input.queue", "worker.unqueue", (source, worker_id) => source.unqueue(worker_id, "i", {})]
}

const modest = { "workers.input": { max_bytes: 1_048_576 }, idempotency: {} }

describe("what a runtime does not declare is never sent to it", () => {
  for (const [name, [capability, operation, command]] of Object.entries(commands)) {
    const expectation = { code: "operation_unsupported", capability, operation, runtime_id: alias }
    const found = ({ _tag, context }: Problem.Problem) => ({
      code: _tag,
      capability: context.capability,
      operation: context.operation,
      runtime_id: context.runtime_id
    })

    it.live(`${name}, to one with a capability map`, () =>
      Effect.gen(function* () {
        const runtime = yield* TellingRuntime.make(modest)
        const source = yield* onPort(runtime.port)
        assert.deepStrictEqual(found(yield* Effect.flip(command(source, id))), expectation as never)
        assert.deepStrictEqual(runtime.commands, [])
      }).pipe(Effect.scoped, Effect.provide(egress))
    )

    it.live(`${name}, to one of field v1`, () =>
      Effect.gen(function* () {
        const runtime = yield* FieldRuntime.make()
        const source = yield* onPort(runtime.port)
        const worker_id = WorkerId.make(runtime.create())
        assert.deepStrictEqual(found(yield* Effect.flip(command(source, worker_id))), expectation as never)
        assert.deepStrictEqual(
          runtime.requests.map(({ line }) => line).filter((line) => !line.startsWith("GET ")),
          []
        )
      }).pipe(Effect.scoped, Effect.provide(egress))
    )
  }

  it.live("the mode reject is what it does without one, and goes to every runtime as nothing", () =>
    Effect.gen(function* () {
      const runtime = yield* TellingRuntime.make(modest)
      const source = yield* onPort(runtime.port)
      yield* source.input(id, { ...hello, mode: "reject" }, {})
      assert.deepStrictEqual(
        runtime.commands.map(({ body }) => body),
        [hello]
      )
    }).pipe(Effect.scoped, Effect.provide(egress))
  )
})

describe("what is sent", () => {
  it.live("is the method, the path, the key and the body of the runtime API, names in one segment each", () =>
    Effect.gen(function* () {
      const runtime = yield* TellingRuntime.make()
      const source = yield* onPort(runtime.port)
      yield* source.input(id, { ...hello, mode: "queue" }, key)
      yield* source.interrupt(id, "enough", key)
      yield* source.interrupt(id, undefined, {})
      yield* source.permit(id, "a/b?c", "yes", key)
      yield* source.unqueue(id, "../stop", key)
      const of = (rest: string) => `/v1/workers/${id}${rest}`
      assert.deepStrictEqual(runtime.commands, [
        { line: `POST ${of("/input")}`, key: "k-1", body: { ...hello, mode: "queue" } },
        { line: `POST ${of("/interrupt")}`, key: "k-1", body: { reason: "enough" } },
        { line: `POST ${of("/interrupt")}`, key: undefined, body: undefined },
        { line: `POST ${of("/permissions/a%2Fb%3Fc")}`, key: "k-1", body: { option_id: "yes" } },
        { line: `DELETE ${of("/queue/..%2Fstop")}`, key: "k-1", body: undefined }
      ])
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("has no key where the runtime keeps no receipts", () =>
    Effect.gen(function* () {
      const { idempotency: _, ...forgetful } = TellingRuntime.steerable
      const runtime = yield* TellingRuntime.make(forgetful)
      const source = yield* onPort(runtime.port)
      yield* source.interrupt(id, undefined, key)
      yield* source.unqueue(id, "i", key)
      assert.deepStrictEqual(
        runtime.commands.map((it) => it.key),
        [undefined, undefined]
      )
    }).pipe(Effect.scoped, Effect.provide(egress))
  )
})

describe("what is answered", () => {
  const refusals: ReadonlyArray<readonly [keyof typeof commands, status: number, code: Problem.Code]> = [
    ["the mode queue", 409, "input_queue_full"],
    ["the mode queue", 409, "worker_not_running"],
    ["interrupt", 409, "worker_not_running"],
    ["interrupt", 404, "worker_not_found"],
    ["permit", 404, "permission_not_found"],
    ["permit", 400, "invalid_request"],
    ["unqueue", 404, "queued_input_not_found"],
    ["unqueue", 501, "operation_unsupported"]
  ]
  for (const [name, status, code] of refusals) {
    it.live(`${status} ${code} to ${name} is ${code}`, () =>
      Effect.gen(function* () {
        const runtime = yield* TellingRuntime.make()
        const source = yield* onPort(runtime.port)
        runtime.say(status, { error: { code, message: "words of the runtime" } }, { "retry-after": "2" })
        const problem = yield* Effect.flip(commands[name]![2](source, id))
        assert.deepStrictEqual([problem._tag, problem.context.retry_after_ms ?? 2_000], [code, 2_000])
        assert.notInclude(JSON.stringify(problem), "words of the runtime")
      }).pipe(Effect.scoped, Effect.provide(egress))
    )
  }

  it.live("an option that is none is pointed at, whatever the runtime says about it", () =>
    Effect.gen(function* () {
      const runtime = yield* TellingRuntime.make()
      const source = yield* onPort(runtime.port)
      runtime.say(400, {
        error: { code: "invalid_request", message: "x", details: { errors: [{ pointer: "/secret" }] } }
      })
      const { context } = yield* Effect.flip(source.permit(id, "p", "no", {}))
      assert.deepStrictEqual(context.errors, [{ pointer: "/option_id", code: "unknown" }])
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("an ack says where the input waits, and in which state the worker is", () =>
    Effect.gen(function* () {
      const runtime = yield* TellingRuntime.make()
      const source = yield* onPort(runtime.port)
      const ref = { runtime_id: "telling-1", worker_id: id }
      const ack = { worker_ref: ref, status: "running", event_id: 9 }
      const queued = { input_id: "i-1", position: 2 }
      runtime.say(200, { ack: { ...ack, transcript_sequence: 0, queued } }, { "idempotent-replayed": "true" })
      const waits = yield* source.input(id, { ...hello, mode: "queue" }, key)
      assert.deepStrictEqual([waits.answer.transcript_sequence, waits.answer.queued], [0, queued])
      assert.isTrue(waits.replayed)
      runtime.say(200, { ack: { ...ack, run_state: "idle" } })
      assert.strictEqual((yield* source.interrupt(id, undefined, {})).answer.state, "idle")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live(
    "none to a command without a key says that it may have been carried out, with one that it can be repeated",
    () =>
      Effect.gen(function* () {
        const runtime = yield* TellingRuntime.make()
        const source = yield* onPort(runtime.port)
        const calls = [
          (options: CommandOptions) => source.interrupt(id, undefined, options),
          (options: CommandOptions) => source.unqueue(id, "i", options)
        ]
        for (const call of calls) {
          for (const [options, reason] of [
            [{}, "answer_lost"],
            [key, "reset"]
          ] as const) {
            runtime.say(0, undefined)
            assert.strictEqual((yield* Effect.flip(call(options))).context.reason, reason)
          }
        }
      }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("an ack about another worker is no answer", () =>
    Effect.gen(function* () {
      const runtime = yield* TellingRuntime.make()
      const source = yield* onPort(runtime.port)
      const ref = { runtime_id: "telling-1", worker_id: "another" }
      runtime.say(200, { ack: { worker_ref: ref, status: "running", event_id: 9 } })
      assert.strictEqual((yield* Effect.flip(source.interrupt(id, undefined, {})))._tag, "runtime_protocol_error")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )
})

describe("our runtime in a process of its own", () => {
  it.live("a busy worker is given what waits, loses its turn, and says what is left", () =>
    Effect.gen(function* () {
      const token = "steering-token-0123456789"
      const { port } = yield* RuntimeProcess.make({ token })
      const source = yield* onPort(port, { token: Effect.succeed(Redacted.make(token)) })
      const long = "x".repeat(1_000)
      const { worker_id } = (yield* source.create({}, {})).answer
      yield* source.input(worker_id, { kind: "user", content: "/wait 60000 never" }, {})
      const first = (yield* source.input(worker_id, { kind: "user", content: long, mode: "queue" }, {})).answer
      yield* source.input(worker_id, { kind: "user", content: "second", mode: "queue" }, {})
      assert.deepStrictEqual([first.state, first.queued?.position], ["busy", 1])
      const { queued_inputs = [] } = yield* source.get(worker_id)
      assert.deepStrictEqual(
        queued_inputs.map(({ content }) => content),
        ["x".repeat(200), "second"]
      )
      assert.strictEqual((yield* source.unqueue(worker_id, first.queued?.input_id ?? "", {})).answer.state, "busy")
      assert.strictEqual((yield* source.interrupt(worker_id, "enough", {})).answer.state, "idle")
      const items = Effect.map(source.transcript(worker_id, {}), (page) => page.items.map(({ content }) => content))
      while ((yield* items).length < 3) yield* Effect.sleep(10)
      assert.deepStrictEqual(yield* items, ["/wait 60000 never", "second", "second"])
    }).pipe(Effect.scoped, Effect.provide(egress))
  )
})
