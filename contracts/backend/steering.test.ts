/** Steering a turn through the browser API: the built-in runtime, one that asks for permission, one that does as it is told. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { maxQueuedInputs, queuedPreviewLength } from "../../src/domain/Worker.ts"
import * as RuntimeInProcess from "../pact/RuntimeInProcess.ts"
import * as StagedExecutor from "../pact/StagedExecutor.ts"
import * as FieldRuntime from "../support/FieldRuntime.ts"
import * as TellingRuntime from "../support/TellingRuntime.ts"
import { serve, type Served } from "./BackendLayer.ts"
import { assertShape, text, time } from "./Shape.ts"
import { assertProblem, create, get, inTurn, post, request, runtimeId, until, workerPath } from "./Stranger.ts"
import { isEvent, watch } from "./Watcher.ts"

let backend: Served
let staged: RuntimeInProcess.RuntimeInProcess
let field: FieldRuntime.FieldRuntime
let telling: TellingRuntime.TellingRuntime
const scope = Scope.makeUnsafe()
const scoped = <A>(effect: Effect.Effect<A, never, Scope.Scope>) => Effect.runPromise(Scope.provide(effect, scope))

const to = (path: string): string => backend.url + path
const of = (runtime_id: string, worker_id: string, rest = "") =>
  to(`/api/runtimes/${runtime_id}/workers/${worker_id}${rest}`)

beforeAll(async () => {
  backend = await serve()
  staged = await RuntimeInProcess.start({ executor: StagedExecutor.executor, open: true })
  field = await scoped(FieldRuntime.make())
  telling = await scoped(TellingRuntime.make())
  const ports = { staged: staged.port, field: field.port, telling: telling.port }
  await inTurn(Object.entries(ports), async ([id, port]) => {
    const endpoint = `http://127.0.0.1:${port}`
    const added = await post(to("/api/settings/runtime-connections?apply=true"), { id, endpoint })
    assert.strictEqual(added.status, 201, added.text)
  })
}, 60_000)

const made: Array<string> = []
afterAll(async () => {
  await inTurn(made, (url) => post(`${url}/cancel`))
  await backend.stop()
  await staged.stop()
  await Effect.runPromise(Scope.close(scope, Exit.void))
}, 60_000)

/** A busy worker of the built-in runtime. */
const busy = async (): Promise<string> => {
  const id = await create(backend.url, { initial_input: { kind: "user", content: "/wait 60000 never" } })
  made.push(of(runtimeId, id))
  await until(backend.url, id, "busy")
  return id
}

const queue = (id: string, content: string, headers?: Readonly<Record<string, string>>) =>
  post(of(runtimeId, id, "/input"), { content, mode: "queue" }, headers)

const said = async (id: string): Promise<ReadonlyArray<string>> => {
  const { body } = await get(of(runtimeId, id, "/transcript"))
  return body.transcript.items.flatMap((it: { role: string; content: string }) =>
    it.role === "user" ? [it.content] : []
  )
}

/** Looks at most; each waits for an answer, and the whole takes a fraction of it on a good day. */
const maxLooks = 2_000

/** What `look` finds, once it finds something. */
const found = async <A>(look: () => Promise<A | undefined>, looks = 0): Promise<A> => {
  const it = await look()
  if (it !== undefined) return it
  if (looks === maxLooks) throw new Error(`It was not found in ${maxLooks} looks.`)
  return found(look, looks + 1)
}

const untilSaid = (id: string, count: number): Promise<ReadonlyArray<string>> =>
  found(async () => {
    const texts = await said(id)
    return texts.length < count ? undefined : texts
  })

describe("interrupt", () => {
  it("ends the turn and not the worker, and is told to who watches", async () => {
    const id = await busy()
    const watcher = await watch(to(workerPath(id, "/events/ws")))
    await watcher.until(isEvent("snapshot"))
    const answer = await post(of(runtimeId, id, "/interrupt"), { reason: "enough" }, { "idempotency-key": "one" })
    assert.strictEqual(answer.status, 200, answer.text)
    assertShape(answer.body, { ack: { runtime_id: runtimeId, worker_id: id, state: "idle", event_id: 4 } })
    const end = await watcher.until(isEvent("run_end"))
    assert.deepStrictEqual(end.envelope.payload.data, { result: "rolled_back" })
    watcher.socket.close()
    const again = await post(of(runtimeId, id, "/interrupt"), { reason: "enough" }, { "idempotency-key": "one" })
    assert.deepStrictEqual(again.body, answer.body)
    assert.strictEqual(again.headers.get("idempotent-replayed"), "true")
    assert.strictEqual((await post(of(runtimeId, id, "/input"), { content: "hello" })).status, 200)
  })

  it("of a worker without a turn is answered without a body, too, and changes nothing", async () => {
    const id = await create(backend.url)
    const answer = await post(of(runtimeId, id, "/interrupt"))
    assertShape(answer.body, { ack: { runtime_id: runtimeId, worker_id: id, state: "idle", event_id: 1 } })
  })

  it("of a worker that has ended, or that is not there, is refused by name", async () => {
    const id = await create(backend.url)
    await post(of(runtimeId, id, "/stop"))
    const about = { runtime_id: runtimeId, worker_id: id, operation: "worker.interrupt" }
    assertProblem(await post(of(runtimeId, id, "/interrupt")), { status: 409, code: "worker_not_running", more: about })
    assertProblem(await post(of(runtimeId, "nope", "/interrupt")), {
      status: 404,
      code: "worker_not_found",
      more: { ...about, worker_id: "nope" }
    })
  })
})

