/** Every row of the browser API's table of runtimes and workers, through a real server on a real port. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type Backend, removeFolder, start } from "./BackendProcess.ts"
import { assertShape, type Shape, text, time } from "./Shape.ts"
import {
  type Answer,
  assertProblem,
  create,
  get,
  post,
  type Problem,
  request,
  runtimeId,
  until,
  workerPath,
  workersPath
} from "./Stranger.ts"
import { isEvent, isKind, refusal, watch } from "./Watcher.ts"

let backend: Backend
/** Idle, with one exchange in its transcript; `stopped` and `cancelled` have ended; `busy` waits. */
let idle = ""
let stopped = ""
let cancelled = ""
let busy = ""

beforeAll(async () => {
  backend = await start()
  idle = await create(backend.url, { display_name: "Idle", initial_input: { kind: "user", content: "hello" } })
  stopped = await create(backend.url)
  cancelled = await create(backend.url)
  busy = await create(backend.url, { initial_input: { kind: "user", content: "/wait 60000 later" } })
  await post(backend.url + workerPath(stopped, "/stop"))
  await post(backend.url + workerPath(cancelled, "/cancel"))
  await until(backend.url, idle, "idle")
})

afterAll(async () => {
  const { code, stderr } = await backend.stop()
  removeFolder(backend.folder)
  assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
})

const fact = { value: "yes", since: time }
const runtime: Shape = {
  runtime_id: runtimeId,
  display_name: "Built-in runtime",
  kind: "embedded",
  built_in: true,
  status: "running",
  capabilities: {
    "workers.create": {},
    "workers.input": {
      max_bytes: 1_048_576,
      modes: ["reject", "queue", "interrupt"],
      max_queued: 16,
      max_queued_bytes: 262_144
    },
    "workers.stop": {},
    "workers.cancel": {},
    "workers.interrupt": {},
    "workers.permissions": {},
    "workers.transcript": { max_items: 256, max_bytes: 2_097_152 },
    "events.ws": { resume: true },
    "events.sse": { resume: true },
    config_bundles: { max_bundles: 1_000 },
    idempotency: { ttl_seconds: 86_400 }
  },
  worker_count: Number.isInteger,
  last_seen_at: time,
  described_at: time,
  facts: { reachable: fact, authenticated: fact, compatible: fact },
  circuit: "closed",
  diagnostics: []
}

const worker = (id: Shape, state: string, length: number, display_name: Shape = /^Echo [0-9a-f]{4}$/): Shape => ({
  runtime_id: runtimeId,
  worker_id: id,
  display_name,
  profile: "builtin:echo",
  state,
  kind: "embedded",
  transcript_len: length,
  created_at: time,
  updated_at: time,
  diagnostics: []
})

const id = /^[A-Za-z0-9][A-Za-z0-9_-]{0,95}$/
const source = { runtime_id: runtimeId, state: "ok" }
const options: Shape = {
  runtimes: [
    {
      runtime_id: runtimeId,
      display_name: "Built-in runtime",
      built_in: true,
      can_create: true,
      status: "running",
      diagnostics: [],
      profiles: ["builtin:echo"]
    }
  ],
  profiles: [{ id: "builtin:echo", label: "Echo", description: text }]
}
const transcript = (items: ReadonlyArray<Shape>, more: object = {}): Shape => ({
  transcript: {
    runtime_id: runtimeId,
    worker_id: idle,
    start: 0,
    limit: 200,
    total_items: 2,
    next_start: null,
    items,
    ...more
  }
})
const said = { sequence: 1, role: "user", content: "hello", event_id: 1 }
const echoed = { sequence: 2, role: "assistant", content: "hello", event_id: 3 }

interface Row {
  readonly name: string
  readonly ask: () => Promise<Answer>
  readonly status?: number
  readonly shape: () => Shape
}

const to = (path: string): string => backend.url + path

