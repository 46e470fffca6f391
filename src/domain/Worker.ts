/** A worker: a long-lived session on a runtime that takes input and answers with events. */
import { Schema } from "effect"
import { type IdempotencyKey, RuntimeId, WorkerId } from "./Identifiers.ts"
import { ProfileSelector, TextFormat } from "./Profile.ts"

/**
 * The one state of a worker. `idle` and `busy` take commands; `errored` lost its executor in a run; `stale` could not be
 * restored after a restart; `stopped` and `cancelled` are final.
 */
export const WorkerState = Schema.Literals(["idle", "busy", "errored", "stale", "stopped", "cancelled"])
export type WorkerState = typeof WorkerState.Type

/** How many workers are in each state. */
export type WorkerCounts = Readonly<Record<WorkerState, number>>

export const TerminalState = Schema.Literals(["stopped", "cancelled"])
export type TerminalState = typeof TerminalState.Type

export const isTerminal = (state: WorkerState): state is TerminalState => state === "stopped" || state === "cancelled"

/** RFC 3339 in UTC with milliseconds. */
export const Timestamp = Schema.String

/** A config bundle by id and lowercase hex SHA-256. */
export const ConfigBundleReference = Schema.Struct({
  id: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200)),
  digest: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/))
})
export type ConfigBundleReference = typeof ConfigBundleReference.Type

/** What the executor said about the last operation that was handed to it. */
export const OperationResult = Schema.Struct({
  operation: Schema.Literals(["spawn", "input", "stop", "cancel"]),
  outcome: Schema.Literals(["accepted", "busy", "rejected", "errored", "unsupported"]),
  message: Schema.optionalKey(Schema.String)
})
export type OperationResult = typeof OperationResult.Type

export const InputKind = Schema.Literals(["user", "system"])
export type InputKind = typeof InputKind.Type

/**
 * What becomes of an input while the worker is busy: it is refused, it waits for its turn, or the turn is ended for it.
 * To a worker that is not busy all three are the same.
 */
export const InputMode = Schema.Literals(["reject", "queue", "interrupt"])
export type InputMode = typeof InputMode.Type

/** An input that was acknowledged and waits for its turn. */
export const QueuedInput = Schema.Struct({
  input_id: Schema.String,
  kind: InputKind,
  /** Whole in the record of the engine; in events, snapshots and over HTTP its beginning, since lists carry it. */
  content: Schema.String,
  queued_at: Timestamp
})
export type QueuedInput = typeof QueuedInput.Type

/** Inputs that wait at once, and their content together in bytes of UTF-8. Published with `workers.input`. */
export const maxQueuedInputs = 16
export const maxQueuedBytes = 262_144
/** Of a queued input so many UTF-16 units are shown in events, snapshots and lists. */
export const queuedPreviewLength = 200

/** The input as it is shown: its beginning, in whole characters. */
export const previewed = (input: QueuedInput): QueuedInput =>
  input.content.length <= queuedPreviewLength
    ? input
    : { ...input, content: input.content.slice(0, queuedPreviewLength).replace(/[\ud800-\udbff]$/, "") }

/**
 * What a waiting input or a permission request is called by: 1–200 visible ASCII characters. None starts with a dot, so
 * that it is a name in a path and never a way through one.
 */
export const itemNamePattern = /^[\x21-\x2d\x2f-\x7e][\x21-\x7e]{0,199}$/
export const isItemName = (name: string): boolean => itemNamePattern.test(name)

/** What a turn asks a person for. The kind of an option is `allow_once`, `allow_always`, `reject_once`, `reject_always` or new. */
export const PermissionRequest = Schema.Struct({
  id: Schema.String,
  tool_call_id: Schema.String,
  title: Schema.String,
  options: Schema.Array(Schema.Struct({ id: Schema.String, kind: Schema.String, name: Schema.String })),
  /** When it is rejected unless somebody has answered. */
  expires_at: Timestamp
})
export type PermissionRequest = typeof PermissionRequest.Type

export const Worker = Schema.Struct({
  runtime_id: RuntimeId,
  worker_id: WorkerId,
  display_name: Schema.String,
  profile: ProfileSelector,
  /** As its profile had it when the worker was created. */
  text_format: Schema.optionalKey(TextFormat),
  state: WorkerState,
  /** Why the state is `errored` or `stale`, for a person. */
  state_reason: Schema.optionalKey(Schema.String),
  config_bundle: Schema.NullOr(ConfigBundleReference),
  transcript_len: Schema.Int,
  /** Number of the last durable event; 0 before the first. */
  last_event_id: Schema.Int,
  last_result: Schema.optionalKey(OperationResult),
  /** Inputs that wait, the next one first; absent when none does. */
  queued_inputs: Schema.optionalKey(Schema.Array(QueuedInput)),
  /** What the turn waits for a person to decide; absent when nothing is open. */
  permission_requests: Schema.optionalKey(Schema.Array(PermissionRequest)),
  /** How the executor finds its own session again. */
  backend_id: Schema.optionalKey(Schema.String),
  /** Absent where a foreign runtime does not say. */
  created_at: Schema.optionalKey(Timestamp),
  updated_at: Schema.optionalKey(Timestamp)
})
export type Worker = typeof Worker.Type

/** The largest input that is taken, in bytes of UTF-8. Published as `workers.input.max_bytes`. */
export const maxInputBytes = 1_048_576

export const WorkerInput = Schema.Struct({ kind: InputKind, content: Schema.String })
export interface WorkerInput extends Schema.Struct.Type<typeof WorkerInput.fields> {}

/** An input and what becomes of it while the worker is busy; without a mode it is refused then. */
export interface InputRequest extends WorkerInput {
  readonly mode?: InputMode
}

/** What it takes to create a worker. Everything may be left out. */
export interface CreateWorker {
  readonly profile?: ProfileSelector
  readonly config_bundle?: ConfigBundleReference
  readonly initial_input?: WorkerInput
  readonly display_name?: string
  readonly worker_id?: WorkerId
}

/** The answer to stop, cancel, interrupt, permit and unqueue. */
export interface Ack {
  readonly runtime_id: RuntimeId
  readonly worker_id: WorkerId
  readonly state: WorkerState
  readonly event_id: number
}

/** The answer to input: durable when it is given. */
export interface InputAck extends Ack {
  /** 0 for an input that waits: it becomes part of the transcript when its turn starts. */
  readonly transcript_sequence: number
  /** Set when the input waits. */
  readonly queued?: {
    readonly input_id: string
    /** 1 = the next one. */
    readonly position: number
  }
}

/** A command's answer, and whether it was given before to the same idempotency key. */
export interface Replayable<A> {
  readonly answer: A
  readonly replayed: boolean
}

/** How a command was asked for. */
export interface CommandOptions {
  readonly idempotency_key?: IdempotencyKey
}

/** How an end was asked for. */
export interface EndOptions extends CommandOptions {
  /** For a person who wonders later; kept with the worker's last result. */
  readonly reason?: string
}

/** A command's options with the reason for an end, where there is one. */
export const ending = (options: CommandOptions, reason: string | undefined): EndOptions =>
  reason === undefined ? options : { ...options, reason }

export interface ListQuery {
  readonly state?: WorkerState
  /** 1 to the maximum; absent = all, as field v1 has it. */
  readonly limit?: number
  readonly cursor?: string
}

export interface WorkerPage {
  readonly items: ReadonlyArray<Worker>
  readonly next_cursor: string | null
}