describe("an input that waits", () => {
  it("is acknowledged with its place, shown by its beginning, taken back, and said after the turn", async () => {
    const id = await busy()
    const long = "x".repeat(queuedPreviewLength + 50)
    const first = await queue(id, long)
    assertShape(first.body, {
      ack: {
        runtime_id: runtimeId,
        worker_id: id,
        state: "busy",
        event_id: 3,
        transcript_sequence: 0,
        queued: { input_id: text, position: 1 }
      }
    })
    const second = await queue(id, "second")
    await queue(id, "third")
    const { queued_inputs } = (await get(of(runtimeId, id))).body.worker
    assertShape(queued_inputs, [
      { input_id: text, kind: "user", content: long.slice(0, queuedPreviewLength), queued_at: time },
      { input_id: text, kind: "user", content: "second", queued_at: time },
      { input_id: text, kind: "user", content: "third", queued_at: time }
    ])
    const taken = `/queue/${second.body.ack.queued.input_id}`
    const back = await request(of(runtimeId, id, taken), "DELETE", { headers: { "idempotency-key": "back" } })
    assertShape(back.body, { ack: { runtime_id: runtimeId, worker_id: id, state: "busy", event_id: 6 } })
    const replay = await request(of(runtimeId, id, taken), "DELETE", { headers: { "idempotency-key": "back" } })
    assert.deepStrictEqual([replay.body, replay.headers.get("idempotent-replayed")], [back.body, "true"])
    assertProblem(await request(of(runtimeId, id, taken), "DELETE"), {
      status: 404,
      code: "queued_input_not_found",
      more: { runtime_id: runtimeId, worker_id: id, operation: "worker.unqueue" }
    })
    await post(of(runtimeId, id, "/interrupt"))
    assert.deepStrictEqual(await untilSaid(id, 3), ["/wait 60000 never", long, "third"])
  })

  it("is refused when as many wait as may, with a time to come back", async () => {
    const id = await busy()
    await inTurn(Array.from({ length: maxQueuedInputs }), () => queue(id, "wait"))
    assertProblem(await queue(id, "one too many"), {
      status: 409,
      code: "input_queue_full",
      more: {
        runtime_id: runtimeId,
        worker_id: (it) => it === id,
        operation: "worker.input",
        max: maxQueuedInputs,
        retry_after_ms: 1_000,
        retryable: true
      }
    })
  })

  it("waits once for its key, which is not taken for another mode", async () => {
    const id = await busy()
    const headers = { "idempotency-key": "waits" }
    const first = await queue(id, "once", headers)
    assert.deepStrictEqual((await queue(id, "once", headers)).body, first.body)
    const other = await post(of(runtimeId, id, "/input"), { content: "once" }, headers)
    assert.deepStrictEqual([other.status, other.body.code], [422, "idempotency_key_reused"])
    assert.lengthOf((await get(of(runtimeId, id))).body.worker.queued_inputs, 1)
  })
})

it("an input that ends the turn is said before those that wait", async () => {
  const id = await busy()
  await queue(id, "later")
  const now = await post(of(runtimeId, id, "/input"), { content: "now", mode: "interrupt" })
  assert.deepStrictEqual([now.status, now.body.ack.transcript_sequence], [200, 2])
  assert.deepStrictEqual(await untilSaid(id, 3), ["/wait 60000 never", "now", "later"])
})

