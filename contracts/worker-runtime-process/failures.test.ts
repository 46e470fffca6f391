/** Every way in which a request can be wrong: one body, the right status and code, and never what was sent. */
import { connect } from "node:net"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { refused } from "./eventClient.ts"
import { type Answer, type RuntimeProcess, start } from "./runtimeProcess.ts"

let runtime: RuntimeProcess
let ended: string
let busy: string

const canary = "canary-9f3c"

beforeAll(async () => {
  runtime = await start(["--max-transcript-projection-items=10"])
  const create = async (body: unknown) => (await runtime.call("POST", "/v1/workers", body)).body.worker.worker_id
  ended = await create({})
  await runtime.call("POST", `/v1/workers/${ended}/stop`)
  busy = await create({ initial_input: { kind: "user", content: "/wait 60000 later" } })
}, 30_000)
afterAll(async () => {
  await runtime.call("POST", `/v1/workers/${busy}/stop`)
  await runtime.stop()
})

const check = ({ body, headers, status }: Answer, expected: readonly [number, string]) => {
  assert.deepStrictEqual([status, body?.error?.code], expected)
  assert.deepStrictEqual(Object.keys(body), ["error"])
  assert.includeMembers(Object.keys(body.error), ["code", "message", "retryable", "details"])
  assert.isNotEmpty(body.error.message)
  assert.strictEqual(headers.get("content-type"), "application/json")
  assert.notInclude(JSON.stringify(body), canary)
}

interface Row {
  readonly name: string
  readonly method?: string
  readonly path: string | (() => string)
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly expected: readonly [number, string]
  readonly fields?: ReadonlyArray<readonly [pointer: string, code: string]>
}

const post = { method: "POST" } as const
const create = { ...post, path: "/v1/workers" } as const

