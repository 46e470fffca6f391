/** A worker's live events as server-sent events: the same log, and the id of a message is the cursor. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { durableIds, type Frame, isEvent } from "./eventClient.ts"
import { eventually, type RuntimeProcess, start } from "./runtimeProcess.ts"

let runtime: RuntimeProcess

beforeAll(async () => {
  runtime = await start()
}, 30_000)
afterAll(() => runtime.stop())

interface Message {
  readonly id: string | undefined
  readonly frame: Frame
}

/** Reads messages until one satisfies, or the stream ends. */
const read = async (
  path: string,
  headers: Readonly<Record<string, string>> = {},
  until: (frame: Frame) => boolean = () => false
) => {
  const abort = new AbortController()
  const response = await fetch(runtime.url + path, { headers, signal: abort.signal })
  const messages: Array<Message> = []
  let text = ""
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    text += part
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n")
      text = text.slice(end + 2)
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      const data = field("data")
      if (data === undefined) continue
      const frame = JSON.parse(data)
      messages.push({ id: field("id"), frame })
      if (!until(frame)) continue
      abort.abort()
      return { response, messages }
    }
  }
  return { response, messages }
}

const create = async (content: string): Promise<string> => {
  const body = { initial_input: { kind: "user", content } }
  const { worker_id } = (await runtime.call("POST", "/v1/workers", body)).body.worker
  await eventually(
    () => runtime.call("GET", `/v1/workers/${worker_id}`),
    ({ body }) => body.worker.execution.run_state === "idle"
  )
  return worker_id
}

describe("server-sent events", () => {
  it("begin with a snapshot, go on live and end with the worker", async () => {
    const worker_id = await create("hello")
    const reading = read(`/v1/workers/${worker_id}/events`)
    await runtime.call("POST", `/v1/workers/${worker_id}/input`, { kind: "user", content: "more" })
    await eventually(
      () => runtime.call("GET", `/v1/workers/${worker_id}`),
      ({ body }) => body.worker.execution.run_state === "idle"
    )
    await runtime.call("POST", `/v1/workers/${worker_id}/stop`)
    const { messages, response } = await reading
    assert.strictEqual(response.headers.get("content-type"), "text/event-stream")
    assert.strictEqual(response.headers.get("cache-control"), "no-store")
    const [first] = messages
    assert.strictEqual(first!.frame.envelope.payload.event, "snapshot")
    assert.strictEqual(first!.id, first!.frame.envelope.cursor)
    for (const { frame, id } of messages) if (frame.kind === "event") assert.strictEqual(id, frame.envelope.cursor)
    assert.deepStrictEqual(messages.at(-1)!.frame, { kind: "end", status: "stopped" })
  })

  it("go on from Last-Event-ID, which wins over the address", async () => {
    const worker_id = await create("hello")
    await runtime.call("POST", `/v1/workers/${worker_id}/stop`)
    const whole = await read(`/v1/workers/${worker_id}/events`)
    const epoch = whole.messages[0]!.id!.split(".")[0]
    const { last_event_id } = (await runtime.call("GET", `/v1/workers/${worker_id}`)).body.worker
    const { messages } = await read(`/v1/workers/${worker_id}/events?cursor=${epoch}.1`, {
      "last-event-id": `${epoch}.3`
    })
    assert.strictEqual(messages[0]!.id, `${epoch}.3`)
    assert.deepStrictEqual(
      durableIds(messages.map(({ frame }) => frame)),
      Array.from({ length: last_event_id - 3 }, (_, index) => index + 4)
    )
    const fromAddress = await read(`/v1/workers/${worker_id}/events?cursor=${epoch}.1`)
    assert.strictEqual(durableIds(fromAddress.messages.map(({ frame }) => frame))[0], 2)
  })

  it("begin afresh with a resync when the cursor is of another log", async () => {
    const worker_id = await create("hello")
    const { messages } = await read(
      `/v1/workers/${worker_id}/events`,
      { "last-event-id": "0123456789abcdef.1" },
      isEvent("snapshot")
    )
    const [resync, snapshot] = messages
    assert.deepInclude(resync!.frame, { kind: "resync", reason: "epoch_changed" })
    assert.strictEqual(resync!.id, snapshot!.id)
    assert.strictEqual(resync!.frame.cursor, snapshot!.id)
  })
})
