/** What a worker says while it works. Names and shapes are those of the runtime API. */
import { Schema } from "effect"
import { InputKind, PermissionRequest } from "./Worker.ts"

/** An event as it travels: known names have the shapes below, unknown names pass through unchanged. */
export const WorkerEvent = Schema.Struct({
  event: Schema.String,
  data: Schema.Record(Schema.String, Schema.Unknown)
})
export type WorkerEvent = typeof WorkerEvent.Type

export const Segment = Schema.Struct({ kind: Schema.Literal("text"), content: Schema.String })

/** The shape of `data` by event name, for documents, contracts and the executors of this product. */
export const knownEvents = {
  user_message: Schema.Struct({ segments: Schema.Array(Segment), sequence: Schema.optionalKey(Schema.Int) }),
  system_item: Schema.Struct({
    item: Schema.Struct({ content: Schema.String }),
    sequence: Schema.optionalKey(Schema.Int)
  }),
  text_delta: Schema.Struct({ text: Schema.String }),
  text_done: Schema.Struct({ text: Schema.String, sequence: Schema.optionalKey(Schema.Int) }),
  thinking_delta: Schema.Struct({ text: Schema.String }),
  thinking_done: Schema.Struct({ text: Schema.String }),
  tool_call_start: Schema.Struct({ id: Schema.String, name: Schema.String }),
  tool_call_args_delta: Schema.Struct({ id: Schema.String, json: Schema.String }),
  tool_call_done: Schema.Struct({ id: Schema.String, name: Schema.String, arguments: Schema.Unknown }),
  tool_result: Schema.Struct({
    id: Schema.String,
    summary: Schema.String,
    output: Schema.optionalKey(Schema.Unknown),
    is_error: Schema.Boolean
  }),
  usage: Schema.Struct({ input_tokens: Schema.Int, output_tokens: Schema.Int }),
  status: Schema.Struct({
    status: Schema.Literals(["idle", "running", "paused"]),
    /** The worker's state; absent from a foreign runtime. */
    state: Schema.optionalKey(Schema.String)
  }),
  run_end: Schema.Struct({ result: Schema.Literals(["finished", "paused", "limit_reached", "rolled_back"]) }),
  error: Schema.Struct({ code: Schema.String, message: Schema.String }),
  plan: Schema.Struct({
    entries: Schema.Array(Schema.Struct({ content: Schema.String, priority: Schema.String, status: Schema.String }))
  }),
  permission_request: PermissionRequest,
  permission_resolved: Schema.Struct({
    id: Schema.String,
    outcome: Schema.Literals(["selected", "cancelled", "expired"]),
    option_id: Schema.optionalKey(Schema.String)
  }),
  input_queued: Schema.Struct({
    input_id: Schema.String,
    kind: InputKind,
    content: Schema.String,
    queued_at: Schema.String
  }),
  /** `started`: its message follows. Otherwise it never became part of the transcript. */
  input_unqueued: Schema.Struct({
    input_id: Schema.String,
    reason: Schema.Literals(["started", "cancelled", "rejected", "ended"]),
    message: Schema.optionalKey(Schema.String)
  })
} as const

export type KnownEvent = {
  [K in keyof typeof knownEvents]: { readonly event: K; readonly data: (typeof knownEvents)[K]["Type"] }
}[keyof typeof knownEvents]

/**
 * Events that only show work in progress. They are never stored, repeat the cursor of the last durable event and do not
 * move the resume point. Everything else is durable.
 */
const transientEvents: ReadonlySet<string> = new Set([
  "text_delta",
  "thinking_delta",
  "tool_call_start",
  "tool_call_args_delta",
  "usage"
])

export const isDurable = (event: WorkerEvent): boolean => !transientEvents.has(event.event)

/** Types a literal event against its shape. */
export const event = (known: KnownEvent): WorkerEvent => known as WorkerEvent