const rows: ReadonlyArray<Row> = [
  { name: "an unknown path", path: `/v1/${canary}`, expected: [404, "not_found"] },
  { name: "the root", path: "/", expected: [404, "not_found"] },
  { name: "a trailing slash", path: "/v1/runtime/", expected: [404, "not_found"] },
  { name: "an empty worker id", path: "/v1/workers/", expected: [400, "invalid_worker_id"] },
  { name: "a path that cannot be decoded", path: "/v1/workers/%E0%A4%A", expected: [404, "not_found"] },
  { name: "an unknown worker", path: "/v1/workers/nobody", expected: [404, "worker_not_found"] },
  {
    name: "input to an unknown worker",
    ...post,
    path: "/v1/workers/nobody/input",
    body: { kind: "user", content: "x" },
    expected: [404, "worker_not_found"]
  },
  {
    name: "the end of an unknown worker",
    ...post,
    path: "/v1/workers/nobody/cancel",
    expected: [404, "worker_not_found"]
  },
  {
    name: "a transcript of an unknown worker",
    path: "/v1/workers/nobody/transcript",
    expected: [404, "worker_not_found"]
  },
  { name: "events of an unknown worker", path: "/v1/workers/nobody/events", expected: [404, "worker_not_found"] },
  {
    name: "a worker id that is none",
    path: `/v1/workers/${canary}%2F..`,
    expected: [400, "invalid_worker_id"],
    fields: [["/worker_id", "invalid"]]
  },
  { name: "a worker id that is too long", path: `/v1/workers/${"a".repeat(97)}`, expected: [400, "invalid_worker_id"] },
  {
    name: "a worker id that is far too long",
    path: `/v1/workers/${"a".repeat(5_000)}`,
    expected: [400, "invalid_worker_id"]
  },
  { name: "events of an id that is none", path: "/v1/workers/-x/events", expected: [400, "invalid_worker_id"] },

  {
    name: "a status that is none",
    path: `/v1/workers?status=${canary}`,
    expected: [400, "invalid_query"],
    fields: [["/status", "wrong_type"]]
  },
  {
    name: "a limit of zero",
    path: "/v1/workers?limit=0",
    expected: [400, "invalid_query"],
    fields: [["/limit", "invalid"]]
  },
  { name: "a limit below zero", path: "/v1/workers?limit=-1", expected: [400, "invalid_query"] },
  { name: "a limit that is no number", path: `/v1/workers?limit=${canary}`, expected: [400, "invalid_query"] },
  { name: "an empty limit", path: "/v1/workers?limit=", expected: [400, "invalid_query"] },
  { name: "a limit given twice", path: "/v1/workers?limit=1&limit=2", expected: [400, "invalid_query"] },
  { name: "a limit above the maximum", path: "/v1/workers?limit=1001", expected: [400, "limit_too_large"] },
  { name: "a list cursor that is none", path: "/v1/workers?cursor=..", expected: [400, "invalid_cursor"] },
  { name: "a list cursor of nowhere", path: "/v1/workers?cursor=nowhere", expected: [400, "invalid_cursor"] },
  {
    name: "a transcript limit of zero",
    path: () => `/v1/workers/${ended}/transcript?limit=0`,
    expected: [400, "invalid_query"]
  },
  {
    name: "a transcript limit above the maximum",
    path: () => `/v1/workers/${ended}/transcript?limit=11`,
    expected: [400, "limit_too_large"]
  },
  {
    name: "a start below zero",
    path: () => `/v1/workers/${ended}/transcript?start=-1`,
    expected: [400, "invalid_query"]
  },
  {
    name: "a malformed event cursor",
    path: () => `/v1/workers/${ended}/events?cursor=${canary}`,
    expected: [400, "invalid_cursor"]
  },
  {
    name: "an event cursor that is too long",
    path: () => `/v1/workers/${ended}/events?cursor=${"a".repeat(300)}`,
    expected: [400, "invalid_cursor"]
  },
  {
    name: "a malformed Last-Event-ID",
    path: () => `/v1/workers/${ended}/events`,
    headers: { "last-event-id": canary },
    expected: [400, "invalid_cursor"]
  },

  { name: "a body that is not JSON", ...create, body: `{"display_name":"${canary}`, expected: [400, "invalid_json"] },
  { name: "no body where one is needed", ...create, expected: [400, "invalid_request"] },
  { name: "a body that is no object", ...create, body: [canary], expected: [400, "invalid_request"] },
  {
    name: "a body of another type",
    ...create,
    body: "{}",
    headers: { "content-type": "text/plain" },
    expected: [415, "unsupported_media_type"]
  },
  {
    name: "a form",
    ...create,
    body: "a=b",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    expected: [415, "unsupported_media_type"]
  },
  {
    name: "a type that only begins like JSON",
    ...create,
    body: "{}",
    headers: { "content-type": "application/json-seq" },
    expected: [415, "unsupported_media_type"]
  },
  {
    name: "a compressed body",
    ...create,
    body: "{}",
    headers: { "content-encoding": "gzip" },
    expected: [415, "unsupported_media_type"]
  },
  {
    name: "an unknown input kind",
    ...create,
    body: { initial_input: { kind: canary, content: "x" } },
    expected: [400, "invalid_initial_input_kind"]
  },
  {
    name: "an initial input of the system",
    ...create,
    body: { initial_input: { kind: "system", content: "x" } },
    expected: [400, "invalid_initial_input_kind"]
  },
  {
    name: "a blank initial input",
    ...create,
    body: { initial_input: { kind: "user", content: " \n" } },
    expected: [400, "invalid_request"],
    fields: [["/initial_input/content", "blank"]]
  },
  {
    name: "an unknown profile",
    ...create,
    body: { profile: { kind: "named", value: canary } },
    expected: [400, "invalid_profile_selector"]
  },
  {
    name: "a profile without a value",
    ...create,
    body: { profile: { kind: "builtin" } },
    expected: [400, "invalid_profile_selector"]
  },
  {
    name: "a client's worker id that is none",
    ...create,
    body: { worker_id: `${canary}/x` },
    expected: [400, "invalid_worker_id"]
  },
  {
    name: "a display name with hidden characters",
    ...create,
    body: { display_name: `${canary}\u202e` },
    expected: [400, "invalid_request"],
    fields: [["/display_name", "invalid"]]
  },
  {
    name: "several mistakes",
    ...create,
    body: { display_name: 1, config_bundle: { id: canary } },
    expected: [400, "invalid_request"],
    fields: [
      ["/config_bundle/digest", "missing"],
      ["/display_name", "wrong_type"]
    ]
  },
  { name: "a taken worker id", ...create, body: () => ({ worker_id: ended }), expected: [409, "worker_id_taken"] },
  {
    name: "an unknown bundle",
    ...create,
    body: { config_bundle: { id: "x", digest: "0".repeat(64) } },
    expected: [404, "config_bundle_missing"]
  },
  {
    name: "a bundle without members",
    ...post,
    path: "/v1/config-bundles",
    body: { bundle: { id: canary } },
    expected: [400, "invalid_request"]
  },

  {
    name: "input to a worker that has ended",
    ...post,
    path: () => `/v1/workers/${ended}/input`,
    body: { kind: "user", content: "x" },
    expected: [409, "worker_not_running"]
  },
  {
    name: "input to a busy worker",
    ...post,
    path: () => `/v1/workers/${busy}/input`,
    body: { kind: "user", content: "x" },
    expected: [409, "worker_busy"]
  },
  {
    name: "input of an unknown kind",
    ...post,
    path: () => `/v1/workers/${busy}/input`,
    body: { kind: canary, content: "x" },
    expected: [400, "invalid_request"],
    fields: [["/kind", "wrong_type"]]
  },
  {
    name: "blank input",
    ...post,
    path: () => `/v1/workers/${busy}/input`,
    body: { kind: "user", content: "" },
    expected: [400, "invalid_request"],
    fields: [["/content", "blank"]]
  },
  {
    name: "input that the executor rejects",
    ...create,
    body: { initial_input: { kind: "user", content: "/wait 60001 x" } },
    expected: [409, "worker_execution_rejected"]
  },
  {
    name: "too much input",
    ...post,
    path: () => `/v1/workers/${busy}/input`,
    body: { kind: "user", content: "x".repeat(1_048_577) },
    expected: [413, "payload_too_large"]
  },
  {
    name: "a body above the limit",
    ...post,
    path: () => `/v1/workers/${busy}/input`,
    body: { kind: "user", content: "x".repeat(2_400_000) },
    expected: [413, "payload_too_large"]
  },
  {
    name: "a reason that is too long",
    ...post,
    path: () => `/v1/workers/${busy}/stop`,
    body: { reason: "x".repeat(1_001) },
    expected: [400, "invalid_request"]
  },
  {
    name: "a socket that is not asked for as one",
    path: () => `/v1/workers/${busy}/events/ws`,
    expected: [426, "upgrade_required"]
  }
]