describe("a permission request", () => {
  interface Asking {
    readonly url: string
    readonly id: string
  }
  const asking = async (): Promise<Asking> => {
    const { body } = await post(to("/api/runtimes/staged/workers"), {
      initial_input: { kind: "user", content: StagedExecutor.stages.ask }
    })
    const url = of("staged", body.worker.worker_id)
    made.push(url)
    return {
      url,
      id: await found(async () => (await get(url)).body.worker.permission_requests?.[0].id as string | undefined)
    }
  }

  it("is shown with the worker and in lists, answered with one of its options, and gone", async () => {
    const { id, url } = await asking()
    const shown = [
      {
        id,
        tool_call_id: "call-1",
        title: "Remove everything",
        options: [
          { id: "yes", kind: "allow_once", name: "Yes" },
          { id: "no", kind: "reject_once", name: "No" }
        ],
        expires_at: time
      }
    ]
    assertShape((await get(url)).body.worker.permission_requests, shown)
    const { items } = (await get(to("/api/workers?runtime_id=staged&state=busy"))).body
    assertShape(items.at(-1).permission_requests, shown)
    const answer = await post(`${url}/permissions/${id}`, { option_id: "yes" }, { "idempotency-key": "yes" })
    assert.strictEqual(answer.status, 200, answer.text)
    assert.strictEqual(answer.body.ack.runtime_id, "staged")
    const idle = await found(async () => {
      const { worker } = (await get(url)).body
      return worker.state === "idle" ? worker : undefined
    })
    assert.isUndefined(idle.permission_requests)
    const again = await post(`${url}/permissions/${id}`, { option_id: "yes" }, { "idempotency-key": "yes" })
    assert.deepStrictEqual([again.body, again.headers.get("idempotent-replayed")], [answer.body, "true"])
  })

  it("is not answered by what is none of its options, nor under another name", async () => {
    const { id, url } = await asking()
    const about = { runtime_id: "staged", worker_id: text, operation: "worker.permit" }
    assertProblem(await post(`${url}/permissions/${id}`, { option_id: "maybe" }), {
      status: 400,
      code: "invalid_request",
      more: { ...about, errors: [{ pointer: "/option_id", code: "unknown" }] }
    })
    assertProblem(await post(`${url}/permissions/another`, { option_id: "yes" }), {
      status: 404,
      code: "permission_not_found",
      more: about
    })
    assert.lengthOf((await get(url)).body.worker.permission_requests, 1)
  })
})

describe("a request that is not as it has to be", () => {
  const rows: ReadonlyArray<readonly [name: string, rest: string, body: object, pointer: string]> = [
    ["a mode that there is not", "/input", { content: "x", mode: "later" }, "/mode"],
    ["an answer without an option", "/permissions/p", {}, "/option_id"],
    ["an answer with an empty option", "/permissions/p", { option_id: "" }, "/option_id"],
    ["an answer with more than an option", "/permissions/p", { option_id: "yes", always: true }, "/always"],
    ["a reason that is too long", "/interrupt", { reason: "x".repeat(1_001) }, "/reason"],
    [
      "a permission request with a name that is too long",
      `/permissions/${"p".repeat(201)}`,
      { option_id: "x" },
      "/permission_id"
    ],
    ["a permission request with a blank in its name", "/permissions/a%20b", { option_id: "x" }, "/permission_id"]
  ]
  for (const [name, rest, body, pointer] of rows) {
    it(`${name} is pointed at`, async () => {
      const { body: problem, status } = await post(of(runtimeId, "w", rest), body)
      assert.deepStrictEqual([status, problem.code], [400, "invalid_request"])
      assert.deepStrictEqual(
        problem.errors.map((it: { pointer: string }) => it.pointer),
        [pointer]
      )
    })
  }

  it("a waiting input whose name begins with a dot is pointed at", async () => {
    const { body, status } = await request(of(runtimeId, "w", "/queue/.x"), "DELETE")
    assert.deepStrictEqual([status, body.code, body.errors[0].pointer], [400, "invalid_request", "/input_id"])
  })
})

describe("a runtime that cannot be steered", () => {
  const rows: ReadonlyArray<
    readonly [name: string, rest: string, method: string, body: object | undefined, capability: string]
  > = [
    ["interrupt", "/interrupt", "POST", {}, "workers.interrupt"],
    ["an answer", "/permissions/p", "POST", { option_id: "yes" }, "workers.permissions"],
    ["an input that waits", "/input", "POST", { content: "x", mode: "queue" }, "workers.input.queue"],
    ["an input that ends the turn", "/input", "POST", { content: "x", mode: "interrupt" }, "workers.input.interrupt"],
    ["taking an input back", "/queue/i", "DELETE", undefined, "workers.input.queue"]
  ]
  for (const [name, rest, method, body, capability] of rows) {
    it(`is never asked for ${name}: 501 with what is missing`, async () => {
      const id = field.create()
      const before = field.requests.length
      const asked = await request(of("field", id, rest), method, body === undefined ? {} : { body })
      assertProblem(asked, {
        status: 501,
        code: "operation_unsupported",
        more: { runtime_id: "field", worker_id: id, operation: text, capability, reason: text }
      })
      assert.deepStrictEqual(
        field.requests.slice(before).filter(({ line }) => !line.startsWith("GET ")),
        []
      )
    })
  }
})

describe("a runtime that is away for a moment", () => {
  const away = [503, { error: { code: "runtime_unavailable", message: "later" } }] as const
  const interrupt = (headers?: Readonly<Record<string, string>>) =>
    post(of("telling", TellingRuntime.worker_id, "/interrupt"), {}, headers)

  it("is asked again with the same key", async () => {
    const before = telling.commands.length
    telling.say(...away)
    assert.strictEqual((await interrupt({ "idempotency-key": "again" })).status, 200)
    assert.deepStrictEqual(
      telling.commands.slice(before).map(({ key }) => key),
      ["again", "again"]
    )
  })

  it("is not asked again without one", async () => {
    const before = telling.commands.length
    telling.say(...away)
    assert.strictEqual((await interrupt()).status, 503)
    assert.lengthOf(telling.commands.slice(before), 1)
  })
})
