/** The frames of a worker's event stream, as they cross a boundary. */
import { Schema } from "effect"
import { Snapshot } from "./Snapshot.ts"
import { TerminalState } from "./Worker.ts"
import { WorkerEvent } from "./WorkerEvent.ts"

/** A `SourceFrame` without its `json`, which would say every event twice. */
export const FrameSchema = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("snapshot"), cursor: Schema.String, snapshot: Snapshot }),
  Schema.Struct({
    kind: Schema.Literal("event"),
    cursor: Schema.String,
    event_id: Schema.String,
    durable: Schema.Boolean,
    seq: Schema.optionalKey(Schema.Int),
    event: WorkerEvent
  }),
  Schema.Struct({ kind: Schema.Literal("bookmark"), cursor: Schema.String }),
  Schema.Struct({
    kind: Schema.Literal("resync"),
    reason: Schema.Literals(["expired", "epoch_changed", "overflow", "invalid"])
  }),
  Schema.Struct({ kind: Schema.Literal("end"), state: TerminalState })
])
