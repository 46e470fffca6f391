/** The frames of a worker's event stream that the backend relies on, read by the reader of its remote source. */
import { Effect, Stream } from "effect"
import assert from "node:assert/strict"
import * as CurrentFrames from "../../src/adapters/remote-http/CurrentFrames.ts"
import { WorkerId } from "../../src/domain/Identifiers.ts"
import type { SourceFrame } from "../../src/domain/RuntimeSource.ts"
import { type Case, frameCase } from "./Case.ts"
import { bool, int, matching, some, text, words } from "./matchers.ts"
import { between } from "./runtimeCall.ts"
import { item, permission, queued, workerId } from "./runtimeShapes.ts"

const hello = {
  kind: "hello",
  epoch: text("e1"),
  heartbeat_ms: int(15_000),
  retained_events: int(10_000),
  head: text("e1.2")
}
const greeting = JSON.stringify({
  kind: "hello",
  epoch: "e1",
  heartbeat_ms: 15_000,
  retained_events: 10_000,
  head: "e1.2"
})

/** What the source makes of the frames that follow the greeting. */
const firstOf = (...sent: ReadonlyArray<string>): SourceFrame | undefined =>
  Effect.runSync(
    Stream.runHead(
      CurrentFrames.frames(WorkerId.make(workerId), { take: Effect.succeed([greeting, ...sent]) }).pipe(Stream.take(1))
    ).pipe(Effect.map((head) => (head._tag === "Some" ? head.value : undefined)))
  )

const durable = matching("^(0|[1-9][0-9]*)$", "3")
const transient = matching(String.raw`^(0|[1-9][0-9]*)\.[1-9][0-9]*$`, "3.1")

const eventFrame = (event: string, data: object, event_id: unknown = durable) => ({
  kind: "event",
  envelope: { cursor: text("e1.3"), event_id, worker_id: text(workerId), payload: { event, data } }
})

const isRead = (frame: string, event: string) => {
  const read = firstOf(frame)
  assert.equal(read?.kind, event === "snapshot" ? "snapshot" : "event")
  if (read?.kind === "event") assert.equal(read.event.event, event)
}

const event = (given: string, event: string, data: object, event_id?: unknown, name = `the event ${event}`) =>
  frameCase(between, { given, name, content: eventFrame(event, data, event_id) }, (frame) => isRead(frame, event))

const plain = (given: string, name: string, content: object, kind: SourceFrame["kind"]) =>
  frameCase(between, { given, name, content }, (frame) => assert.equal(firstOf(frame)?.kind, kind))

/** A message of a stream of server-sent events: its id is the cursor, and its data a frame. */
const message = (given: string, name: string, content: object, kind: SourceFrame["kind"]) =>
  frameCase(between, { given, name, content }, (said) => {
    assert.equal(firstOf(JSON.stringify((JSON.parse(said) as { readonly data: unknown }).data))?.kind, kind)
  })

const spoken = "a worker that answers"
const tooled = "a worker that uses a tool"
const thinking = "a worker that thinks aloud"
const statuses = words("idle", "running", "paused")
const end = { kind: "end", status: words("stopped", "cancelled") }

const snapshot = (more: object = {}) => ({
  status: statuses,
  state: text("idle"),
  transcript: { start: int(0), total_items: int(0), items: [] },
  in_flight: null,
  as_of: durable,
  ...more
})

/** What grows in a turn besides text. */
const turnCases: ReadonlyArray<Case> = [
  event("a worker that hears from the system", "system_item", { item: { content: text("hello") } }),
  event(thinking, "thinking_delta", { text: text("hm") }, transient),
  event(thinking, "thinking_done", { text: text("hmm") }),
  event(thinking, "plan", {
    entries: some({ content: text("Look"), priority: text("high"), status: text("in_progress") })
  }),
  event(tooled, "tool_call_start", { id: text("call-1"), name: text("look") }, transient),
  event(tooled, "tool_call_args_delta", { id: text("call-1"), json: text("{") }, transient),
  event(tooled, "tool_call_done", { id: text("call-1"), name: text("look"), arguments: {} }),
  event(tooled, "tool_result", { id: text("call-1"), summary: text("Found."), is_error: bool(false) }),
  event(tooled, "usage", { input_tokens: int(12), output_tokens: int(3) }, transient),
  event("a worker whose turn fails", "error", { code: text("failed"), message: text("In words.") })
]

const spokenOf = { start: int(0), total_items: int(1), items: some(item) }

/** What is told of a turn that is steered. */
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
    durable,
    "the snapshot of a worker with a waiting input"
  ),
  event(
    "a worker that asks for permission",
    "snapshot",
    snapshot({ transcript: spokenOf, permission_requests: some(permission) }),
    durable,
    "the snapshot of a worker that asks for permission"
  )
]

export const frameCases: ReadonlyArray<Case> = [
  frameCase(between, { given: spoken, name: "the greeting", content: hello }, (frame) => {
    const seen = Effect.runSync(
      Stream.runHead(
        CurrentFrames.frames(WorkerId.make(workerId), {
          take: Effect.succeed([frame, JSON.stringify({ kind: "bookmark", cursor: "e1.2" })])
        })
      )
    )
    assert.equal(seen._tag, "Some")
  }),
  event("an idle worker", "snapshot", snapshot()),
  event(spoken, "user_message", { segments: [{ kind: "text", content: text("hello") }] }),
  event(spoken, "text_delta", { text: text("he") }, transient),
  event(spoken, "text_done", { text: text("hello") }),
  event(spoken, "status", { status: statuses }),
  event(spoken, "run_end", { result: words("finished", "paused", "limit_reached", "rolled_back") }),
  ...turnCases,
  ...steeringCases,
  plain("a stopped worker", "the end of the stream", end, "end"),
  plain(
    "an idle worker that is watched from a cursor of another log",
    "a resync",
    { kind: "resync", reason: words("epoch_changed", "expired", "overflow", "invalid"), cursor: text("e1.2") },
    "resync"
  ),
  plain(
    "an idle worker that is watched for a while",
    "a bookmark",
    { kind: "bookmark", cursor: text("e1.2") },
    "bookmark"
  ),
  frameCase(
    between,
    {
      given: "an idle worker whose watcher speaks",
      name: "a diagnostic",
      content: {
        kind: "diagnostic",
        diagnostic: {
          code: matching(String.raw`^runtime\.[a-z_]+$`, "runtime.observation_only"),
          message: text("In words.")
        }
      }
    },
    // Nothing for the backend to do: what follows is read all the same.
    (frame) => assert.equal(firstOf(frame, JSON.stringify({ kind: "bookmark", cursor: "e1.2" }))?.kind, "bookmark")
  ),
  message(
    "a stopped worker",
    "a server-sent event with the snapshot",
    { id: text("e1.3"), data: eventFrame("snapshot", snapshot({ state: text("stopped") })) },
    "snapshot"
  ),
  message("a stopped worker", "a server-sent event with the end", { data: end }, "end")
]
