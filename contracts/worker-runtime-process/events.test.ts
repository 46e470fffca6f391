/** A worker's live events over WebSocket, as a client without any of our code sees them. */
import { createHash, randomBytes } from "node:crypto"
import { connect as connectTcp, type Socket } from "node:net"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { connect, durableIds, type Frame, isEvent } from "./eventClient.ts"
import { eventually, type RuntimeProcess, start } from "./runtimeProcess.ts"

let runtime: RuntimeProcess

beforeAll(async () => {
  runtime = await start()
}, 30_000)
afterAll(() => runtime.stop())

const create = async (content?: string): Promise<string> => {
  const body = content === undefined ? {} : { initial_input: { kind: "user", content } }
  return (await runtime.call("POST", "/v1/workers", body)).body.worker.worker_id
}
const input = async (worker_id: string, content: string) => {
  const { body, status } = await runtime.call("POST", `/v1/workers/${worker_id}/input`, { kind: "user", content })
  assert.strictEqual(status, 200, JSON.stringify(body))
}
const idle = (worker_id: string) =>
  eventually(
    () => runtime.call("GET", `/v1/workers/${worker_id}`),
    ({ body }) => body.worker.execution.run_state === "idle"
  )
const say = async (worker_id: string, content: string) => {
  await input(worker_id, content)
  await idle(worker_id)
}
const isIdle = (frame: Frame) => isEvent("status")(frame) && frame.envelope.payload.data.status === "idle"

