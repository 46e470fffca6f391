/** The port `RuntimeSource` as remote procedures, one by one: what a source's host serves and the backend calls. */
import { Schema } from "effect"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import { ConfigBundle, ConfigBundleSummary } from "../../domain/ConfigBundle.ts"
import { IdempotencyKey, RuntimeId, WorkerId } from "../../domain/Identifiers.ts"
import { Profile, ProfileSelector } from "../../domain/Profile.ts"
import { Capabilities } from "../../domain/Runtime.ts"
import { TranscriptPage } from "../../domain/Transcript.ts"
import { ConfigBundleReference, InputMode, Worker, WorkerInput, WorkerState } from "../../domain/Worker.ts"
import { FrameSchema } from "../../domain/FrameSchema.ts"
import { ProblemSchema } from "./ProblemSchema.ts"

const RuntimeDescription = Schema.Struct({
  runtime_id: Schema.String,
  display_name: Schema.NullOr(Schema.String),
  status: Schema.Literals(["running", "stopped"]),
  capabilities: Schema.UndefinedOr(Capabilities),
  worker_count: Schema.Int,
  worker_creation_available: Schema.Boolean,
  profiles: Schema.Array(Profile),
  max_transcript_items: Schema.Int,
  version: Schema.optionalKey(Schema.String),
  epoch: Schema.optionalKey(Schema.String)
})

/** What a caller asks for is the source's to refuse: ids, numbers and cursors pass as they are. */
const AskedId = Schema.String.pipe(Schema.brand("WorkerId"))

const ListQuery = Schema.Struct({
  state: Schema.optionalKey(WorkerState),
  limit: Schema.optionalKey(Schema.Number),
  cursor: Schema.optionalKey(Schema.String)
})

const TranscriptQuery = Schema.Struct({
  start: Schema.optionalKey(Schema.Number),
  limit: Schema.optionalKey(Schema.Number)
})

const CreateWorker = Schema.Struct({
  profile: Schema.optionalKey(ProfileSelector),
  config_bundle: Schema.optionalKey(ConfigBundleReference),
  initial_input: Schema.optionalKey(WorkerInput),
  display_name: Schema.optionalKey(Schema.String),
  worker_id: Schema.optionalKey(AskedId)
})

const InputRequest = Schema.Struct({ ...WorkerInput.fields, mode: Schema.optionalKey(InputMode) })

const CommandOptions = Schema.Struct({ idempotency_key: Schema.optionalKey(IdempotencyKey) })

const ack = { runtime_id: RuntimeId, worker_id: WorkerId, state: WorkerState, event_id: Schema.Int }
const Ack = Schema.Struct(ack)
const InputAck = Schema.Struct({
  ...ack,
  transcript_sequence: Schema.Int,
  queued: Schema.optionalKey(Schema.Struct({ input_id: Schema.String, position: Schema.Int }))
})

const replayable = <S extends Schema.Top>(answer: S) => Schema.Struct({ answer, replayed: Schema.Boolean })

const BundleAvailability = Schema.Struct({ reference: ConfigBundleReference, summary: ConfigBundleSummary })

const End = { worker_id: AskedId, reason: Schema.UndefinedOr(Schema.String), options: CommandOptions }

const error = ProblemSchema

export const SourceRpcs = RpcGroup.make(
  Rpc.make("describe", { success: RuntimeDescription, error }),
  Rpc.make("list", {
    payload: { query: ListQuery },
    success: Schema.Struct({ items: Schema.Array(Worker), next_cursor: Schema.NullOr(Schema.String) }),
    error
  }),
  Rpc.make("get", { payload: { worker_id: AskedId }, success: Worker, error }),
  Rpc.make("create", {
    payload: { request: CreateWorker, options: CommandOptions },
    success: replayable(Worker),
    error
  }),
  Rpc.make("input", {
    payload: { worker_id: AskedId, input: InputRequest, options: CommandOptions },
    success: replayable(InputAck),
    error
  }),
  Rpc.make("stop", { payload: End, success: replayable(Ack), error }),
  Rpc.make("cancel", { payload: End, success: replayable(Ack), error }),
  Rpc.make("interrupt", { payload: End, success: replayable(Ack), error }),
  Rpc.make("permit", {
    payload: { worker_id: AskedId, permission_id: Schema.String, option_id: Schema.String, options: CommandOptions },
    success: replayable(Ack),
    error
  }),
  Rpc.make("unqueue", {
    payload: { worker_id: AskedId, input_id: Schema.String, options: CommandOptions },
    success: replayable(Ack),
    error
  }),
  Rpc.make("transcript", {
    payload: { worker_id: AskedId, query: TranscriptQuery },
    success: TranscriptPage,
    error
  }),
  Rpc.make("events", {
    payload: { worker_id: AskedId, cursor: Schema.UndefinedOr(Schema.String) },
    success: FrameSchema,
    error,
    stream: true
  }),
  Rpc.make("bundles", { success: Schema.Array(ConfigBundleSummary), error }),
  Rpc.make("putBundle", { payload: { bundle: ConfigBundle }, success: BundleAvailability, error }),
  Rpc.make("bundleAvailability", {
    payload: { id: Schema.String, digest: Schema.UndefinedOr(Schema.String) },
    success: BundleAvailability,
    error
  })
)
