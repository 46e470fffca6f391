/** The frames of a worker's event stream that the backend relies on, read by the reader of its remote source. */
import { Effect, Stream } from "effect"
import assert from "node:assert/strict"
import * as CurrentFrames from "../../src/adapters/remote-http/CurrentFrames.ts"
import { WorkerId } from "../../src/domain/Identifiers.ts"
import type { SourceFrame } from "../../src/domain/RuntimeSource.ts"
import { type Case, frameCase } from "./Case.ts"
import { int, matching, text, words } from "./matchers.ts"
import { between } from "./runtimeCases.ts"
import { workerId } from "./runtimeShapes.ts"

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

/** What the source makes of a frame that follows the greeting. */
const firstOf = (frame: string): SourceFrame | undefined =>
  Effect.runSync(
    Stream.runHead(
      CurrentFrames.frames(WorkerId.make(workerId), { take: Effect.succeed([greeting, frame]) }).pipe(Stream.take(1))
    ).pipe(Effect.map((head) => (head._tag === "Some" ? head.value : undefined)))
  )

const durable = matching("^(0|[1-9][0-9]*)$", "3")
const transient = matching(String.raw`^(0|[1-9][0-9]*)\.[1-9][0-9]*$`, "3.1")

const event = (given: string, event: string, data: object, event_id: unknown = durable) =>
  frameCase(
    between,
    {
      given,
      name: `the event ${event}`,
      content: {
        kind: "event",
        envelope: { cursor: text("e1.3"), event_id, worker_id: text(workerId), payload: { event, data } }
      }
    },
    (frame) => {
      const read = firstOf(frame)
      assert.equal(read?.kind, event === "snapshot" ? "snapshot" : "event")
      if (read?.kind === "event") assert.equal(read.event.event, event)
    }
  )

const plain = (given: string, name: string, content: object, kind: SourceFrame["kind"]) =>
  frameCase(between, { given, name, content }, (frame) => assert.equal(firstOf(frame)?.kind, kind))

const spoken = "a worker that answers"
const statuses = words("idle", "running", "paused")

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
  event("an idle worker", "snapshot", {
    status: statuses,
    state: text("idle"),
    transcript: { start: int(0), total_items: int(0), items: [] },
    in_flight: null,
    as_of: durable
  }),
  event(spoken, "user_message", { segments: [{ kind: "text", content: text("hello") }] }),
  event(spoken, "text_delta", { text: text("he") }, transient),
  event(spoken, "text_done", { text: text("hello") }),
  event(spoken, "status", { status: statuses }),
  event(spoken, "run_end", { result: words("finished", "paused", "limit_reached", "rolled_back") }),
  plain("a stopped worker", "the end of the stream", { kind: "end", status: words("stopped", "cancelled") }, "end"),
  plain(
    "an idle worker that is watched from a cursor of another log",
    "a resync",
    { kind: "resync", reason: words("epoch_changed", "expired", "overflow", "invalid"), cursor: text("e1.2") },
    "resync"
  )
]