describe("a stream in our dialect", () => {
  it("begins with hello and a snapshot of the real worker", async () => {
    const worker_id = await create("hello")
    await idle(worker_id)
    const client = connect(runtime.url, worker_id)
    const snapshot = await client.next(isEvent("snapshot"))
    assert.strictEqual(client.protocol(), "worker-events.v1")
    const [hello, second] = client.frames
    assert.deepStrictEqual(second, snapshot)
    assert.deepInclude(hello, { kind: "hello", heartbeat_ms: 15_000, retained_events: 10_000 })
    assert.strictEqual(hello.head, snapshot.envelope.cursor)
    assert.strictEqual(hello.head.split(".")[0], hello.epoch)
    const { data } = snapshot.envelope.payload
    assert.strictEqual(snapshot.envelope.worker_id, worker_id)
    assert.deepInclude(data, { status: "idle", state: "idle", in_flight: null })
    assert.deepStrictEqual(
      data.transcript.items.map((item: { role: string; content: string }) => [item.role, item.content]),
      [
        ["user", "hello"],
        ["assistant", "hello"]
      ]
    )
    client.close()
  })

  it("shows a turn as it happens; what is transient does not move the cursor", async () => {
    const worker_id = await create()
    const client = connect(runtime.url, worker_id)
    await client.next(isEvent("snapshot"))
    await input(worker_id, "a text that is longer than one piece")
    await client.next(isIdle)
    const events = client.frames.filter((frame) => frame.kind === "event").slice(1)
    const names = events.map((frame) => frame.envelope.payload.event)
    assert.deepStrictEqual(
      names.filter((name, index) => name !== names[index - 1]),
      ["user_message", "status", "text_delta", "text_done", "run_end", "status"]
    )
    assert.deepStrictEqual(events[0].envelope.payload.data.segments, [
      { kind: "text", content: "a text that is longer than one piece" }
    ])
    const said = events.filter(isEvent("text_delta"))
    assert.isAbove(said.length, 1)
    const text = said.map((frame) => frame.envelope.payload.data.text).join("")
    assert.strictEqual(text, "a text that is longer than one piece")
    const before = events[names.indexOf("text_delta") - 1]
    for (const frame of said) assert.strictEqual(frame.envelope.cursor, before.envelope.cursor)
    assert.strictEqual(new Set(events.map((frame) => frame.envelope.event_id)).size, events.length)
    client.close()
  })

  it("goes on from any cursor without a gap and without a double", async () => {
    const worker_id = await create()
    const whole = connect(runtime.url, worker_id)
    await whole.next(isEvent("snapshot"))
    for (const word of ["one", "two", "three"]) await say(worker_id, word)
    const { body } = await runtime.call("GET", `/v1/workers/${worker_id}`)
    const last = body.worker.last_event_id as number
    await whole.next((frame) => frame.envelope?.event_id === String(last))
    const all = durableIds(whole.frames)
    const cursors = whole.frames
      .filter((frame) => frame.kind === "event")
      .map((frame) => frame.envelope.cursor as string)
    for (const cursor of new Set(cursors)) {
      const resumed = connect(runtime.url, worker_id, { cursor })
      const snapshot = await resumed.next(isEvent("snapshot"))
      assert.strictEqual(snapshot.envelope.cursor, cursor)
      const from = Number(cursor.split(".")[1])
      if (from < last)
        await resumed.next((frame) => frame.envelope?.event_id === String(last) && !isEvent("snapshot")(frame))
      assert.deepStrictEqual(
        durableIds(resumed.frames),
        all.filter((id) => id > from)
      )
      assert.isFalse(resumed.frames.some((frame) => frame.kind === "resync"))
      resumed.close()
    }
    whole.close()
  })

  it("loses nothing and doubles nothing when it is cut in the middle of turns again and again", async () => {
    const worker_id = await create()
    const seen: Array<Frame> = []
    let cursor = (await connectedHead(worker_id)) as string
    for (let round = 0; round < 6; round++) {
      const client = connect(runtime.url, worker_id, { cursor })
      await client.next(isEvent("snapshot"))
      await input(worker_id, "x".repeat(600))
      await client.next(isEvent("text_delta"))
      client.close()
      await client.closed
      seen.push(...client.frames)
      cursor = client.frames.findLast((frame) => frame.kind === "event").envelope.cursor
      await idle(worker_id)
    }
    const { last_event_id } = (await runtime.call("GET", `/v1/workers/${worker_id}`)).body.worker
    const client = connect(runtime.url, worker_id, { cursor })
    await client.next((frame) => frame.envelope?.event_id === String(last_event_id) && !isEvent("snapshot")(frame))
    client.close()
    assert.deepStrictEqual(
      durableIds([...seen, ...client.frames]),
      Array.from({ length: last_event_id - 1 }, (_, index) => index + 2)
    )
  })

  it("shows the text in flight to who comes in the middle", async () => {
    const worker_id = await create()
    const first = connect(runtime.url, worker_id)
    await first.next(isEvent("snapshot"))
    await input(worker_id, "y".repeat(600))
    await first.next(isEvent("text_delta"))
    const second = connect(runtime.url, worker_id)
    const snapshot = await second.next(isEvent("snapshot"))
    await second.next(isIdle)
    const flight = snapshot.envelope.payload.data.in_flight
    if (flight !== null) {
      const rest = second.frames.filter(isEvent("text_delta")).map((frame) => frame.envelope.payload.data.text)
      assert.strictEqual(flight.text + rest.join(""), "y".repeat(600))
    }
    first.close()
    second.close()
  })

  it("ends with the worker, and a stream of an ended one ends at once", async () => {
    const worker_id = await create()
    const client = connect(runtime.url, worker_id)
    await client.next(isEvent("snapshot"))
    await runtime.call("POST", `/v1/workers/${worker_id}/cancel`)
    assert.deepStrictEqual(await client.next((frame) => frame.kind === "end"), { kind: "end", status: "cancelled" })
    assert.deepStrictEqual(await client.closed, { code: 1000, reason: "cancelled" })
    const late = connect(runtime.url, worker_id)
    assert.strictEqual((await late.closed).code, 1000)
    assert.deepStrictEqual(
      late.frames.map((frame) => frame.kind),
      ["hello", "event", "end"]
    )
  })

  it.each([
    ["of another worker", async (_mine: string) => connectedHead(await create()), "epoch_changed"],
    ["of a store that is gone", () => Promise.resolve("0123456789abcdef.3"), "epoch_changed"],
    ["that is ahead of the log", async (mine: string) => `${mine.split(".")[0]}.999999`, "invalid"]
  ])("a cursor %s gets resync and a fresh snapshot", async (_name, cursorFrom, reason) => {
    const worker_id = await create("content")
    await idle(worker_id)
    const head = await connectedHead(worker_id)
    const client = connect(runtime.url, worker_id, { cursor: await cursorFrom(head) })
    const snapshot = await client.next(isEvent("snapshot"))
    assert.deepStrictEqual(client.frames[1], { kind: "resync", reason, cursor: head })
    assert.deepStrictEqual(client.frames[2], snapshot)
    assert.strictEqual(snapshot.envelope.cursor, head)
    await input(worker_id, "next")
    await client.next(isEvent("user_message"))
    client.close()
  })

  it("refuses what its client says, and cuts one that goes on", async () => {
    const worker_id = await create()
    const client = connect(runtime.url, worker_id)
    await client.next(isEvent("snapshot"))
    client.send("hello?")
    const diagnostic = await client.next((frame) => frame.kind === "diagnostic")
    assert.strictEqual(diagnostic.diagnostic.code, "runtime.observation_only")
    for (let i = 0; i < 8; i++) client.send("hello?")
    assert.strictEqual((await client.closed).code, 4429)
  })

  it("is not given in a dialect that nobody speaks here", async () => {
    const client = connect(runtime.url, await create(), { protocols: ["worker-events.v9"] })
    assert.strictEqual((await client.closed).code, 4406)
    assert.deepStrictEqual(client.frames, [])
  })

  it("is counted among the open ones while it lasts", async () => {
    const client = connect(runtime.url, await create())
    await client.next(isEvent("snapshot"))
    const figure = async () => Number(/yoi_open_streams (\d+)/.exec((await runtime.call("GET", "/metrics")).body)?.[1])
    assert.isAtLeast(await figure(), 1)
    client.close()
    await client.closed
    await eventually(figure, (open) => open === 0)
  })
})