const answers: ReadonlyArray<Row> = [
  { name: "GET /api/runtimes", ask: () => get(to("/api/runtimes")), shape: () => ({ items: [runtime] }) },
  {
    name: "GET /api/runtimes/{runtime_id}",
    ask: () => get(to(`/api/runtimes/${runtimeId}`)),
    shape: () => ({ runtime })
  },
  {
    name: "GET /api/workers",
    ask: () => get(to("/api/workers?state=stopped")),
    shape: () => ({ items: [worker(stopped, "stopped", 0)], sources: [source], next_cursor: null })
  },
  {
    name: "GET /api/workers of one runtime, a page at a time",
    ask: () => get(to(`/api/workers?runtime_id=${runtimeId}&limit=1`)),
    shape: () => ({ items: [worker(idle, "idle", 2, "Idle")], sources: [source], next_cursor: text })
  },
  {
    name: "GET /api/runtimes/{runtime_id}/workers",
    ask: () => get(to(`${workersPath}?state=cancelled&limit=200`)),
    shape: () => ({ items: [worker(cancelled, "cancelled", 0)], sources: [source], next_cursor: null })
  },
  {
    name: "POST /api/runtimes/{runtime_id}/workers with nothing",
    ask: () => post(to(workersPath), {}),
    status: 201,
    shape: () => ({ worker: worker(id, "idle", 0) })
  },
  {
    name: "POST /api/runtimes/{runtime_id}/workers with everything",
    ask: () =>
      post(to(workersPath), {
        display_name: "Ünïcode 名前 👩",
        profile: "builtin:echo",
        initial_input: { kind: "user", content: "/wait 60000 x" }
      }),
    status: 201,
    shape: () => ({ worker: worker(id, "busy", 1, "Ünïcode 名前 👩") })
  },
  {
    name: "GET /api/runtimes/{runtime_id}/workers/{worker_id}",
    ask: () => get(to(workerPath(busy))),
    shape: () => ({ worker: worker(busy, "busy", 1) })
  },
  {
    name: "POST …/input",
    ask: async () => post(to(workerPath(await create(backend.url), "/input")), { kind: "user", content: "hi" }),
    shape: () => ({ ack: { runtime_id: runtimeId, worker_id: id, state: "busy", transcript_sequence: 1, event_id: 2 } })
  },
  {
    name: "POST …/input without a kind",
    ask: async () => post(to(workerPath(await create(backend.url), "/input")), { content: "hi" }),
    shape: () => ({ ack: { runtime_id: runtimeId, worker_id: id, state: "busy", transcript_sequence: 1, event_id: 2 } })
  },
  {
    name: "POST …/stop without a body",
    ask: async () => post(to(workerPath(await create(backend.url), "/stop"))),
    shape: () => ({ ack: { runtime_id: runtimeId, worker_id: id, state: "stopped", event_id: 2 } })
  },
  {
    name: "POST …/stop with a reason, while busy",
    ask: async () => {
      const running = await create(backend.url, { initial_input: { kind: "user", content: "/wait 60000 x" } })
      return post(to(workerPath(running, "/stop")), { reason: "no longer needed" })
    },
    shape: () => ({ ack: { runtime_id: runtimeId, worker_id: id, state: "stopped", event_id: 4 } })
  },
  {
    name: "POST …/stop again answers how it ended",
    ask: () => post(to(workerPath(cancelled, "/stop")), {}),
    shape: () => ({ ack: { runtime_id: runtimeId, worker_id: cancelled, state: "cancelled", event_id: 2 } })
  },
  {
    name: "POST …/cancel",
    ask: async () => post(to(workerPath(await create(backend.url), "/cancel"))),
    shape: () => ({ ack: { runtime_id: runtimeId, worker_id: id, state: "cancelled", event_id: 2 } })
  },
  {
    name: "GET …/transcript",
    ask: () => get(to(workerPath(idle, "/transcript"))),
    shape: () => transcript([said, echoed])
  },
  {
    name: "GET …/transcript, a page at a time",
    ask: () => get(to(workerPath(idle, "/transcript?start=0&limit=1"))),
    shape: () => transcript([said], { limit: 1, next_start: 1 })
  },
  {
    name: "GET …/transcript behind its end",
    ask: () => get(to(workerPath(idle, "/transcript?start=7&limit=200"))),
    shape: () => transcript([], { start: 7 })
  },
  { name: "GET /api/launch-options", ask: () => get(to("/api/launch-options")), shape: () => options },
  { name: "GET /livez", ask: () => get(to("/livez")), shape: () => ({ status: "ok" }) },
  { name: "GET /readyz", ask: () => get(to("/readyz")), shape: () => ({ status: "ready" }) }
]

