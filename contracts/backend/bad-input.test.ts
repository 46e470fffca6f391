/** What people and programs get wrong in a request: each has its code, nothing is lost, and the process goes on. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { randomUUID } from "node:crypto"
import { connect } from "node:net"
import { gzipSync } from "node:zlib"
import { type Backend, removeFolder, start } from "./BackendProcess.ts"
import { assertShape, type Shape, text } from "./Shape.ts"
import {
  type Answer,
  assertProblem,
  create,
  get,
  inTurn,
  post,
  runtimeId,
  until,
  workerPath,
  workersPath
} from "./Stranger.ts"
import { isEvent, isKind, refusal, watch } from "./Watcher.ts"

let backend: Backend
/** Has said something; nothing that follows may change it. */
let healthy = ""
let before: Answer

const to = (path: string): string => backend.url + path
const transcript = () => get(to(workerPath(healthy, "/transcript")))
const count = async (): Promise<number> => (await get(to("/api/runtimes"))).body.items[0].worker_count

beforeAll(async () => {
  backend = await start()
  healthy = await create(backend.url, { initial_input: { kind: "user", content: "hello" } })
  await until(backend.url, healthy, "idle")
  before = await transcript()
})

afterAll(async () => {
  const after = await transcript()
  const { code, stderr } = await backend.stop()
  removeFolder(backend.folder)
  assert.strictEqual(after.text, before.text)
  assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
})

const errors = (...pointers: ReadonlyArray<string>): Shape => ({
  errors: pointers.map((pointer) => ({ pointer, code: text }))
})
const pointing = (...pointers: ReadonlyArray<string>) => ({
  status: 400,
  code: "invalid_request",
  more: errors(...pointers) as {}
})

const deep = (open: string, close: string, levels: number): string => open.repeat(levels) + close.repeat(levels)
const json = { "content-type": "application/json" }

