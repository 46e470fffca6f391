/** Watching a worker over WebSocket: a snapshot, what was missed, what happens, and a word about the end. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type Backend, removeFolder, start } from "./BackendProcess.ts"
import { assertShape, type Json, type Shape, text } from "./Shape.ts"
import { assertProblem, create, exchange, get, inTurn, post, runtimeId, until, workerPath } from "./Stranger.ts"
import { isEvent, isKind, refusal, subprotocol, watch, type Watcher } from "./Watcher.ts"

let backend: Backend

beforeAll(async () => {
  backend = await start()
})
afterAll(async () => {
  const { code, stderr } = await backend.stop()
  removeFolder(backend.folder)
  assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
})

const open = (worker: string, cursor?: string, protocols?: ReadonlyArray<string>): Promise<Watcher> =>
  watch(
    backend.url +
      workerPath(worker, `/events/ws${cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`}`),
    protocols
  )
const say = async (worker: string, content: string): Promise<void> => {
  const answer = await post(backend.url + workerPath(worker, "/input"), { content })
  assert.strictEqual(answer.status, 200, answer.text)
}

const eventsOf = (frames: ReadonlyArray<Json>) => frames.filter(isKind("event")).map(({ envelope }) => envelope)
const isDurable = ({ event_id }: Json): boolean => /^\d+$/.test(event_id)
const isIdle = (frame: Json): boolean => isEvent("status")(frame) && frame.envelope.payload.data.status === "idle"

const cursor = /^[A-Za-z0-9_-]{1,64}\.\d+$/
const envelope = (worker: string, event_id: Shape, event: string, data: Shape): Shape => ({
  kind: "event",
  envelope: { cursor, event_id, runtime_id: runtimeId, worker_id: worker, payload: { event, data } }
})
const snapshot = (worker: string, state: string, items: ReadonlyArray<Shape>, in_flight: Shape, as_of: string): Shape =>
  envelope(worker, as_of, "snapshot", {
    status: state === "busy" ? "running" : "idle",
    state,
    transcript: { start: 0, total_items: items.length, items },
    in_flight,
    as_of
  })

describe("a stream", () => {
  it("begins with hello and a snapshot, and then tells everything as it happens", async () => {
    const worker = await create(backend.url)
    const { closed, frames, socket, until: seen } = await open(worker)
    assert.strictEqual(socket.protocol, subprotocol)
    await seen(isEvent("snapshot"))
    assertShape(frames[0], { kind: "hello", epoch: text, heartbeat_ms: 15_000, retained_events: 10_000, head: cursor })
    assertShape(frames[1], snapshot(worker, "idle", [], null, "1"))
    assert.strictEqual(frames[1].envelope.cursor, frames[0].head)

    const content = "Twenty-four characters! ".repeat(3)
    await say(worker, content)
    await seen(isIdle, 2)
    const deltas = frames.filter(isEvent("text_delta"))
    assert.strictEqual(deltas.map(({ envelope: { payload } }) => payload.data.text).join(""), content)
    const said = frames.slice(2)
    const pieces = deltas.map((_, index): Shape => envelope(worker, `3.${index + 1}`, "text_delta", { text }))
    assertShape(said, [
      envelope(worker, "2", "user_message", { segments: [{ kind: "text", content }], sequence: 1 }),
      envelope(worker, "3", "status", { status: "running", state: "busy" }),
      ...pieces,
      envelope(worker, "4", "text_done", { text: content, sequence: 2 }),
      envelope(worker, "5", "run_end", { result: "finished" }),
      envelope(worker, "6", "status", { status: "idle", state: "idle" })
    ])
    const all = eventsOf(said)
    const cursors = all.filter(isDurable).map((event) => event.cursor)
    assert.strictEqual(new Set(cursors).size, cursors.length)
    for (const delta of deltas)
      assert.strictEqual(delta.envelope.cursor, cursors[1], "a delta repeats the last durable cursor")
    socket.close()
    assert.strictEqual((await closed).code, 1005)
  })

  it("of a worker that speaks begins with what it has said so far", async () => {
    const worker = await create(backend.url)
    const first = await open(worker)
    await say(worker, "a".repeat(2_000))
    await first.until(isEvent("text_delta"))
    const second = await open(worker)
    const { envelope: began } = await second.until(isEvent("snapshot"))
    const { in_flight, state, transcript } = began.payload.data
    assert.strictEqual(state, "busy")
    assert.deepStrictEqual(
      transcript.items.map((item: Json) => item.role),
      ["user"]
    )
    assert.match(in_flight.text, /^a+$/)
    assertShape(in_flight, { text, thinking: "", tool_calls: [] })
    await second.until(isIdle)
    const later = second.frames.filter(isEvent("text_delta")).map(({ envelope: { payload } }) => payload.data.text)
    assert.strictEqual(in_flight.text + later.join(""), "a".repeat(2_000))
    first.socket.terminate()
    second.socket.terminate()
  })

  it("is the same for everybody who watches", async () => {
    const worker = await create(backend.url)
    const watchers = await Promise.all(Array.from({ length: 10 }, () => open(worker)))
    await Promise.all(watchers.map((it) => it.until(isEvent("snapshot"))))
    await say(worker, "to all of you")
    await Promise.all(watchers.map((it) => it.until(isIdle, 2)))
    for (const { frames, socket } of watchers) {
      assert.deepStrictEqual(frames, watchers[0]!.frames)
      socket.terminate()
    }
  })

  it("goes on where it broke off, without a hole and without a duplicate", async () => {
    const worker = await create(backend.url)
    const seen: Array<Json> = []
    let from: string | undefined
    /** Watches until so many frames are there, and breaks off without a word. */
    const watched = async (count: number) => {
      const { closed, frames, socket, until: wait } = await open(worker, from)
      await wait(() => frames.length >= count)
      socket.terminate()
      await closed
      assert.isFalse(frames.some(isKind("resync")))
      const durable = eventsOf(frames.slice(2)).filter(isDurable)
      seen.push(...durable)
      from = durable.at(-1)?.cursor ?? from ?? frames[0].head
    }
    await watched(2)
    await inTurn([3, 4, 5, 7, 10], async (count) => {
      await until(backend.url, worker, "idle")
      await say(worker, "b".repeat(100))
      await watched(count)
    })
    await until(backend.url, worker, "idle")
    await watched(2 + 25 - seen.length)
    const ids = seen.map(({ event_id }) => Number(event_id))
    assert.deepStrictEqual(
      ids,
      Array.from({ length: 25 }, (_, index) => index + 2)
    )
    const texts = seen.filter(({ payload }) => payload.event === "text_done").map(({ payload }) => payload.data.text)
    assert.deepStrictEqual(
      texts,
      Array.from({ length: 5 }, () => "b".repeat(100))
    )
  })

  it("resumed at the head has nothing to replay", async () => {
    const worker = await create(backend.url)
    const first = await open(worker)
    const { head } = await first.until(isKind("hello"))
    const { frames, socket, until: seen } = await open(worker, head)
    await seen(isEvent("snapshot"))
    await say(worker, "x")
    assertShape((await seen(isEvent("user_message"))).envelope.event_id, "2")
    assert.deepStrictEqual(
      frames.slice(0, 3).map(({ kind }) => kind),
      ["hello", "event", "event"]
    )
    first.socket.terminate()
    socket.terminate()
  })

  it("with an empty cursor begins afresh", async () => {
    const worker = await create(backend.url)
    const { frames, socket, until: seen } = await open(worker, "")
    await seen(isEvent("snapshot"))
    assert.deepStrictEqual(
      frames.map(({ kind }) => kind),
      ["hello", "event"]
    )
    socket.terminate()
  })
})