const problemRows: ReadonlyArray<readonly [name: string, ask: () => Promise<Answer>, problem: Problem]> = [
  ["an unknown path", () => get(to("/api/nothing")), { status: 404, code: "not_found" }],
  ["the API's own root", () => get(to("/api")), { status: 404, code: "not_found" }],
  [
    "an unknown path, asked for as a page",
    () => get(to("/api/x"), { accept: "text/html" }),
    { status: 404, code: "not_found" }
  ],
  ["a wrong method", () => request(to("/api/runtimes"), "DELETE"), { status: 405, code: "method_not_allowed" }],
  [
    "a wrong method on a worker",
    () => request(to(workerPath(idle)), "PUT"),
    { status: 405, code: "method_not_allowed" }
  ],
  [
    "a body that is too large",
    () => post(to(workersPath), { display_name: "a".repeat(2_400_000) }),
    { status: 413, code: "payload_too_large", more: { max: 2_359_296 } }
  ],
  ["an invalid runtime id", () => get(to("/api/runtimes/a.b")), { status: 400, code: "invalid_runtime_id" }],
  [
    "an invalid runtime id of a list",
    () => get(to("/api/runtimes/a%20b/workers")),
    { status: 400, code: "invalid_runtime_id" }
  ],
  [
    "a runtime id that is too long",
    () => get(to(`/api/runtimes/${"a".repeat(97)}`)),
    { status: 400, code: "invalid_runtime_id" }
  ],
  ["an invalid worker id", () => get(to(workerPath("a.b"))), { status: 400, code: "invalid_worker_id" }],
  [
    "a worker id that is much too long",
    () => get(to(workerPath("a".repeat(2_000)))),
    { status: 400, code: "invalid_worker_id" }
  ],
  [
    "an unknown runtime",
    () => get(to("/api/runtimes/nope")),
    { status: 404, code: "runtime_not_found", more: { runtime_id: "nope" } }
  ],
  [
    "a list of an unknown runtime",
    () => get(to("/api/runtimes/nope/workers")),
    { status: 404, code: "runtime_not_found", more: { runtime_id: "nope" } }
  ],
  [
    "a list that names an unknown runtime",
    () => get(to("/api/workers?runtime_id=nope")),
    { status: 404, code: "runtime_not_found", more: { runtime_id: "nope" } }
  ],
  [
    "a worker of an unknown runtime",
    () => get(to(`/api/runtimes/nope/workers/${idle}`)),
    { status: 404, code: "runtime_not_found", more: { runtime_id: "nope" } }
  ],
  [
    "a worker for an unknown runtime",
    () => post(to("/api/runtimes/nope/workers"), {}),
    { status: 404, code: "runtime_not_found", more: { runtime_id: "nope" } }
  ],
  ...(["", "/transcript"] as const).map((rest): (typeof problemRows)[number] => [
    `an unknown worker${rest}`,
    () => get(to(workerPath("nope", rest))),
    {
      status: 404,
      code: "worker_not_found",
      more: { runtime_id: runtimeId, worker_id: "nope", operation: rest === "" ? "worker.get" : "worker.transcript" }
    }
  ]),
  ...(["input", "stop", "cancel"] as const).map((command): (typeof problemRows)[number] => [
    `${command} of an unknown worker`,
    () => post(to(workerPath("nope", `/${command}`)), command === "input" ? { content: "x" } : {}),
    {
      status: 404,
      code: "worker_not_found",
      more: { runtime_id: runtimeId, worker_id: "nope", operation: `worker.${command}` }
    }
  ]),
  [
    "a limit above the maximum, of all workers",
    () => get(to("/api/workers?limit=201")),
    { status: 400, code: "limit_too_large", more: { max: 200 } }
  ],
  [
    "a limit above the maximum, of one runtime's workers",
    () => get(to(`${workersPath}?limit=201`)),
    { status: 400, code: "limit_too_large", more: { max: 200 } }
  ],
  [
    "a limit above the maximum, of a transcript",
    () => get(to(workerPath(idle, "/transcript?limit=201"))),
    { status: 400, code: "limit_too_large", more: { max: 200 } }
  ],
  [
    "a state that there is not",
    () => get(to("/api/workers?state=asleep")),
    { status: 400, code: "invalid_query", more: { errors: [{ pointer: "/state", code: text }] } }
  ],
  [
    "a list cursor that nobody gave out",
    () => get(to("/api/workers?cursor=xyz")),
    { status: 400, code: "invalid_cursor" }
  ],
  [
    "an unknown profile",
    () => post(to(workersPath), { profile: "builtin:nope" }),
    {
      status: 400,
      code: "invalid_profile_selector",
      more: { errors: [{ pointer: "/profile", code: "unknown" }], runtime_id: runtimeId, operation: "worker.create" }
    }
  ],
  [
    "initial input of another kind",
    () => post(to(workersPath), { initial_input: { kind: "system", content: "x" } }),
    { status: 400, code: "invalid_initial_input_kind", more: { runtime_id: runtimeId, operation: "worker.create" } }
  ],
  [
    "input for a worker that is busy",
    () => post(to(workerPath(busy, "/input")), { content: "x" }),
    {
      status: 409,
      code: "worker_busy",
      more: { runtime_id: runtimeId, worker_id: (it) => it === busy, operation: "worker.input", retry_after_ms: 1_000 }
    }
  ],
  [
    "input for a worker that has ended",
    () => post(to(workerPath(stopped, "/input")), { content: "x" }),
    {
      status: 409,
      code: "worker_not_running",
      more: { runtime_id: runtimeId, worker_id: (it) => it === stopped, operation: "worker.input" }
    }
  ],
  [
    "input that the worker refuses",
    () => post(to(workerPath(idle, "/input")), { content: "/wait 60001 x" }),
    {
      status: 409,
      code: "worker_execution_rejected",
      more: { runtime_id: runtimeId, worker_id: (it) => it === idle, operation: "worker.input", max: 60_000 }
    }
  ],
  [
    "an event socket that is no WebSocket",
    () => get(to(workerPath(idle, "/events/ws"))),
    { status: 426, code: "upgrade_required" }
  ],
  [
    "an event socket of an unknown worker",
    () => refusal(to(workerPath("nope", "/events/ws"))),
    {
      status: 404,
      code: "worker_not_found",
      more: { runtime_id: runtimeId, worker_id: "nope", operation: "worker.events" }
    }
  ],
  [
    "an event socket of an unknown runtime",
    () => refusal(to(`/api/runtimes/nope/workers/${idle}/events/ws`)),
    {
      status: 404,
      code: "runtime_not_found",
      more: { runtime_id: "nope", worker_id: text, operation: "worker.events" }
    }
  ],
  [
    "an event stream of an unknown worker",
    () => get(to(workerPath("nope", "/events"))),
    {
      status: 404,
      code: "worker_not_found",
      more: { runtime_id: runtimeId, worker_id: "nope", operation: "worker.events" }
    }
  ]
]