describe("a body that cannot be read", () => {
  const broken: ReadonlyArray<readonly [name: string, body: string | Uint8Array]> = [
    ["cut off", '{"display_name":"a'],
    ["no JSON at all", "display_name=a"],
    ["a trailing comma", '{"display_name":"a",}'],
    ["a comment", "{/* */}"],
    ["two documents", "{}{}"],
    ["a number that is none", '{"display_name":NaN}'],
    ["UTF-16", Buffer.from("{}", "utf16le")],
    ["invalid UTF-8", Buffer.concat([Buffer.from('{"display_name":"a'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])],
    [
      "an overlong slash",
      Buffer.concat([Buffer.from('{"display_name":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')])
    ],
    [
      "a surrogate in UTF-8",
      Buffer.concat([Buffer.from('{"display_name":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')])
    ]
  ]
  for (const [name, body] of broken) {
    it(`${name} is 400 invalid_json`, async () => {
      const workers = await count()
      assertProblem(await post(to(workersPath), body, json), { status: 400, code: "invalid_json" })
      assert.strictEqual(await count(), workers)
    })
  }

  const foreign: ReadonlyArray<
    readonly [name: string, headers: Readonly<Record<string, string>>, body: string | Uint8Array]
  > = [
    ["text", { "content-type": "text/plain" }, "{}"],
    ["a form", { "content-type": "application/x-www-form-urlencoded" }, "display_name=a"],
    ["a multipart form", { "content-type": "multipart/form-data; boundary=x" }, "--x--"],
    ["another JSON type", { "content-type": "application/vnd.api+json" }, "{}"],
    ["JSON in another charset", { "content-type": "application/json; charset=utf-16" }, "{}"],
    ["no type", {}, Buffer.from("{}")],
    ["a compressed body", { ...json, "content-encoding": "gzip" }, gzipSync("{}")],
    ["a compressed bomb", { ...json, "content-encoding": "gzip" }, gzipSync(Buffer.alloc(50_000_000))],
    ["a compression that is not there", { ...json, "content-encoding": "br" }, "{}"]
  ]
  for (const [name, headers, body] of foreign) {
    it(`${name} is 415 unsupported_media_type`, async () => {
      assertProblem(await post(to(workersPath), body, headers), { status: 415, code: "unsupported_media_type" })
    })
  }

  it("a type that is the same thing in other words is taken", async () => {
    await inTurn(
      ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', "application/json ;charset=UTF-8"],
      async (type) => {
        assert.strictEqual((await post(to(workersPath), "{}", { "content-type": type })).status, 201, type)
      }
    )
  })

  it("a body for stop of another type is refused, and the worker goes on", async () => {
    const worker = await create(backend.url)
    const answer = await post(to(workerPath(worker, "/stop")), "reason=x", { "content-type": "text/plain" })
    assertProblem(answer, { status: 415, code: "unsupported_media_type" })
    assert.strictEqual((await get(to(workerPath(worker)))).body.worker.state, "idle")
  })
})

describe("a body that is not what was asked for", () => {
  const rows: ReadonlyArray<readonly [name: string, body: string, pointers: ReadonlyArray<string>]> = [
    ["nothing", "", [""]],
    ["null", "null", [""]],
    ["a list", "[]", [""]],
    ["a text", '"x"', [""]],
    ["an unknown member", '{"nope":1}', ["/nope"]],
    ["several unknown members", '{"a":1,"b":2}', ["/a", "/b"]],
    ["an unknown member inside", '{"initial_input":{"kind":"user","content":"x","more":1}}', ["/initial_input/more"]],
    ["a member with a slash and a tilde", '{"a/b~c":1}', ["/a~1b~0c"]],
    ["__proto__", '{"__proto__":{"display_name":"polluted"}}', ["/__proto__"]],
    ["constructor", '{"constructor":{"prototype":{"display_name":"polluted"}}}', ["/constructor"]],
    [
      "__proto__ inside",
      '{"initial_input":{"kind":"user","content":"x","__proto__":{}}}',
      ["/initial_input/__proto__"]
    ],
    ["a member that is missing", '{"initial_input":{"kind":"user"}}', ["/initial_input/content"]],
    ["a number for a text", '{"display_name":1}', ["/display_name"]],
    ["an empty name", '{"display_name":""}', ["/display_name"]],
    ["a name that is too long", JSON.stringify({ display_name: "a".repeat(81) }), ["/display_name"]],
    ["a name with a line break", '{"display_name":"a\\nb"}', ["/display_name"]],
    ["a name with NUL", '{"display_name":"a\\u0000"}', ["/display_name"]],
    ["a name that turns text around", '{"display_name":"a\\u202eb"}', ["/display_name"]],
    ["a profile that is none", '{"profile":"../../etc/passwd"}', ["/profile"]],
    ["a kind that is none", '{"initial_input":{"kind":"admin","content":"x"}}', ["/initial_input/kind"]],
    ["a million lists in each other", deep("[", "]", 1_000_000), [""]],
    ["a hundred thousand objects in each other", `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`, ["/a"]]
  ]
  for (const [name, body, pointers] of rows) {
    it(`${name} is 400, and says where`, async () => {
      const workers = await count()
      assertProblem(await post(to(workersPath), body, json), pointing(...pointers))
      assert.strictEqual(await count(), workers)
    })
  }

  it("a hundred thousand unknown members get a short answer", async () => {
    const members = Array.from({ length: 100_000 }, (_, index) => `"m${index}":1`)
    const answer = await post(to(workersPath), `{${members.join(",")}}`, json)
    assert.strictEqual(answer.status, 400)
    assert.strictEqual(answer.body.errors.length, 16)
  })

  it("nothing of a prototype sticks", async () => {
    const worker = await create(backend.url)
    assert.match((await get(to(workerPath(worker)))).body.worker.display_name, /^Echo /)
  })

  it("of a member that is there twice the last one counts, everywhere", async () => {
    const answer = await post(to(workersPath), '{"display_name":"first","display_name":"last"}', json)
    assert.strictEqual(answer.body.worker.display_name, "last")
    assert.strictEqual((await get(to(workerPath(answer.body.worker.worker_id)))).body.worker.display_name, "last")
  })

  it("input of another kind than user is refused", async () => {
    const answer = await post(to(workerPath(healthy, "/input")), { kind: "system", content: "x" })
    assertProblem(answer, pointing("/kind"))
  })

  it("the wrong value is never said back", async () => {
    const answer = await post(to(workersPath), { display_name: "s3cr3t\n", profile: "s3cr3t!", token: "s3cr3t" })
    assert.notInclude(answer.text, "s3cr3t")
  })
})

describe("input", () => {
  const context = (operation: string, worker?: string) => ({
    runtime_id: runtimeId,
    operation,
    ...(worker === undefined ? undefined : { worker_id: worker })
  })

  for (const [name, content] of [
    ["empty", ""],
    ["blank", " \t\r\n"],
    ["blank to the eye", "\u00a0\u3000\ufeff"]
  ] as const) {
    it(`that is ${name} is refused`, async () => {
      const more = { errors: [{ pointer: "/content", code: "blank" }], ...context("worker.input", healthy) }
      assertProblem(await post(to(workerPath(healthy, "/input")), { content }), {
        status: 400,
        code: "invalid_request",
        more
      })
    })
  }

  it("that is blank makes no worker", async () => {
    const workers = await count()
    const answer = await post(to(workersPath), { initial_input: { kind: "user", content: " " } })
    const more = { errors: [{ pointer: "/initial_input/content", code: "blank" }], ...context("worker.create") }
    assertProblem(answer, { status: 400, code: "invalid_request", more })
    assert.strictEqual(await count(), workers)
  })

  it("of the published size is taken whole; one character more is 413", async () => {
    const { capabilities } = (await get(to(`/api/runtimes/${runtimeId}`))).body.runtime
    const max: number = capabilities["workers.input"].max_bytes
    const worker = await create(backend.url)
    const more = { max, ...context("worker.input", worker) }
    await inTurn(["a".repeat(max + 1), "€".repeat(Math.ceil(max / 3))], async (content) => {
      assertProblem(await post(to(workerPath(worker, "/input")), { content }), {
        status: 413,
        code: "payload_too_large",
        more
      })
    })
    const content = `${"€".repeat(Math.floor(max / 3))}${"a".repeat(max % 3)}`
    assert.strictEqual((await post(to(workerPath(worker, "/input")), { content })).status, 200)
    const { items } = (await get(to(workerPath(worker, "/transcript")))).body.transcript
    assert.strictEqual(items[0].content, content)
  })

  it("of any characters comes back as it was", async () => {
    const content = '\u0000\u001f\u007f\u2028\u2029 <script>alert(1)</script> \u202e 👩‍🔬 \\" \r\n'
    const worker = await create(backend.url, { initial_input: { kind: "user", content } })
    await until(backend.url, worker, "idle")
    const { items } = (await get(to(workerPath(worker, "/transcript")))).body.transcript
    assert.deepStrictEqual(
      items.map((item: { content: string }) => item.content),
      [content, content]
    )
  })
})

describe("a query", () => {
  for (const limit of ["0", "-1", "1.5", "abc", "", "NaN", "Infinity", "1,2"]) {
    it(`with limit=${limit} is 400`, async () => {
      await inTurn(["/api/workers", workersPath, workerPath(healthy, "/transcript")], async (path) => {
        const answer = await get(to(`${path}?limit=${limit}`))
        assertProblem(answer, { status: 400, code: "invalid_query", more: errors("/limit") as {} })
      })
    })
  }

  it("with limit=1e9 is told the maximum", async () => {
    await inTurn(["/api/workers", workersPath, workerPath(healthy, "/transcript")], async (path) => {
      assertProblem(await get(to(`${path}?limit=1e9`)), { status: 400, code: "limit_too_large", more: { max: 200 } })
    })
  })

  for (const start of ["-1", "x", "0.5"]) {
    it(`with start=${start} is 400`, async () => {
      const answer = await get(to(workerPath(healthy, `/transcript?start=${start}`)))
      assertProblem(answer, { status: 400, code: "invalid_query", more: errors("/start") as {} })
    })
  }

  it("with a list cursor that was tampered with is 400 invalid_cursor", async () => {
    const forged = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
    const cursors = [
      "%00",
      "a".repeat(1_900),
      forged({ runtime: runtimeId, cursor: "no-such-worker", shown: 0 }),
      forged({ runtime: "nope", shown: 0 }),
      forged({ runtime: runtimeId, shown: -1 }),
      forged([])
    ]
    await inTurn(cursors, async (cursor) => {
      const answer = await get(to(`/api/workers?cursor=${cursor}`))
      assert.deepStrictEqual([answer.status, answer.body.code], [400, "invalid_cursor"], cursor.slice(0, 40))
    })
  })
})

describe("an idempotency key", () => {
  const keyed = (key: string) => ({ "idempotency-key": key })

  for (const [name, key] of [
    ["empty", ""],
    ["too long", "k".repeat(256)],
    ["with a space inside", "a b"],
    ["not ASCII", "ké"]
  ] as const) {
    it(`that is ${name} is refused`, async () => {
      const answer = await post(to(workersPath), {}, keyed(key))
      assertProblem(answer, pointing("/idempotency-key"))
    })
  }

  it("gets the first answer again, and has no second effect", async () => {
    const workers = await count()
    const key = randomUUID()
    const first = await post(to(workersPath), { display_name: "Once", profile: "builtin:echo" }, keyed(key))
    const again = await post(to(workersPath), '{"profile":"builtin:echo", "display_name":"Once"}', {
      ...json,
      ...keyed(key)
    })
    assert.deepStrictEqual([first.status, again.status], [201, 201])
    assert.deepStrictEqual(again.body, first.body)
    assert.deepStrictEqual(
      [first, again].map(({ headers }) => headers.get("idempotent-replayed")),
      [null, "true"]
    )
    assert.strictEqual(await count(), workers + 1)
  })

  it("works for input, stop and cancel alike", async () => {
    const worker = await create(backend.url)
    await inTurn(
      [
        ["input", { content: "/wait 60000 x" }],
        ["stop", {}],
        ["cancel", undefined]
      ] as const,
      async ([command, body]) => {
        const key = keyed(randomUUID())
        const first = await post(to(workerPath(worker, `/${command}`)), body, key)
        const again = await post(to(workerPath(worker, `/${command}`)), body, key)
        assert.strictEqual(first.status, 200, first.text)
        assert.deepStrictEqual(
          [again.status, again.text, again.headers.get("idempotent-replayed")],
          [200, first.text, "true"]
        )
      }
    )
    assert.strictEqual((await get(to(workerPath(worker, "/transcript")))).body.transcript.total_items, 1)
  })

  it("of another request is 422", async () => {
    const key = keyed(randomUUID())
    await post(to(workersPath), { display_name: "One" }, key)
    const workers = await count()
    const other = await post(to(workersPath), { display_name: "Two" }, key)
    assertProblem(other, {
      status: 422,
      code: "idempotency_key_reused",
      more: { runtime_id: runtimeId, operation: "worker.create" }
    })
    const elsewhere = await post(to(workerPath(healthy, "/stop")), {}, key)
    assert.deepStrictEqual([elsewhere.status, elsewhere.body.code], [422, "idempotency_key_reused"])
    assert.strictEqual(await count(), workers)
  })

  it("that many send at once has one effect; who comes too early is told to wait", async () => {
    const workers = await count()
    const key = keyed(randomUUID())
    const answers = await Promise.all(
      Array.from({ length: 24 }, () => post(to(workersPath), { display_name: "Race" }, key))
    )
    const done = answers.filter(({ status }) => status === 201)
    const early = answers.filter(({ status }) => status !== 201)
    assert.isAtLeast(done.length, 1)
    assert.strictEqual(new Set(done.map((answer) => answer.text)).size, 1)
    assert.strictEqual(done.filter(({ headers }) => headers.get("idempotent-replayed") === null).length, 1)
    for (const answer of early) {
      const more = { runtime_id: runtimeId, operation: "worker.create", retry_after_ms: 1_000 }
      assertProblem(answer, { status: 409, code: "idempotency_in_flight", more })
    }
    assert.strictEqual(await count(), workers + 1)
  })

  it("of a request that was refused can be used again", async () => {
    const worker = await create(backend.url, { initial_input: { kind: "user", content: "/wait 300 x" } })
    const key = keyed(randomUUID())
    assert.strictEqual((await post(to(workerPath(worker, "/input")), { content: "y" }, key)).status, 409)
    await until(backend.url, worker, "idle")
    assert.strictEqual((await post(to(workerPath(worker, "/input")), { content: "y" }, key)).status, 200)
  })
})

describe("an event cursor", () => {
  const path = (cursor: string, worker = healthy) =>
    to(workerPath(worker, `/events/ws?cursor=${encodeURIComponent(cursor)}`))

  for (const cursor of [
    "x",
    "a.b",
    "a.-1",
    "a.01",
    "a.1e3",
    ".1",
    "a.",
    "a.1.2",
    "ä.1",
    "a.9999999999999999",
    " ",
    "../1"
  ]) {
    it(`that is malformed (${cursor}) is 400 invalid_cursor`, async () => {
      const more = { runtime_id: runtimeId, worker_id: healthy }
      assertProblem(await refusal(path(cursor)), { status: 400, code: "invalid_cursor", more })
      const sse = await get(to(workerPath(healthy, "/events")), { "last-event-id": encodeURIComponent(cursor) })
      if (encodeURIComponent(cursor) === cursor) assertProblem(sse, { status: 400, code: "invalid_cursor", more })
    })
  }

  it("that is too long is refused before it is looked at", async () => {
    const answer = await refusal(path("a".repeat(2_001)))
    assertProblem(answer, { status: 400, code: "invalid_query", more: errors("/cursor") as {} })
  })

  const resyncs = async (cursor: string, reason: string, worker?: string) => {
    const { frames, socket, until: seen } = await watch(path(cursor, worker))
    await seen(isEvent("snapshot"))
    assert.deepStrictEqual(
      frames.map((frame) => frame.kind),
      ["hello", "resync", "event"]
    )
    assertShape(frames[1], { kind: "resync", reason, cursor: frames[0].head })
    socket.terminate()
  }
  const headOf = async (worker: string): Promise<string> => {
    const { socket, until: seen } = await watch(to(workerPath(worker, "/events/ws")))
    const { head } = await seen(isKind("hello"))
    socket.terminate()
    return head
  }

  it("of another worker gets a resync and a fresh snapshot", async () => {
    const other = await create(backend.url)
    await resyncs(await headOf(other), "epoch_changed")
  })

  it("that never was gets a resync and a fresh snapshot", async () => {
    const head = await headOf(healthy)
    await resyncs(head.replace(/\.\d+$/, ".999999"), "invalid")
  })

  it("that is older than what is kept gets a resync and a fresh snapshot", async () => {
    const worker = await create(backend.url)
    const old = await headOf(worker)
    const content = "a".repeat(1_048_576)
    await inTurn([1, 2, 3, 4, 5], async () => {
      assert.strictEqual((await post(to(workerPath(worker, "/input")), { content })).status, 200)
      await until(backend.url, worker, "idle")
    })
    await resyncs(old, "expired", worker)
  })
})

describe("a client that leaves", () => {
  it("in the middle of a body has done nothing", async () => {
    const workers = await count()
    await inTurn(["", '{"display_', '{"display_name":"a"'], async (part) => {
      await new Promise<void>((resolve) => {
        const socket = connect(backend.port, "127.0.0.1", () => {
          const head = `POST ${workersPath} HTTP/1.1\r\nHost: 127.0.0.1:${backend.port}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n`
          socket.write(head + part, () => socket.destroy())
        })
        socket.on("close", () => resolve())
      })
    })
    assert.strictEqual(await count(), workers)
  })

  it("in the middle of a stream is forgotten, and the others go on", async () => {
    const worker = await create(backend.url)
    const stays = await watch(to(workerPath(worker, "/events/ws")))
    const leaves = await Promise.all(Array.from({ length: 20 }, () => watch(to(workerPath(worker, "/events/ws")))))
    const streams = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const leaving = new AbortController()
        await fetch(to(workerPath(worker, "/events")), { signal: leaving.signal })
        return leaving
      })
    )
    await post(to(workerPath(worker, "/input")), { content: "a".repeat(600) })
    await stays.until(isEvent("text_delta"))
    for (const { socket } of leaves) socket.terminate()
    for (const leaving of streams) leaving.abort()
    const done = await stays.until(isEvent("text_done"))
    assert.strictEqual(done.envelope.payload.data.text.length, 600)
    stays.socket.close()
    await stays.closed
  })
})
