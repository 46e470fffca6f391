/** The login: the access token once, then a cookie; programs send the token each time; guessing is slow. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { serve, type Served } from "./BackendLayer.ts"
import { type Backend, removeFolder, start } from "./BackendProcess.ts"
import { assertShape, int } from "./Shape.ts"
import {
  type Answer,
  assertProblem,
  create,
  get,
  inTurn,
  post,
  request,
  runtimeId,
  workerPath,
  workersPath
} from "./Stranger.ts"
import { isEvent, refusal, watch } from "./Watcher.ts"

const token = "correct-horse-battery-staple"
const bearer = { authorization: `Bearer ${token}` }

/** As a person configures it. */
let backend: Backend
let worker = ""

beforeAll(async () => {
  backend = await start({
    config: '[server]\naccess_token_ref = "env:WORKSPACE_TOKEN"\n',
    env: { WORKSPACE_TOKEN: token }
  })
  const answer = await post(backend.url + workersPath, {}, bearer)
  worker = answer.body.worker.worker_id
})
afterAll(async () => {
  const { code, stderr, stdout } = await backend.stop()
  removeFolder(backend.folder)
  assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
  assert.notInclude(stdout, token)
})

const to = (path: string) => backend.url + path
const login = (base: string, said: string) => post(`${base}/api/session`, { token: said })
const cookieOf = (answer: Answer): string => answer.headers.get("set-cookie")!.split(";")[0]!
const required = { status: 401, code: "session_required" }

describe("without a login", () => {
  it("every place of the API is refused alike, unknown ones included", async () => {
    const answers = await Promise.all([
      get(to("/api/runtimes")),
      get(to("/api/workers")),
      get(to("/api/launch-options")),
      get(to("/api/openapi.json")),
      get(to("/api/nothing")),
      get(to("/api/runtimes/nope")),
      get(to(workerPath("nope"))),
      get(to(workerPath(worker, "/events"))),
      post(to(workersPath), {}),
      post(to(workerPath(worker, "/stop")), {}),
      request(to("/api/runtimes"), "DELETE"),
      post(to(workersPath), "not even JSON", { "content-type": "text/plain" })
    ])
    for (const answer of answers) {
      assertProblem(answer, required)
      assert.isNull(answer.headers.get("www-authenticate"))
      assert.deepStrictEqual({ ...answer.body, instance: "" }, { ...answers[0]!.body, instance: "" })
    }
  })

  it("an event socket is refused before the upgrade, whether there is such a worker or not", async () => {
    assertProblem(await refusal(to(workerPath(worker, "/events/ws"))), required)
    assertProblem(await refusal(to(workerPath("nope", "/events/ws"))), required)
  })

  it("one learns that it lives, and that a login is needed", async () => {
    assert.strictEqual((await get(to("/livez"))).status, 200)
    assert.strictEqual((await get(to("/readyz"))).status, 200)
    assertShape((await get(to("/api/session"))).body, { required: true, active: false })
  })

  it("credentials that are none are no credentials", async () => {
    const none = [
      "Bearer",
      "Bearer ",
      `Basic ${Buffer.from(`x:${token}`).toString("base64")}`,
      token,
      `Bearer ${token} `.replace(" ", "  "),
      `Token ${token}`
    ]
    await inTurn(none, async (authorization) =>
      assertProblem(await get(to("/api/runtimes"), { authorization }), required)
    )
    await inTurn(["yoi_session=", "yoi_session=x", `yoi_session=${token}`, `token=${token}`], async (cookie) =>
      assertProblem(await get(to("/api/runtimes"), { cookie }), required)
    )
    assertProblem(await get(to(`/api/runtimes?access_token=${token}&token=${token}`)), required)
  })
})