describe("what the browser API answers", () => {
  for (const { ask, name, shape, status = 200 } of answers) {
    it(`${name}: ${status}`, async () => {
      const answer = await ask()
      assert.strictEqual(answer.status, status, answer.text)
      assert.strictEqual(answer.headers.get("content-type"), "application/json")
      assert.strictEqual(answer.headers.get("cache-control"), "no-store")
      assertShape(answer.body, shape())
    })
  }

  it("GET …/events/ws opens an event socket", async () => {
    const { closed, socket, until: seen } = await watch(to(workerPath(idle, "/events/ws")))
    await seen(isEvent("snapshot"))
    socket.close()
    await closed
  })

  it("GET …/events answers server-sent events", async () => {
    const { body, headers, status } = await fetch(to(workerPath(stopped, "/events")))
    assert.strictEqual(status, 200)
    assert.strictEqual(headers.get("content-type"), "text/event-stream")
    assert.strictEqual(headers.get("cache-control"), "no-store")
    const events = await new Response(body).text()
    assert.match(events, /^id: \S+\ndata: \{"kind":"event",.*"snapshot"/)
    assert.match(events, /data: \{"kind":"end","status":"stopped"\}\n\n$/)
  })

  it("GET /api/openapi.json describes every path, each with its problems", async () => {
    const answer = await get(to("/api/openapi.json"))
    assert.strictEqual(answer.headers.get("content-type"), "application/json")
    const { paths } = answer.body
    const worker_path = `${workersPath.replace(runtimeId, "{runtime_id}")}/{worker_id}`
    const declared: Record<string, ReadonlyArray<string>> = {
      "/api/runtimes": ["get"],
      "/api/runtimes/{runtime_id}": ["get"],
      "/api/workers": ["get"],
      "/api/runtimes/{runtime_id}/workers": ["get", "post"],
      [worker_path]: ["get"],
      [`${worker_path}/input`]: ["post"],
      [`${worker_path}/stop`]: ["post"],
      [`${worker_path}/cancel`]: ["post"],
      [`${worker_path}/transcript`]: ["get"],
      [`${worker_path}/events/ws`]: ["get"],
      [`${worker_path}/events`]: ["get"],
      "/api/launch-options": ["get"]
    }
    for (const [path, methods] of Object.entries(declared)) {
      assert.deepStrictEqual(Object.keys(paths[path] ?? {}).toSorted(), methods, path)
      for (const method of methods) {
        assert.property(paths[path][method].responses["403"].content, "application/problem+json", path)
      }
    }
    assert.notMatch(answer.text, /https?:\/\/(?!yoi-workspace\.invalid|[a-z.]*json-schema\.org)/)
  })

  it("an ended worker's event socket shows how it ended and closes", async () => {
    const { closed, until: seen } = await watch(to(workerPath(cancelled, "/events/ws")))
    assert.strictEqual((await seen(isKind("end"))).status, "cancelled")
    assert.strictEqual((await closed).code, 1000)
  })
})

describe("what the browser API refuses", () => {
  for (const [name, ask, problem] of problemRows) {
    it(`${name}: ${problem.status} ${problem.code}`, async () => assertProblem(await ask(), problem))
  }

  it("a wrong method is told which ones are right", async () => {
    assert.strictEqual((await request(to(workersPath), "PATCH")).headers.get("allow"), "GET, POST")
  })

  it("an unknown worker and one behind an unknown runtime look like any other absence", async () => {
    const here = await get(to(workerPath("nope")))
    const again = await get(to(workerPath("nope")))
    assert.deepStrictEqual({ ...here.body, instance: "" }, { ...again.body, instance: "" })
  })
})

describe("lists", () => {
  it("pages put together are the whole, once", async () => {
    const whole = await get(to("/api/workers"))
    const ids = (items: ReadonlyArray<{ readonly worker_id: string }>) => items.map(({ worker_id }) => worker_id)
    const page = async (cursor: string | null): Promise<ReadonlyArray<string>> => {
      if (cursor === null) return []
      const { body } = await get(
        to(`/api/workers?limit=2${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`)
      )
      assert.isAtMost(body.items.length, 2)
      return [...ids(body.items), ...(await page(body.next_cursor))]
    }
    assert.deepStrictEqual(await page(""), ids(whole.body.items))
  })
})
