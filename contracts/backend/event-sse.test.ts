/** Watching a worker over server-sent events: the same log as over WebSocket, in the words of EventSource. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { connect } from "node:net"
import { type Backend, removeFolder, start } from "./BackendProcess.ts"
import { assertShape, type Json } from "./Shape.ts"
import { assertProblem, bytes, create, exchange, get, inTurn, post, runtimeId, until, workerPath } from "./Stranger.ts"
import { isEvent, isKind, watch } from "./Watcher.ts"

let backend: Backend

beforeAll(async () => {
  backend = await start()
})
afterAll(async () => {
  const { code, stderr } = await backend.stop()
  removeFolder(backend.folder)
  assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
})

interface Message {
  readonly id: string | undefined
  readonly frame: Json
}

const parse = (text: string): ReadonlyArray<Message> =>
  text
    .split("\n\n")
    .filter((block) => block !== "" && !block.startsWith(":"))
    .map((block) => {
      const lines = block.split("\n")
      const value = (field: string) => lines.find((line) => line.startsWith(`${field}: `))?.slice(field.length + 2)
      return { id: value("id"), frame: JSON.parse(value("data") ?? "") }
    })

/** Reads until the messages fit, and then hangs up; or until the stream ends. */
const read = async (
  worker: string,
  fits: (messages: ReadonlyArray<Message>) => boolean,
  { cursor, lastEventId }: { readonly cursor?: string; readonly lastEventId?: string } = {}
): Promise<{ readonly messages: ReadonlyArray<Message>; readonly ended: boolean }> => {
  const query = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`
  const leaving = new AbortController()
  const response = await fetch(backend.url + workerPath(worker, `/events${query}`), {
    signal: leaving.signal,
    headers: lastEventId === undefined ? {} : { "last-event-id": lastEventId }
  })
  assert.strictEqual(response.status, 200)
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ""
  const next = async (): Promise<boolean> => {
    const { done, value } = await reader.read()
    if (done) return true
    text += value
    return text.endsWith("\n\n") && fits(parse(text)) ? false : next()
  }
  const ended = await next()
  leaving.abort()
  return { messages: parse(text), ended }
}

const say = async (worker: string, content: string): Promise<void> => {
  assert.strictEqual((await post(backend.url + workerPath(worker, "/input"), { content })).status, 200)
  await until(backend.url, worker, "idle")
}
const names = (messages: ReadonlyArray<Message>) =>
  messages.map(({ frame }) => (frame.kind === "event" ? frame.envelope.payload.event : frame.kind))
const count = (wanted: number) => (messages: ReadonlyArray<Message>) => messages.length >= wanted

describe("an event stream", () => {
  it("begins with the snapshot, and its ids are cursors", async () => {
    const worker = await create(backend.url)
    await say(worker, "x")
    const { messages } = await read(worker, count(1))
    assert.deepStrictEqual(names(messages), ["snapshot"])
    const { frame, id } = messages[0]!
    assert.strictEqual(id, frame.envelope.cursor)
    assert.strictEqual(frame.envelope.payload.data.transcript.total_items, 2)
    assertShape(frame.envelope.runtime_id, runtimeId)
  })

  it("says what a socket says", async () => {
    const worker = await create(backend.url)
    const socket = await watch(backend.url + workerPath(worker, "/events/ws"))
    await socket.until(isEvent("snapshot"))
    const reading = read(worker, () => false)
    await say(worker, "the same for both")
    await post(backend.url + workerPath(worker, "/stop"))
    await socket.closed
    const { ended, messages } = await reading
    assert.isTrue(ended)
    assert.deepStrictEqual(messages.at(-1)!.frame, { kind: "end", status: "stopped" })
    const later = messages.filter(({ frame }) => frame.kind === "event" && frame.envelope.payload.event !== "snapshot")
    const said = socket.frames.filter((frame) => isKind("event")(frame) && !isEvent("snapshot")(frame))
    assert.deepStrictEqual(
      later.map(({ frame }) => frame),
      said.slice(-later.length)
    )
    assert.isAtLeast(later.length, 1)
  })

  for (const [name, at] of [
    ["the Last-Event-ID of a browser that comes back", "lastEventId"],
    ["the cursor of its query", "cursor"]
  ] as const) {
    it(`goes on from ${name}`, async () => {
      const worker = await create(backend.url)
      const { messages: first } = await read(worker, count(1))
      await say(worker, "missed")
      const { messages } = await read(worker, count(6), { [at]: first[0]!.id! })
      assert.deepStrictEqual(names(messages), ["snapshot", "user_message", "status", "text_done", "run_end", "status"])
      const ids = messages.slice(1).map(({ frame }) => Number(frame.envelope.event_id))
      assert.deepStrictEqual(ids, [2, 3, 4, 5, 6])
      assert.strictEqual(messages[0]!.id, first[0]!.id, "a cut during the replay loses nothing")
      const { messages: rest } = await read(worker, count(3), { [at]: messages[3]!.id! })
      assert.deepStrictEqual(names(rest), ["snapshot", "run_end", "status"])
    })
  }

  it("prefers the Last-Event-ID, since a browser that comes back repeats its first address", async () => {
    const worker = await create(backend.url)
    const { messages: first } = await read(worker, count(1))
    await say(worker, "x")
    const { messages: second } = await read(worker, count(6), { cursor: first[0]!.id! })
    const { messages } = await read(worker, count(2), { cursor: first[0]!.id!, lastEventId: second.at(-2)!.id! })
    assert.deepStrictEqual(names(messages), ["snapshot", "status"])
  })

  it("tells a cursor that is of no use with a resync, in front of the snapshot", async () => {
    const worker = await create(backend.url)
    const { messages } = await read(worker, count(2), { lastEventId: "elsewhere.7" })
    assert.deepStrictEqual(names(messages), ["resync", "snapshot"])
    assertShape(messages[0]!.frame, { kind: "resync", reason: "epoch_changed", cursor: messages[1]!.id! })
  })

  it("with a malformed cursor is refused before it begins", async () => {
    const worker = await create(backend.url)
    const problem = { status: 400, code: "invalid_cursor", more: { runtime_id: runtimeId, worker_id: worker } }
    const url = backend.url + workerPath(worker, "/events")
    assertProblem(await get(url, { "last-event-id": "!" }), problem)
    assertProblem(await get(`${url}?cursor=!`), problem)
    assertProblem(await get(url, { "last-event-id": "a".repeat(3_000) }), problem)
  })

  it("of a worker that has ended is short", async () => {
    const worker = await create(backend.url)
    await post(backend.url + workerPath(worker, "/cancel"))
    const { ended, messages } = await read(worker, () => false)
    assert.isTrue(ended)
    assert.deepStrictEqual(names(messages), ["snapshot", "end"])
  })

  it("keeps every message on one line, whatever is said", async () => {
    const worker = await create(backend.url)
    const { messages: first } = await read(worker, count(1))
    const content = "a\nb\r\nc\u2028d\n\ndata: {}\nid: x\n\n: comment"
    await say(worker, content)
    const { messages } = await read(worker, count(6), { lastEventId: first[0]!.id! })
    assert.strictEqual(messages[3]!.frame.envelope.payload.data.text, content)
    assert.deepStrictEqual(names(messages), ["snapshot", "user_message", "status", "text_done", "run_end", "status"])
  })

  it("of HTTP/1.0 comes without chunks", async () => {
    const worker = await create(backend.url)
    await post(backend.url + workerPath(worker, "/stop"))
    const { said } = await exchange(
      backend.port,
      bytes(backend.port, `GET ${workerPath(worker, "/events")}`).replace("HTTP/1.1", "HTTP/1.0")
    )
    assert.match(said, /\r\n\r\nid: /)
    assert.match(said, /"kind":"end","status":"stopped"\}\n\n$/)
  })
})

describe("a reader that stalls", () => {
  it("does not hold up the others, and starts again from a snapshot when it comes back", async () => {
    const worker = await create(backend.url)
    const fast = await watch(backend.url + workerPath(worker, "/events/ws"))
    await fast.until(isEvent("snapshot"))
    const socket = connect(backend.port, "127.0.0.1")
    let text = ""
    let changed = () => {}
    await new Promise<void>((resolve) => {
      socket.setEncoding("utf8").on("data", (part) => {
        text += String(part)
        if (text.includes('"snapshot"')) resolve()
        changed()
      })
      socket.write(bytes(backend.port, `GET ${workerPath(worker, "/events")}`).replace("HTTP/1.1", "HTTP/1.0"))
    })
    socket.pause()
    const content = "e".repeat(1_000_000)
    await inTurn([1, 2, 3, 4, 5, 6, 7], async (turn) => {
      assert.strictEqual((await post(backend.url + workerPath(worker, "/input"), { content })).status, 200)
      await fast.until((frame) => isEvent("status")(frame) && frame.envelope.event_id === String(turn * 5 + 1))
    })
    assert.isFalse(fast.frames.some(isKind("resync")))
    const resynced = new Promise<void>((resolve) => {
      changed = () => {
        const at = text.indexOf('"kind":"resync","reason":"overflow"')
        if (at >= 0 && text.includes('"total_items":14', at)) resolve()
      }
    })
    socket.resume()
    await resynced
    socket.destroy()
    fast.socket.terminate()
  })
})