describe("the end", () => {
  for (const [command, status, more] of [
    ["stop", "stopped", ""],
    ["cancel", "cancelled", ""],
    ["stop", "stopped", ", in the middle of an answer"]
  ] as const) {
    it(`by ${command}${more} is told, and the stream is closed`, async () => {
      const worker = await create(backend.url)
      const { closed, frames, until: seen } = await open(worker)
      await seen(isEvent("snapshot"))
      if (more !== "") {
        await say(worker, "c".repeat(2_000))
        await seen(isEvent("text_delta"))
      }
      await post(backend.url + workerPath(worker, `/${command}`))
      const { code, reason } = await closed
      assert.deepStrictEqual([code, reason], [1000, status])
      assertShape(frames.at(-1), { kind: "end", status })
      assert.strictEqual(frames.at(-2).envelope.payload.data.state, status)
    })
  }

  it("of a worker that has ended comes right after its snapshot", async () => {
    const worker = await create(backend.url)
    await post(backend.url + workerPath(worker, "/stop"))
    const { closed, frames } = await open(worker)
    assert.strictEqual((await closed).code, 1000)
    assert.deepStrictEqual(
      frames.map(({ kind }) => kind),
      ["hello", "event", "end"]
    )
    assertShape(frames[1], snapshot(worker, "stopped", [], null, "2"))
  })

  it("is replayed to who was away", async () => {
    const worker = await create(backend.url)
    const first = await open(worker)
    const { head } = await first.until(isKind("hello"))
    first.socket.terminate()
    await post(backend.url + workerPath(worker, "/stop"))
    const { closed, frames } = await open(worker, head)
    await closed
    assert.deepStrictEqual(
      frames.map(({ kind }) => kind),
      ["hello", "event", "event", "end"]
    )
    assert.strictEqual(frames[2].envelope.payload.data.state, "stopped")
  })
})

