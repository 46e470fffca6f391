/** The frames of the backend's event socket that the web page relies on, read by the page's own socket. */
import assert from "node:assert/strict"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"
import { openEvents, subprotocol } from "../../svelte-ui/src/lib/api/events.ts"
import type { Frame } from "../../svelte-ui/src/lib/api/wire.ts"
import { type Case, frameCase } from "./Case.ts"
import { bool, int, matching, some, text, words } from "./matchers.ts"
import { between } from "./uiCall.ts"
import { item, permission, queued, runtimeId, workerId } from "./uiShapes.ts"

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

const event = (given: string, event: string, data: object, name = `the event ${event}`) =>
  plain(given, name, {
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
const tooled = "a worker that uses a tool"
const thinking = "a worker that thinks aloud"
const statuses = words("idle", "running", "paused")

const snapshot = (more: object = {}) => ({
  status: statuses,
  state: text("idle"),
  transcript: { start: int(0), total_items: int(0), items: [] },
  in_flight: null,
  as_of: text("1"),
  ...more
})
const spokenOf = { start: int(0), total_items: int(1), items: some(item) }

const streamCases: ReadonlyArray<Case> = [
  plain(spoken, "the greeting", {
    kind: "hello",
    epoch: text("e1"),
    heartbeat_ms: int(15_000),
    retained_events: int(10_000),
    head: text("e1.2")
  } as { readonly kind: string }),
  plain("a stopped worker", "the end of the stream", {
    kind: "end",
    status: words("stopped", "cancelled")
  } as { readonly kind: string }),
  plain("an idle worker that is watched from a cursor of another log", "a resync", {
    kind: "resync",
    reason: words("epoch_changed", "expired", "overflow", "invalid"),
    cursor: text("e1.2")
  } as { readonly kind: string }),
  plain("an idle worker that is watched for a while", "a bookmark", { kind: "bookmark", cursor: text("e1.2") } as {
    readonly kind: string
  }),
  plain("an idle worker whose watcher speaks", "a diagnostic", {
    kind: "diagnostic",
    diagnostic: {
      code: matching(String.raw`^backend\.[a-z_]+$`, "backend.observation_only"),
      message: text("In words.")
    }
  } as { readonly kind: string })
]

const turnCases: ReadonlyArray<Case> = [
  event("an idle worker", "snapshot", snapshot()),
  event(spoken, "user_message", { segments: [{ kind: "text", content: text("hello") }] }),
  event(spoken, "text_delta", { text: text("he") }),
  event(spoken, "text_done", { text: text("hello") }),
  event(spoken, "status", { status: statuses }),
  event(spoken, "run_end", { result: words("finished", "paused", "limit_reached", "rolled_back") }),
  event(thinking, "thinking_delta", { text: text("hm") }),
  event(thinking, "thinking_done", { text: text("hmm") }),
  event(thinking, "plan", {
    entries: some({ content: text("Look"), priority: text("high"), status: text("in_progress") })
  }),
  event(tooled, "tool_call_start", { id: text("call-1"), name: text("look") }),
  event(tooled, "tool_call_args_delta", { id: text("call-1"), json: text("{") }),
  event(tooled, "tool_call_done", { id: text("call-1"), name: text("look"), arguments: {} }),
  event(tooled, "tool_result", { id: text("call-1"), summary: text("Found."), is_error: bool(false) }),
  event(tooled, "usage", { input_tokens: int(12), output_tokens: int(3) }),
  event("a worker whose turn fails", "error", { code: text("failed"), message: text("In words.") })
]

const steeringCases: ReadonlyArray<Case> = [
  event("a worker that is about to ask for permission", "permission_request", permission),
  event("a worker whose permission request is answered", "permission_resolved", {
    id: permission.id,
    outcome: words("selected", "cancelled", "expired"),
    option_id: text("yes")
  }),
  event("a busy worker that gets an input to wait", "input_queued", queued),
  event("a busy worker whose waiting input is taken back", "input_unqueued", {
    input_id: queued.input_id,
    reason: words("cancelled", "started", "rejected", "ended")
  }),
  event(
    "a busy worker with a waiting input",
    "snapshot",
    snapshot({ transcript: spokenOf, queued_inputs: some(queued) }),
    "the snapshot of a worker with a waiting input"
  ),
  event(
    "a worker that asks for permission",
    "snapshot",
    snapshot({ transcript: spokenOf, permission_requests: some(permission) }),
    "the snapshot of a worker that asks for permission"
  )
]

export const uiFrameCases: ReadonlyArray<Case> = [...streamCases, ...turnCases, ...steeringCases]
