/**
 * The shapes of the runtime API as they travel. One set serves both ends: as a provider we send every member, as a
 * consumer we take a field-v1 runtime, which leaves out the optional ones and may add others (they are ignored).
 */
import { Schema } from "effect"
import { ConfigBundle, ConfigBundleSummary } from "../ConfigBundle.ts"
import { DisplayName, WorkerId } from "../Identifiers.ts"
import { ProfileSelector, TextFormat } from "../Profile.ts"
import { Capabilities } from "../Runtime.ts"
import { TranscriptRole } from "../Transcript.ts"
import { ConfigBundleReference, InputKind, InputMode, PermissionRequest, QueuedInput } from "../Worker.ts"

/** Other languages write an absent member as null. */
const orNull = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

export const WorkerStatus = Schema.Literals(["running", "stopped", "cancelled"])
export type WorkerStatus = typeof WorkerStatus.Type

/** `runtime_id` is the runtime's own name, not the backend's alias. */
export const WorkerRef = Schema.Struct({ runtime_id: Schema.String, worker_id: WorkerId })

export const RunState = Schema.Literals(["idle", "busy", "rejected", "errored", "stopped", "unconnected"])
export type RunState = typeof RunState.Type

export const LastResult = Schema.Struct({
  operation: Schema.Literals(["spawn", "input", "stop", "cancel"]),
  outcome: Schema.Literals(["accepted", "busy", "rejected", "errored", "unsupported"]),
  run_state: RunState,
  message: orNull(Schema.String)
})

export const Execution = Schema.Struct({
  backend: Schema.Literals(["connected", "stale", "unconnected"]),
  run_state: RunState,
  binding: orNull(Schema.Struct({ backend_id: Schema.String })),
  last_result: orNull(LastResult),
  /** Ours: why the worker is `errored` or `stale`. */
  reason: orNull(Schema.String)
})
export type Execution = typeof Execution.Type

/** A selector as a foreign runtime may name it: its values need not fit our grammar. */
export const AnyProfileSelector = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("runtime_default") }),
  Schema.Struct({ kind: Schema.Literals(["builtin", "named"]), value: Schema.String })
])

export const Worker = Schema.Struct({
  worker_ref: WorkerRef,
  runtime_id: Schema.String,
  worker_id: WorkerId,
  status: WorkerStatus,
  execution: Execution,
  profile: AnyProfileSelector,
  /** Ours: how its text is to be shown; absent = as Markdown. */
  text_format: orNull(TextFormat),
  config_bundle: orNull(Schema.Struct({ id: Schema.String, digest: Schema.String })),
  transcript_len: Schema.Int,
  last_event_id: Schema.Int,
  /** Ours: inputs that wait, the next one first, each by its beginning. */
  queued_inputs: orNull(Schema.Array(QueuedInput)),
  /** Ours: what the turn waits for a person to decide. */
  permission_requests: orNull(Schema.Array(PermissionRequest)),
  display_name: orNull(Schema.String),
  created_at: orNull(Schema.String),
  updated_at: orNull(Schema.String)
}).annotate({ identifier: "Worker" })
export type Worker = typeof Worker.Type

export const Runtime = Schema.Struct({
  runtime_id: Schema.String,
  display_name: orNull(Schema.String),
  backend: Schema.String,
  status: Schema.Literals(["running", "stopped"]),
  worker_count: Schema.Int,
  active_worker_count: Schema.Int,
  stopped_worker_count: Schema.Int,
  cancelled_worker_count: Schema.Int,
  diagnostic_count: Schema.Int,
  limits: Schema.Struct({ max_transcript_projection_items: Schema.Int, max_event_batch_items: Schema.Int }),
  worker_creation_available: Schema.Boolean,
  version: orNull(Schema.String),
  epoch: orNull(Schema.String),
  capabilities: orNull(Capabilities),
  profiles: orNull(
    Schema.Array(
      Schema.Struct({
        selector: AnyProfileSelector,
        label: Schema.String,
        description: Schema.String,
        /** Ours: how the text of its workers is to be shown. */
        text_format: Schema.optionalKey(TextFormat),
        /** Ours: why no worker of it can be created now. */
        unavailable: Schema.optionalKey(Schema.String)
      })
    )
  )
}).annotate({ identifier: "Runtime" })
export type Runtime = typeof Runtime.Type

