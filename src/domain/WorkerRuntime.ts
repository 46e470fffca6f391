/**
 * The engine that hosts workers. The embedded source calls it directly, the standalone worker-runtime wraps it in HTTP:
 * what a worker is and does is written here, once.
 */
import { Context, type Effect, type Scope } from "effect"
import type { ConfigBundle, ConfigBundleSummary } from "./ConfigBundle.ts"
import type { Diagnostic } from "./Diagnostic.ts"
import type { Attached, OnReset, Watcher } from "./EventLog.ts"
import type { WorkerId } from "./Identifiers.ts"
import type { Problem } from "./Problem.ts"
import type { BundleAvailability } from "./RuntimeSource.ts"
import type { RuntimeDescription } from "./Runtime.ts"
import type { TranscriptPage, TranscriptQuery } from "./Transcript.ts"
import type {
  Ack,
  CommandOptions,
  CreateWorker,
  EndOptions,
  InputAck,
  InputRequest,
  ListQuery,
  Replayable,
  TerminalState,
  Worker,
  WorkerCounts,
  WorkerPage
} from "./Worker.ts"
import type { StoreProblem } from "./WorkerStore.ts"

type Keyed = Problem<"idempotency_key_reused" | "idempotency_in_flight">

export type CreateProblem =
  | StoreProblem
  | Keyed
  | Problem<
      | "invalid_profile_selector"
      | "invalid_request"
      | "invalid_initial_input_kind"
      | "payload_too_large"
      | "config_bundle_missing"
      | "config_bundle_digest_mismatch"
      | "execution_backend_unavailable"
      | "operation_unsupported"
      | "worker_execution_rejected"
      | "worker_busy"
      | "worker_id_taken"
      | "worker_limit_reached"
      | "runtime_unavailable"
    >

export type InputProblem =
  | StoreProblem
  | Keyed
  | Problem<
      | "worker_not_found"
      | "invalid_request"
      | "payload_too_large"
      | "worker_busy"
      | "input_queue_full"
      | "worker_not_running"
      | "worker_execution_unavailable"
      | "worker_execution_rejected"
      | "execution_backend_unavailable"
      | "runtime_unavailable"
    >

export type EndProblem = StoreProblem | Keyed | Problem<"worker_not_found">

export type InterruptProblem = EndProblem | Problem<"worker_not_running">

export type PermitProblem =
  | EndProblem
  | Problem<"worker_not_running" | "permission_not_found" | "invalid_request" | "execution_backend_unavailable">

export type UnqueueProblem = EndProblem | Problem<"queued_input_not_found">

/** A watcher's start: what it sees first, and what it has missed. */
export interface Watching extends Attached {
  /** Epoch of the worker's log. */
  readonly epoch: string
  /** Durable events that are kept for resuming. */
  readonly retained_events: number
  readonly head: string
  /** Set when the worker has ended and nothing will follow. */
  readonly ended: TerminalState | undefined
}

export class WorkerRuntime extends Context.Service<
  WorkerRuntime,
  {
    readonly describe: Effect.Effect<RuntimeDescription>
    /** Kept as workers change: asking costs the same however many there are. */
    readonly counts: Effect.Effect<WorkerCounts>
    readonly diagnostics: Effect.Effect<ReadonlyArray<Diagnostic>>
    readonly list: (
      query: ListQuery
    ) => Effect.Effect<WorkerPage, Problem<"limit_too_large" | "invalid_query" | "invalid_cursor">>
    /** As of the call: it is looked up then, and an effect that is run again answers the same. */
    readonly get: (worker_id: WorkerId) => Effect.Effect<Worker, Problem<"worker_not_found">>
    readonly create: (
      request: CreateWorker,
      options: CommandOptions
    ) => Effect.Effect<Replayable<Worker>, CreateProblem>
    /** Durable when answered. While the worker is busy, or an input waits for it, the mode decides. */
    readonly input: (
      worker_id: WorkerId,
      input: InputRequest,
      options: CommandOptions
    ) => Effect.Effect<Replayable<InputAck>, InputProblem>
    /** Ends the worker; one that has ended answers how it ended. */
    readonly stop: (worker_id: WorkerId, options: EndOptions) => Effect.Effect<Replayable<Ack>, EndProblem>
    readonly cancel: (worker_id: WorkerId, options: EndOptions) => Effect.Effect<Replayable<Ack>, EndProblem>
    /**
     * Ends the turn and not the worker: what was shown of an answer stays, and the next waiting input starts. A worker
     * without a turn answers as it is.
     */
    readonly interrupt: (worker_id: WorkerId, options: EndOptions) => Effect.Effect<Replayable<Ack>, InterruptProblem>
    /** Answers an open permission request of the turn; answered when the executor took it. */
    readonly permit: (
      worker_id: WorkerId,
      permission_id: string,
      option_id: string,
      options: CommandOptions
    ) => Effect.Effect<Replayable<Ack>, PermitProblem>
    /** Takes back an input that waits; one that has started is not found. */
    readonly unqueue: (
      worker_id: WorkerId,
      input_id: string,
      options: CommandOptions
    ) => Effect.Effect<Replayable<Ack>, UnqueueProblem>
    readonly transcript: (
      worker_id: WorkerId,
      query: TranscriptQuery
    ) => Effect.Effect<TranscriptPage, StoreProblem | Problem<"worker_not_found" | "limit_too_large" | "invalid_query">>
    /**
     * Attaches a watcher until the scope closes. The watcher runs synchronously inside the engine: it must be quick and
     * bounded. `onReset` is called once the worker is removed.
     */
    readonly watch: (
      worker_id: WorkerId,
      cursor: string | undefined,
      watcher: Watcher,
      onReset?: OnReset
    ) => Effect.Effect<Watching, StoreProblem | Problem<"worker_not_found" | "invalid_cursor">, Scope.Scope>
    readonly bundles: Effect.Effect<ReadonlyArray<ConfigBundleSummary>>
    readonly putBundle: (
      bundle: ConfigBundle
    ) => Effect.Effect<
      BundleAvailability,
      | StoreProblem
      | Problem<"config_bundle_digest_mismatch" | "unsupported_config_declaration" | "config_bundle_limit_reached">
    >
    readonly bundleAvailability: (
      id: string,
      digest: string | undefined
    ) => Effect.Effect<BundleAvailability, Problem<"config_bundle_missing" | "config_bundle_digest_mismatch">>
    /** Forgets an ended worker and all it has. */
    readonly remove: (
      worker_id: WorkerId
    ) => Effect.Effect<void, StoreProblem | Problem<"worker_not_found" | "worker_busy">>
    /** Refuses new work from now on; what runs goes on. */
    readonly drain: Effect.Effect<void>
  }
>()("yoi-workspace/domain/WorkerRuntime") {}