describe("a request that cannot be served", () => {
  it.each(rows)("$name is answered with its code", async ({ body, expected, fields, headers, method, path }) => {
    const answer = await runtime.call(
      method ?? "GET",
      typeof path === "string" ? path : path(),
      typeof body === "function" ? (body as () => unknown)() : body,
      headers
    )
    check(answer, expected)
    if (fields !== undefined) {
      assert.sameDeepMembers(
        answer.body.error.details.errors,
        fields.map(([pointer, code]) => ({ pointer, code }))
      )
    }
  })

  it.each([
    ["DELETE", "/v1/workers", "GET, POST"],
    ["PUT", "/v1/runtime", "GET"],
    ["PATCH", "/v1/workers/x", "GET"],
    ["GET", "/v1/workers/x/input", "POST"],
    ["OPTIONS", "/v1/config-bundles", "GET, POST"],
    ["POST", "/livez", "GET"],
    ["POST", "/v1/openapi.json", "GET"]
  ])("%s %s is refused with the methods that it knows", async (method, path, allow) => {
    const answer = await runtime.call(method, path)
    check(answer, [405, "method_not_allowed"])
    assert.strictEqual(answer.headers.get("allow"), allow)
  })

  it("says how long to wait when waiting helps, and what the maximum is", async () => {
    const answer = await runtime.call("POST", `/v1/workers/${busy}/input`, { kind: "user", content: "x" })
    assert.strictEqual(answer.headers.get("retry-after"), "1")
    assert.isTrue(answer.body.error.retryable)
    const limit = await runtime.call("GET", `/v1/workers/${ended}/transcript?limit=11`)
    assert.strictEqual(limit.body.error.details.max, 10)
    const large = await runtime.call("POST", `/v1/workers/${busy}/input`, {
      kind: "user",
      content: "é".repeat(524_289)
    })
    assert.strictEqual(large.body.error.details.max, 1_048_576)
  })

  it("uses the runtime's own maximum where no limit is given", async () => {
    const { transcript } = (await runtime.call("GET", `/v1/workers/${ended}/transcript`)).body
    assert.strictEqual(transcript.limit, 10)
  })

  it("takes the largest input, however JSON writes it", async () => {
    const { worker } = (await runtime.call("POST", "/v1/workers", {})).body
    const content = '"\n'.repeat(524_288)
    const answer = await runtime.call("POST", `/v1/workers/${worker.worker_id}/input`, { kind: "user", content })
    assert.strictEqual(answer.status, 200)
    await runtime.call("POST", `/v1/workers/${worker.worker_id}/stop`)
  })

  it("has an id that the caller and the log share", async () => {
    const answer = await runtime.call("GET", "/v1/nowhere")
    assert.match(answer.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/)
  })

  it("is not moved by members that are no members", async () => {
    const body =
      '{"__proto__":{"worker_id":"x/y"},"constructor":1,"display_name":"a","display_name":"b","deep":' +
      "[".repeat(50_000) +
      "]".repeat(50_000) +
      "}"
    const { body: answer, status } = await runtime.call("POST", "/v1/workers", body)
    assert.strictEqual(status, 200)
    assert.strictEqual(answer.worker.display_name, "b")
  })

  it("is refused when its text is not UTF-8", async () => {
    const response = await fetch(`${runtime.url}/v1/workers`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: Buffer.concat([Buffer.from('{"display_name":"'), Buffer.from([0xff]), Buffer.from('"}')])
    })
    assert.strictEqual(response.status, 400)
    assert.include(await response.text(), '"invalid_json"')
  })
})

