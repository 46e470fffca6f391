/** The frames of both event streams as schemas: what a runtime says to a backend, and a backend to a browser. */
import { Schema } from "effect"
import { RuntimeId, WorkerId } from "../../src/domain/Identifiers.ts"
import { Snapshot } from "../../src/domain/Snapshot.ts"
import { knownEvents } from "../../src/domain/WorkerEvent.ts"

type Known = keyof typeof knownEvents

const eventOf = (event: Known) => Schema.Struct({ event: Schema.Literal(event), data: knownEvents[event] })

const SnapshotEvent = Schema.Struct({ event: Schema.Literal("snapshot"), data: Snapshot })

/** An event by any other name passes unchanged; a reader ignores what it does not know. */
const Payload = Schema.Union([SnapshotEvent, ...(Object.keys(knownEvents) as Array<Known>).map(eventOf)])

const Hello = Schema.Struct({
  kind: Schema.Literal("hello"),
  epoch: Schema.String,
  heartbeat_ms: Schema.Int,
  retained_events: Schema.Int,
  head: Schema.String
})
const Bookmark = Schema.Struct({ kind: Schema.Literal("bookmark"), cursor: Schema.String })
const Resync = Schema.Struct({
  kind: Schema.Literal("resync"),
  reason: Schema.Literals(["expired", "epoch_changed", "overflow", "invalid"]),
  cursor: Schema.String
})
const End = Schema.Struct({ kind: Schema.Literal("end"), status: Schema.Literals(["stopped", "cancelled"]) })
const Diagnostic = Schema.Struct({
  kind: Schema.Literal("diagnostic"),
  diagnostic: Schema.Struct({ code: Schema.String, message: Schema.String })
})

const envelope = { cursor: Schema.String, event_id: Schema.String, worker_id: WorkerId, payload: Payload }

const framesOf = <E extends Schema.Top>(name: string, Envelope: E) =>
  Schema.Union([
    Hello,
    Schema.Struct({ kind: Schema.Literal("event"), envelope: Envelope }),
    Bookmark,
    Resync,
    End,
    Diagnostic
  ]).annotate({ identifier: name })

export const RuntimeFrame = framesOf("RuntimeFrame", Schema.Struct(envelope))

/** The same, and the envelope names the runtime by the backend's alias. */
export const BackendFrame = framesOf("BackendFrame", Schema.Struct({ runtime_id: RuntimeId, ...envelope }))
