/** The frames of the backend's event socket that the web page relies on, read by the page's own socket. */
import assert from "node:assert/strict"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"
import { openEvents, subprotocol } from "../../svelte-ui/src/lib/api/events.ts"
import type { Frame } from "../../svelte-ui/src/lib/api/wire.ts"
import { type Case, frameCase } from "./Case.ts"
import { int, text, words } from "./matchers.ts"
import { between } from "./uiCases.ts"
import { runtimeId, workerId } from "./uiShapes.ts"

declare global {
  /** The page reads it. */
  var location: { readonly href: string }
}

/** What the page's socket makes of a frame that a server on a real port sends. */
const received = async (frame: string): Promise<Frame> => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: () => subprotocol })
  await new Promise((resolve) => server.once("listening", resolve))
  server.on("connection", (socket) => socket.send(frame))
  const { port } = server.address() as AddressInfo
  // The page connects to where it came from.
  Object.assign(globalThis, { location: { href: `http://127.0.0.1:${port}/` } })
  try {
    return await new Promise<Frame>((resolve, reject) => {
      const socket = openEvents(runtimeId, workerId, undefined, {
        onopen: () => {},
        onframe: (read) => {
          socket.close()
          resolve(read)
        },
        onclose: (code) => reject(new Error(`The page closed the socket with ${code}.`))
      })
    })
  } finally {
    Reflect.deleteProperty(globalThis, "location")
    for (const client of server.clients) client.terminate()
    await new Promise((resolve) => void server.close(resolve))
  }
}

const plain = (given: string, name: string, content: { readonly kind: string }) =>
  frameCase(between, { given, name, content }, async (frame) => {
    assert.equal((await received(frame)).kind, content.kind)
  })

const event = (given: string, event: string, data: object) =>
  plain(given, `the event ${event}`, {
    kind: "event",
    envelope: {
      cursor: text("e1.3"),
      event_id: text("3"),
      runtime_id: text(runtimeId),
      worker_id: text(workerId),
      payload: { event, data }
    }
  } as { readonly kind: string })

const spoken = "a worker that answers"
const statuses = words("idle", "running", "paused")

export const uiFrameCases: ReadonlyArray<Case> = [
  plain(spoken, "the greeting", {
    kind: "hello",
    epoch: text("e1"),
    heartbeat_ms: int(15_000),
    retained_events: int(10_000),
    head: text("e1.2")
  } as { readonly kind: string }),
  event("an idle worker", "snapshot", {
    status: statuses,
    state: text("idle"),
    transcript: { start: int(0), total_items: int(0), items: [] },
    in_flight: null,
    as_of: text("1")
  }),
  event(spoken, "user_message", { segments: [{ kind: "text", content: text("hello") }] }),
  event(spoken, "text_delta", { text: text("he") }),
  event(spoken, "text_done", { text: text("hello") }),
  event(spoken, "status", { status: statuses }),
  event(spoken, "run_end", { result: words("finished", "paused", "limit_reached", "rolled_back") }),
  plain("a stopped worker", "the end of the stream", {
    kind: "end",
    status: words("stopped", "cancelled")
  } as { readonly kind: string })
]