/** What a server says to bytes, until it hangs up. */
const raw = (bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(runtime.url)
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    let text = ""
    socket.setEncoding("utf8").on("data", (part: string) => (text += part))
    socket.on("error", reject)
    socket.on("close", () => resolve(text))
  })

describe("bytes that are no good request", () => {
  it.each([
    ["no HTTP at all", "hello\r\n\r\n", 400, "invalid_request"],
    [
      "a header that is too large",
      `GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(20_000)}\r\n\r\n`,
      400,
      "invalid_request"
    ],
    [
      "two lengths",
      "POST /v1/workers HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
      400,
      "invalid_request"
    ]
  ])("%s gets the error body and no more", async (_name, bytes, status, code) => {
    const text = await raw(bytes)
    assert.isTrue(text.startsWith(`HTTP/1.1 ${status} `), text)
    assert.strictEqual(JSON.parse(text.slice(text.indexOf("\r\n\r\n"))).error.code, code)
  })

  it("headers that never end are cut with the error body", { timeout: 30_000 }, async () => {
    const text = await raw("GET / HTTP/1.1\r\nhost: localhost\r\nx: ")
    assert.isTrue(text.startsWith("HTTP/1.1 408 "), text)
    assert.strictEqual(JSON.parse(text.slice(text.indexOf("\r\n\r\n"))).error.code, "request_timeout")
  })
})

describe("a handshake that is refused", () => {
  it.each([
    ["an unknown worker", "/v1/workers/nobody/events/ws", {}, 404, "worker_not_found"],
    ["a worker id that is none", "/v1/workers/-/events/ws", {}, 400, "invalid_worker_id"],
    ["an unknown path", "/v1/nothing/ws", {}, 404, "not_found"],
    [
      "a version that nobody speaks",
      "/v1/workers/nobody/events/ws",
      { "sec-websocket-version": "9" },
      400,
      "invalid_request"
    ],
    ["a key that is none", "/v1/workers/nobody/events/ws", { "sec-websocket-key": "x" }, 400, "invalid_request"],
    ["another protocol", "/v1/workers/nobody/events/ws", { upgrade: "h2c" }, 426, "upgrade_required"]
  ] as const)("%s is told as JSON before the upgrade", async (_name, path, headers, status, code) => {
    const answer = await refused(runtime.url, path, headers)
    assert.deepStrictEqual([answer.status, answer.body.error.code], [status, code])
    assert.strictEqual(answer.type, "application/json")
  })

  it("a malformed cursor is told as JSON before the upgrade", async () => {
    const answer = await refused(runtime.url, `/v1/workers/${busy}/events/ws?cursor=what`)
    assert.deepStrictEqual([answer.status, answer.body.error.code], [400, "invalid_cursor"])
  })
})
