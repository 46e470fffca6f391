import { afterEach, assert, beforeEach, it, vi } from "vitest"
import { onSessionRequired, request, requestLines, requestText } from "./http.ts"

let asked: Array<{ url: string; init: RequestInit }>
let answer: () => Promise<Response>
const json =
  (status: number, body: unknown, headers: Record<string, string> = {}) =>
  async () =>
    new Response(JSON.stringify(body), { status, headers })

beforeEach(() => {
  asked = []
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    asked.push({ url, init })
    return answer()
  })
})
afterEach(() => vi.unstubAllGlobals())

it("an answer comes with its entity tag; headers say what the call needs", async () => {
  answer = json(200, { a: 1 }, { etag: '"7"' })
  const outcome = await request<{ a: number }>({
    method: "POST",
    path: "/api/x",
    query: { state: "idle", cursor: undefined, limit: 5, none: "" },
    body: { b: 2 },
    ifMatch: '"6"',
    key: "k"
  })
  assert.deepStrictEqual(outcome, { ok: true, value: { a: 1 }, etag: '"7"' })
  const headers = new Headers(asked[0]!.init.headers)
  assert.strictEqual(asked[0]!.url, "/api/x?state=idle&limit=5")
  assert.strictEqual(headers.get("content-type"), "application/json")
  assert.strictEqual(headers.get("if-match"), '"6"')
  assert.strictEqual(headers.get("idempotency-key"), "k")
})

it("a problem is a value with every member that it came with", async () => {
  answer = json(409, {
    code: "worker_busy",
    title: "Busy.",
    retryable: true,
    retry_after_ms: 500,
    errors: [{ pointer: "/a", code: "x" }]
  })
  const outcome = await request({ path: "/api/x" })
  assert.isFalse(outcome.ok)
  if (!outcome.ok)
    assert.deepInclude(outcome.problem, { status: 409, code: "worker_busy", title: "Busy.", retry_after_ms: 500 })
})

it("whatever is not the API is said to be so: HTML, an empty body, a code that is none", async () => {
  for (const body of ["<html>", "", "[]", '{"code":5}']) {
    answer = async () => new Response(body, { status: 502 })
    const outcome = await request({ path: "/api/x" })
    assert.strictEqual(!outcome.ok && outcome.problem.code, "backend_protocol_error")
  }
  answer = async () => new Response("<html>", { status: 200 })
  const outcome = await request({ path: "/api/x" })
  assert.strictEqual(!outcome.ok && outcome.problem.code, "backend_protocol_error")
})

it("no answer at all is a failure of the network, never an exception", async () => {
  answer = () => Promise.reject(new TypeError("Failed to fetch"))
  const outcome = await request({ path: "/api/x" })
  assert.strictEqual(!outcome.ok && outcome.problem.code, "backend_unreachable")
})

it("only a missing session asks for a login; a runtime's refusal does not", async () => {
  let times = 0
  const stop = onSessionRequired(() => times++)
  answer = json(401, { code: "runtime_auth_failed" })
  await request({ path: "/api/x" })
  assert.strictEqual(times, 0)
  answer = json(401, { code: "session_required" })
  await request({ path: "/api/x" })
  await requestText({ path: "/api/x" })
  assert.strictEqual(times, 2)
  stop()
})

it("204 is an answer without a value, and a text stays a text", async () => {
  answer = async () => new Response(null, { status: 204 })
  assert.deepStrictEqual(await request({ path: "/api/x" }), { ok: true, value: undefined, etag: undefined })
  answer = async () => new Response("[a]\n")
  assert.deepStrictEqual(await requestText({ path: "/api/x" }), { ok: true, value: "[a]\n", etag: undefined })
})

const lines = (pull: (give: ReadableStreamDefaultController<Uint8Array>) => void, cancel?: () => void) => async () =>
  new Response(new ReadableStream({ pull, ...(cancel && { cancel }) }), {
    headers: { "content-type": "application/x-ndjson" }
  })
const bytes = (text: string) => new TextEncoder().encode(text)
/** Gives every line to `seen`; the one with `last` ends it. */
const reading = (seen: Array<unknown>) =>
  requestLines<string>({ method: "POST", path: "/api/x" }, (line) => {
    seen.push(line)
    return (line as { last?: string }).last
  })

it("a line is told before the next has come, and the last one is the outcome", async () => {
  const seen: Array<unknown> = []
  const pieces = ['{"a":1}\n{"a', '":2}\n', '{"last":"end"}\n']
  const before: Array<number> = []
  answer = lines((stream) => {
    before.push(seen.length)
    const piece = pieces.shift()
    if (piece === undefined) stream.close()
    else stream.enqueue(bytes(piece))
  })
  assert.deepStrictEqual(await reading(seen), { ok: true, value: "end", etag: undefined })
  assert.deepStrictEqual(seen, [{ a: 1 }, { a: 2 }, { last: "end" }])
  assert.include(before, 1)
})

it("lines that break off, and what is no line, are failures with a name", async () => {
  const codeOf = async (text: string, error?: Error) => {
    let given = false
    answer = lines((stream) => {
      if (!given) stream.enqueue(bytes(text))
      else if (error === undefined) stream.close()
      else stream.error(error)
      given = true
    })
    const outcome = await reading([])
    return outcome.ok ? outcome.value : outcome.problem.code
  }
  assert.strictEqual(await codeOf('{"a":1}\n'), "backend_broke_off")
  assert.strictEqual(await codeOf('{"a":1}\n{"las'), "backend_broke_off")
  assert.strictEqual(await codeOf('{"a":1}\n', new TypeError("network error")), "backend_broke_off")
  assert.strictEqual(await codeOf("<html>\n"), "backend_protocol_error")
  assert.strictEqual(await codeOf('{"last":"end"}'), "end")
})

it("a backend that answers with one document is understood, and a refusal stays one", async () => {
  answer = json(200, { whole: true }, { "content-type": "application/json" })
  assert.deepStrictEqual((await reading([])) as unknown, { ok: true, value: { whole: true }, etag: undefined })
  answer = json(404, { code: "connection_not_found" }, { "content-type": "application/problem+json" })
  const outcome = await reading([])
  assert.strictEqual(!outcome.ok && outcome.problem.code, "connection_not_found")
})

it("what comes after the last line is not waited for", async () => {
  let cancelled = false
  answer = lines(
    (stream) => stream.enqueue(bytes('{"last":"end"}\n')),
    () => (cancelled = true)
  )
  await reading([])
  assert.isTrue(cancelled)
})
