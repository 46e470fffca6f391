/** What the backend shows to browsers, the CLI and scripts, and how the domain becomes it. */
import { Schema } from "effect"
import { Diagnostic } from "../Diagnostic.ts"
import { DisplayName, RuntimeId, WorkerId } from "../Identifiers.ts"
import * as Profile from "../Profile.ts"
import { Capabilities, Facts, RuntimeStatus } from "../Runtime.ts"
import { TranscriptItem, TranscriptPage } from "../Transcript.ts"
import {
  type Ack,
  type InputAck,
  InputKind,
  InputMode,
  PermissionRequest,
  QueuedInput,
  previewed,
  type Worker,
  WorkerState
} from "../Worker.ts"
import { ProblemDetails } from "./ProblemDetails.ts"

export const RuntimeView = Schema.Struct({
  runtime_id: RuntimeId,
  display_name: Schema.String,
  kind: Schema.String,
  built_in: Schema.Boolean,
  status: RuntimeStatus,
  capabilities: Capabilities,
  /** When the runtime last described itself; its capabilities are as of then. */
  described_at: Schema.NullOr(Schema.String),
  worker_count: Schema.NullOr(Schema.Int),
  last_seen_at: Schema.NullOr(Schema.String),
  facts: Facts,
  /** `open`: calls are paused after repeated failures. */
  circuit: Schema.Literals(["closed", "open", "half_open"]),
  diagnostics: Schema.Array(Diagnostic)
}).annotate({ identifier: "Runtime" })
export type RuntimeView = typeof RuntimeView.Type

export const WorkerView = Schema.Struct({
  runtime_id: RuntimeId,
  worker_id: WorkerId,
  display_name: Schema.String,
  /** `builtin:echo`, `named:reviewer` or `runtime_default`. */
  profile: Schema.String,
  /** How its text is to be shown; absent = as Markdown. */
  text_format: Schema.optionalKey(Profile.TextFormat),
  state: WorkerState,
  kind: Schema.String,
  transcript_len: Schema.Int,
  /** Inputs that wait, the next one first, each cut to its first 200 characters; absent when none does. */
  queued_inputs: Schema.optionalKey(Schema.Array(QueuedInput)),
  /** What the turn waits for a person to decide; absent when nothing is open. */
  permission_requests: Schema.optionalKey(Schema.Array(PermissionRequest)),
  created_at: Schema.optionalKey(Schema.String),
  updated_at: Schema.optionalKey(Schema.String),
  diagnostics: Schema.Array(Diagnostic)
}).annotate({ identifier: "Worker" })
export type WorkerView = typeof WorkerView.Type

export const toWorkerView = (worker: Worker, kind: string): WorkerView => ({
  runtime_id: worker.runtime_id,
  worker_id: worker.worker_id,
  display_name: worker.display_name,
  profile: Profile.format(worker.profile),
  ...(worker.text_format === undefined ? undefined : { text_format: worker.text_format }),
  state: worker.state,
  kind,
  transcript_len: worker.transcript_len,
  ...(worker.queued_inputs === undefined ? undefined : { queued_inputs: worker.queued_inputs.map(previewed) }),
  ...(worker.permission_requests === undefined ? undefined : { permission_requests: worker.permission_requests }),
  ...(worker.created_at === undefined ? undefined : { created_at: worker.created_at }),
  ...(worker.updated_at === undefined ? undefined : { updated_at: worker.updated_at }),
  diagnostics:
    worker.state_reason === undefined || (worker.state !== "errored" && worker.state !== "stale")
      ? []
      : [{ code: `worker_${worker.state}`, severity: "error", message: worker.state_reason }]
})

const ProfileText = Schema.String.check(
  Schema.isPattern(/^(runtime_default|(builtin|named):[A-Za-z0-9][A-Za-z0-9._-]{0,95})$/)
)

export const CreateWorkerBody = Schema.Struct({
  display_name: Schema.optionalKey(DisplayName),
  profile: Schema.optionalKey(ProfileText),
  initial_input: Schema.optionalKey(Schema.Struct({ kind: InputKind, content: Schema.String }))
}).annotate({ identifier: "CreateWorker" })

export const InputBody = Schema.Struct({
  kind: Schema.optionalKey(Schema.Literal("user")),
  content: Schema.String,
  mode: Schema.optionalKey(InputMode)
}).annotate({ identifier: "Input" })

export const PermitBody = Schema.Struct({
  option_id: Schema.String.check(Schema.isBetweenLength(1, 500))
}).annotate({ identifier: "Permit" })

/** The body may be left out: the builder reads an empty body as null. */
export const EndBody = [
  Schema.Struct({ reason: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1_000))) }),
  Schema.Null
] as const

const ack = { runtime_id: RuntimeId, worker_id: WorkerId, state: WorkerState, event_id: Schema.Int }
export const AckView = Schema.Struct(ack).annotate({ identifier: "Ack" })
export const InputAckView = Schema.Struct({
  ...ack,
  transcript_sequence: Schema.Int,
  queued: Schema.optionalKey(Schema.Struct({ input_id: Schema.String, position: Schema.Int }))
}).annotate({ identifier: "InputAck" })

export const toAckView = (it: Ack): typeof AckView.Type => ({
  runtime_id: it.runtime_id,
  worker_id: it.worker_id,
  state: it.state,
  event_id: it.event_id
})
export const toInputAckView = (it: InputAck): typeof InputAckView.Type => ({
  ...toAckView(it),
  transcript_sequence: it.transcript_sequence,
  ...(it.queued === undefined ? undefined : { queued: it.queued })
})

export const TranscriptView = Schema.Struct({
  runtime_id: RuntimeId,
  worker_id: WorkerId,
  ...TranscriptPage.fields,
  items: Schema.Array(TranscriptItem)
}).annotate({ identifier: "Transcript" })

/** How one runtime answered a question that went to all. */
export const SourceOutcome = Schema.Struct({
  runtime_id: RuntimeId,
  state: Schema.Literals(["ok", "failed"]),
  problem: Schema.optionalKey(ProblemDetails)
})

export const WorkerListView = Schema.Struct({
  items: Schema.Array(WorkerView),
  sources: Schema.Array(SourceOutcome),
  next_cursor: Schema.NullOr(Schema.String)
})
export type WorkerListView = typeof WorkerListView.Type

export const LaunchOptions = Schema.Struct({
  runtimes: Schema.Array(
    Schema.Struct({
      runtime_id: RuntimeId,
      display_name: Schema.String,
      built_in: Schema.Boolean,
      can_create: Schema.Boolean,
      status: RuntimeStatus,
      diagnostics: Schema.Array(Diagnostic),
      /** Ids of the profiles that this runtime offers. */
      profiles: Schema.Array(Schema.String)
    })
  ),
  profiles: Schema.Array(Schema.Struct({ id: Schema.String, label: Schema.String, description: Schema.String }))
})
export type LaunchOptions = typeof LaunchOptions.Type