describe("a browser", () => {
  it("logs in once, is let in by its cookie, and out by logging out", async () => {
    const answer = await login(backend.url, token)
    assert.deepStrictEqual([answer.status, answer.text], [204, ""])
    assert.match(
      answer.headers.get("set-cookie")!,
      /^yoi_session=[A-Za-z0-9_-]{43}; Max-Age=43200; HttpOnly; SameSite=Strict; Path=\/$/
    )
    const cookie = cookieOf(answer)
    assert.notInclude(cookie, token)
    const headers = { cookie: `theme=dark; ${cookie}; other=1` }
    assert.strictEqual((await get(to("/api/runtimes"), headers)).status, 200)
    assertShape((await get(to("/api/session"), headers)).body, { required: true, active: true })
    const { socket, until } = await watch(to(workerPath(worker, "/events/ws")), [], { headers, origin: backend.url })
    await until(isEvent("snapshot"))
    socket.terminate()

    const out = await request(to("/api/session"), "DELETE", { headers })
    assert.strictEqual(out.status, 204)
    assert.match(out.headers.get("set-cookie")!, /^yoi_session=; Max-Age=0; HttpOnly; SameSite=Strict; Path=\/$/)
    assertProblem(await get(to("/api/runtimes"), headers), required)
    assertShape((await get(to("/api/session"), headers)).body, { required: true, active: false })
  })

  it("gets a cookie of its own each time", async () => {
    const [one, two] = await Promise.all([login(backend.url, token), login(backend.url, token)])
    assert.notStrictEqual(cookieOf(one), cookieOf(two))
    await request(to("/api/session"), "DELETE", { headers: { cookie: cookieOf(one) } })
    assert.strictEqual((await get(to("/api/runtimes"), { cookie: cookieOf(two) })).status, 200)
  })

  it("with a cookie is still refused from another origin", async () => {
    const cookie = cookieOf(await login(backend.url, token))
    const answer = await post(to(workersPath), {}, { cookie, origin: "http://evil.test" })
    assertProblem(answer, { status: 403, code: "origin_refused", more: { reason: "origin" } })
  })

  it("that sends a wrong login is told what is wrong, and no token comes back", async () => {
    assertProblem(await login(backend.url, "wrong"), required)
    const more = (pointer: string) => ({ errors: [{ pointer, code: (it: unknown) => typeof it === "string" }] })
    const rows = [
      [{}, "/token"],
      [{ token: 1 }, "/token"],
      [{ token, more: 1 }, "/more"],
      [{ token: `${token}${"x".repeat(4_100)}` }, "/token"]
    ] as const
    await inTurn(rows, async ([body, pointer]) => {
      const answer = await post(to("/api/session"), body)
      assertProblem(answer, { status: 400, code: "invalid_request", more: more(pointer) })
      assert.notInclude(answer.text, token)
    })
  })
})

describe("a program", () => {
  it("sends the token each time", async () => {
    assert.strictEqual((await get(to("/api/runtimes"), bearer)).body.items[0].runtime_id, runtimeId)
    assert.strictEqual((await get(to("/api/runtimes"), { authorization: `bearer ${token}` })).status, 200)
    const { socket, until } = await watch(to(workerPath(worker, "/events/ws")), [], { headers: bearer })
    await until(isEvent("snapshot"))
    socket.terminate()
  })

  it("learns of refusals in the API's own words", async () => {
    assertProblem(await get(to(workerPath("nope")), bearer), {
      status: 404,
      code: "worker_not_found",
      more: { runtime_id: runtimeId, worker_id: "nope", operation: "worker.get" }
    })
  })
})

describe("guessing", () => {
  let guessed: Served
  beforeAll(async () => {
    guessed = await serve({ accessToken: token })
  })
  afterAll(() => guessed.stop())

  const tooMany = { status: 429, code: "too_many_requests", more: { retry_after_ms: int } }

  it("is stopped after ten wrong tokens, by login and Bearer together, even for the right one; cookies go on", async () => {
    const cookie = cookieOf(await login(guessed.url, token))
    const guesses = Array.from({ length: 10 }, (_, index) => `guess-${index}`)
    await inTurn(guesses, async (guess) =>
      assertProblem(
        guess.endsWith("3")
          ? await get(`${guessed.url}/api/runtimes`, { authorization: `Bearer ${guess}` })
          : await login(guessed.url, guess),
        required
      )
    )
    const refused = await login(guessed.url, token)
    assertProblem(refused, tooMany)
    assert.isAtMost(Number(refused.headers.get("retry-after")), 60)
    assertProblem(await get(`${guessed.url}/api/runtimes`, bearer), tooMany)
    assertProblem(await refusal(guessed.url + workerPath("nope", "/events/ws"), [], { headers: bearer }), tooMany)
    assert.strictEqual((await get(`${guessed.url}/api/runtimes`, { cookie })).status, 200)
    assert.strictEqual((await get(`${guessed.url}/livez`)).status, 200)
  })
})

describe("without an access token", () => {
  let free: Served
  beforeAll(async () => {
    free = await serve()
  })
  afterAll(() => free.stop())

  it("nobody has to log in, and who does is none the wiser", async () => {
    assertShape((await get(`${free.url}/api/session`)).body, { required: false, active: true })
    await create(free.url)
    assert.strictEqual((await login(free.url, "anything")).status, 204)
  })
})