export const TranscriptItem = Schema.Struct({
  sequence: Schema.Int,
  worker_ref: WorkerRef,
  role: TranscriptRole,
  content: Schema.String,
  event_id: Schema.Int
})

export const Transcript = Schema.Struct({
  worker_ref: WorkerRef,
  start: Schema.Int,
  limit: Schema.Int,
  total_items: Schema.Int,
  next_start: orNull(Schema.Int),
  items: Schema.Array(TranscriptItem)
}).annotate({ identifier: "Transcript" })
export type Transcript = typeof Transcript.Type

const ack = {
  worker_ref: WorkerRef,
  status: WorkerStatus,
  event_id: Schema.Int,
  /** Ours: how the worker's executor is now. */
  run_state: orNull(RunState)
}
export const Ack = Schema.Struct(ack).annotate({ identifier: "Ack" })
export type Ack = typeof Ack.Type
/** Where an input waits; 1 = the next one. */
export const Queued = Schema.Struct({ input_id: Schema.String, position: Schema.Int })
export const InputAck = Schema.Struct({
  ...ack,
  /** 0 for an input that waits. */
  transcript_sequence: Schema.Int,
  queued: orNull(Queued)
}).annotate({ identifier: "InputAck" })
export type InputAck = typeof InputAck.Type

/** The body of `POST /v1/workers`. `initial_input` of a kind other than `user` is refused by the engine. */
export const CreateWorker = Schema.Struct({
  profile: orNull(ProfileSelector),
  config_bundle: orNull(ConfigBundleReference),
  initial_input: orNull(Schema.Struct({ kind: InputKind, content: Schema.String })),
  display_name: orNull(DisplayName),
  worker_id: orNull(WorkerId)
}).annotate({ identifier: "CreateWorker" })
export type CreateWorker = typeof CreateWorker.Type

export const Input = Schema.Struct({
  kind: InputKind,
  content: Schema.String,
  mode: orNull(InputMode)
}).annotate({ identifier: "Input" })

/** The answer to a permission request. */
export const Permit = Schema.Struct({
  option_id: Schema.String.check(Schema.isBetweenLength(1, 500))
}).annotate({ identifier: "Permit" })

/** The longest reason that is taken, in UTF-16 units. */
export const maxReasonLength = 1_000

/** What stop, cancel and interrupt take: no body at all, or a reason. */
export const Reason = [
  Schema.Null,
  Schema.Struct({ reason: orNull(Schema.String.check(Schema.isMaxLength(maxReasonLength))) })
] as const

export const Availability = Schema.Struct({
  reference: Schema.Struct({ id: Schema.String, digest: Schema.String }),
  summary: ConfigBundleSummary
}).annotate({ identifier: "Availability" })

export const RuntimeAnswer = Schema.Struct({ runtime: Runtime })
export const WorkerAnswer = Schema.Struct({ worker: Worker })
export const WorkersAnswer = Schema.Struct({ workers: Schema.Array(Worker), next_cursor: orNull(Schema.String) })
export const AckAnswer = Schema.Struct({ ack: Ack })
export const InputAckAnswer = Schema.Struct({ ack: InputAck })
export const TranscriptAnswer = Schema.Struct({ transcript: Transcript })
export const BundlesAnswer = Schema.Struct({ bundles: Schema.Array(ConfigBundleSummary) })
export const AvailabilityAnswer = Schema.Struct({ availability: Availability })
export const PutBundle = Schema.Struct({ bundle: ConfigBundle })

/** Any failure. Field v1 sends `code` and `message` only. */
export const ErrorBody = Schema.Struct({
  error: Schema.Struct({
    code: Schema.String,
    message: Schema.String,
    retryable: Schema.optionalKey(Schema.Boolean),
    details: orNull(Schema.Record(Schema.String, Schema.Unknown))
  })
}).annotate({ identifier: "Error" })
export type ErrorBody = typeof ErrorBody.Type