describe("a client of the field", () => {
  it("that offers no subprotocol gets events and diagnostics only", async () => {
    const worker = await create(backend.url)
    const { closed, frames, socket, until: seen } = await open(worker, undefined, [])
    assert.strictEqual(socket.protocol, "")
    await seen(isEvent("snapshot"))
    await say(worker, "x")
    await seen(isIdle, 1)
    await post(backend.url + workerPath(worker, "/stop"))
    assert.strictEqual((await closed).code, 1000)
    assert.deepStrictEqual([...new Set(frames.map(({ kind }) => kind))], ["event"])
    assertShape(frames[0], snapshot(worker, "idle", [], null, "1"))
  })

  it("with a cursor that is of no use gets a diagnostic and a snapshot", async () => {
    const worker = await create(backend.url)
    const { frames, socket, until: seen } = await open(worker, "elsewhere.7", [])
    await seen(isEvent("snapshot"))
    assertShape(frames[0], {
      kind: "diagnostic",
      diagnostic: { code: "backend.cursor_unknown_or_expired", message: text }
    })
    assert.strictEqual(frames.length, 2)
    socket.terminate()
  })

  it("that offers another subprotocol is closed with 4406", async () => {
    const worker = await create(backend.url)
    const { closed, frames } = await open(worker, undefined, ["something.else"])
    assert.strictEqual((await closed).code, 4406)
    assert.deepStrictEqual(frames, [])
  })

  it("that offers ours among others gets ours", async () => {
    const worker = await create(backend.url)
    const { socket } = await open(worker, undefined, ["something.else", subprotocol])
    assert.strictEqual(socket.protocol, subprotocol)
    socket.terminate()
  })
})