const connectedHead = async (worker_id: string): Promise<string> => {
  const client = connect(runtime.url, worker_id)
  const { head } = await client.next((frame) => frame.kind === "hello")
  client.close()
  return head
}

describe("a stream in the dialect of field v1", () => {
  it("has events and diagnostics and no other frame", async () => {
    const worker_id = await create("content")
    await idle(worker_id)
    const client = connect(runtime.url, worker_id, { protocols: [], cursor: "0123456789abcdef.3" })
    await client.next(isEvent("snapshot"))
    assert.strictEqual(client.protocol(), "")
    assert.strictEqual(client.frames[0].diagnostic.code, "runtime.cursor_unknown_or_expired")
    await runtime.call("POST", `/v1/workers/${worker_id}/stop`)
    assert.strictEqual((await client.closed).code, 1000)
    assert.deepStrictEqual([...new Set(client.frames.map((frame) => frame.kind))].toSorted(), ["diagnostic", "event"])
  })
})

/** A client that can stop reading: the handshake and the frames by hand. */
const rawClient = (worker_id: string) =>
  new Promise<{ readonly socket: Socket; readonly frames: () => ReadonlyArray<Frame> }>((resolve, reject) => {
    const { hostname, port } = new URL(runtime.url)
    const key = randomBytes(16).toString("base64")
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64")
    const socket = connectTcp(Number(port), hostname)
    let bytes: Array<Buffer> = []
    let upgraded = false
    socket.on("error", reject)
    socket.on("data", (part: Buffer) => {
      bytes.push(part)
      if (upgraded) return
      const text = Buffer.concat(bytes).toString("latin1")
      const end = text.indexOf("\r\n\r\n")
      if (end < 0) return
      assert.include(text, accept)
      upgraded = true
      bytes = [Buffer.concat(bytes).subarray(end + 4)]
      resolve({ socket, frames })
    })
    const frames = () => {
      const all = Buffer.concat(bytes)
      const found: Array<Frame> = []
      for (let at = 0; at + 2 <= all.length;) {
        const short = all[at + 1]! & 0x7f
        const header = short === 127 ? 10 : short === 126 ? 4 : 2
        if (at + header > all.length) break
        const length =
          short === 127 ? Number(all.readBigUInt64BE(at + 2)) : short === 126 ? all.readUInt16BE(at + 2) : short
        if (at + header + length > all.length) break
        const body = all.subarray(at + header, at + header + length)
        if ((all[at]! & 0x0f) === 1) found.push(JSON.parse(body.toString("utf8")))
        at += header + length
      }
      return found
    }
    socket.write(
      `GET /v1/workers/${worker_id}/events/ws HTTP/1.1\r\nhost: ${hostname}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\nsec-websocket-protocol: worker-events.v1\r\n\r\n`
    )
  })

describe("a reader that is too slow", () => {
  it("is told what it lost and starts afresh, and the others notice nothing", { timeout: 60_000 }, async () => {
    const worker_id = await create()
    const slow = await rawClient(worker_id)
    const quick = connect(runtime.url, worker_id)
    await quick.next(isEvent("snapshot"))
    await eventually(
      () => Promise.resolve(slow.frames()),
      (frames) => frames.some(isEvent("snapshot"))
    )
    slow.socket.pause()
    const first = await connectedHead(worker_id)
    // Far more than a socket's buffers and what may wait in the server.
    for (let round = 0; round < 6; round++) await say(worker_id, `${round}`.repeat(1_000_000))
    slow.socket.resume()
    const frames = await eventually(
      () => Promise.resolve(slow.frames()),
      (seen) => {
        const at = seen.findIndex((frame) => frame.kind === "resync")
        return at >= 0 && seen.slice(at).some(isEvent("snapshot"))
      }
    )
    const at = frames.findIndex((frame) => frame.kind === "resync")
    assert.strictEqual(frames[at].reason, "overflow")
    assert.strictEqual(frames[at + 1].envelope.payload.event, "snapshot")
    assert.strictEqual(frames[at + 1].envelope.payload.data.state, "idle")
    const before = durableIds(frames.slice(0, at))
    assert.deepStrictEqual(
      before,
      before.map((_, index) => before[0]! + index)
    )
    slow.socket.destroy()

    const { body } = await runtime.call("GET", `/v1/workers/${worker_id}`)
    await quick.next((frame) => frame.envelope?.event_id === String(body.worker.last_event_id))
    const ids = durableIds(quick.frames)
    assert.deepStrictEqual(
      ids,
      ids.map((_, index) => ids[0]! + index)
    )
    quick.close()
    assert.match((await runtime.call("GET", "/metrics")).body, /yoi_stream_overflows_total [1-9]/)

    // So many bytes are more than the log keeps: the first cursor has expired by now.
    const expired = connect(runtime.url, worker_id, { cursor: first })
    await expired.next(isEvent("snapshot"))
    assert.deepInclude(expired.frames[1], { kind: "resync", reason: "expired" })
    expired.close()
  })
})