describe("a client that talks", () => {
  it("is told that nobody listens, and cut when it does not stop", async () => {
    const worker = await create(backend.url)
    const other = await open(worker)
    const { closed, frames, socket, until: seen } = await open(worker)
    await seen(isEvent("snapshot"))
    socket.send('{"kind":"input","content":"rm -rf"}')
    assertShape(await seen(isKind("diagnostic")), {
      kind: "diagnostic",
      diagnostic: { code: "backend.observation_only", message: text }
    })
    for (let index = 0; index < 8; index++) socket.send(Buffer.from([index]))
    assert.strictEqual((await closed).code, 4429)
    assert.strictEqual(frames.filter(isKind("diagnostic")).length, 8)
    assert.strictEqual(other.frames.filter(isKind("diagnostic")).length, 0)
    other.socket.terminate()
  })

  it("at length is cut with 1009", async () => {
    const { closed, socket } = await open(await create(backend.url))
    socket.send("x".repeat(4_097))
    assert.strictEqual((await closed).code, 1009)
  })

  it("in frames that are no frames is cut, and the server goes on", async () => {
    const worker = await create(backend.url)
    const head = [
      `GET ${workerPath(worker, "/events/ws")} HTTP/1.1`,
      `Host: 127.0.0.1:${backend.port}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "",
      ""
    ].join("\r\n")
    const rubbish = [
      [0xc1, 0x80, 0, 0, 0, 0],
      [0x81, 0x01, 0x61],
      [0x83, 0x80, 0, 0, 0, 0],
      [0x89, 0xfe, 0x00, 0x7e, 0, 0, 0, 0],
      [0x88, 0x81, 0, 0, 0, 0, 0x03]
    ]
    await inTurn(rubbish, async (bytes) => {
      const { said } = await exchange(backend.port, head, Buffer.from(bytes))
      assert.match(said, /^HTTP\/1\.1 101 /)
    })
    assert.strictEqual((await get(`${backend.url}/livez`)).status, 200)
  })
})

describe("a handshake that is not complete", () => {
  const bad: ReadonlyArray<readonly [name: string, headers: Readonly<Record<string, string>>]> = [
    ["without a key", { "Sec-WebSocket-Version": "13" }],
    ["with a key that is none", { "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x" }],
    ["of another version", { "Sec-WebSocket-Version": "7", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" }],
    [
      "with a subprotocol that is no name",
      {
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "a b, ,"
      }
    ]
  ]
  for (const [name, headers] of bad) {
    it(`${name} is 400 in the API's own words`, async () => {
      const worker = await create(backend.url)
      const lines = Object.entries(headers).map(([header, value]) => `${header}: ${value}`)
      const { said } = await exchange(
        backend.port,
        [
          `GET ${workerPath(worker, "/events/ws")} HTTP/1.1`,
          `Host: 127.0.0.1:${backend.port}`,
          "Connection: Upgrade",
          "Upgrade: websocket",
          ...lines,
          "",
          ""
        ].join("\r\n")
      )
      assert.match(said, /^HTTP\/1\.1 400 /)
      assert.include(said, '"code":"invalid_request"')
      assert.include(said.toLowerCase(), "content-type: application/problem+json")
    })
  }

  it("of an unknown worker is refused before anything else", async () => {
    const answer = await refusal(backend.url + workerPath("nope", "/events/ws"), ["something.else"])
    const more = { runtime_id: runtimeId, worker_id: "nope", operation: "worker.events" }
    assertProblem(answer, { status: 404, code: "worker_not_found", more })
  })
})

describe("a reader that stalls", () => {
  const memory = async (): Promise<number> => {
    const { readFile } = await import("node:fs/promises")
    return Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${backend.pid}/status`, "utf8"))?.[1]) / 1_024
  }

  it("does not hold up the others, and starts again from a snapshot when it comes back", async () => {
    const worker = await create(backend.url)
    const before = await memory()
    const fast = await open(worker)
    const stalled = await Promise.all(Array.from({ length: 10 }, () => open(worker)))
    await Promise.all([fast, ...stalled].map((it) => it.until(isEvent("snapshot"))))
    for (const { socket } of stalled) socket.pause()
    const content = "d".repeat(1_000_000)
    await inTurn([1, 2, 3, 4], async (turn) => {
      await say(worker, content)
      await fast.until((frame) => isEvent("status")(frame) && frame.envelope.event_id === String(turn * 5 + 1))
    })
    assert.strictEqual(fast.frames.filter(isEvent("text_done")).length, 4)
    assert.isFalse(fast.frames.some(isKind("resync")))
    assert.isBelow((await memory()) - before, 200, "MB that ten stalled readers cost")

    await inTurn(stalled, async ({ frames, socket, until: seen }) => {
      socket.resume()
      const { cursor: from } = await seen((frame) => isKind("resync")(frame) && frame.reason === "overflow")
      const at = frames.findIndex(isKind("resync"))
      const began = await seen(isEvent("snapshot"), at)
      assert.strictEqual(began.envelope.cursor, from)
      assert.strictEqual(began.envelope.payload.data.transcript.total_items, 8)
      // What came before the resync is whole up to there.
      const ids = eventsOf(frames.slice(2, at))
        .filter(isDurable)
        .map(({ event_id }) => Number(event_id))
      assert.deepStrictEqual(
        ids,
        ids.map((_, index) => index + 2)
      )
    })
    await say(worker, "still there?")
    const done = await Promise.all(
      stalled.map((it) =>
        it.until((frame) => isEvent("text_done")(frame) && frame.envelope.payload.data.text === "still there?")
      )
    )
    assert.strictEqual(new Set(done.map((frame) => JSON.stringify(frame))).size, 1)
    for (const { socket } of [fast, ...stalled]) socket.terminate()
  })
})
