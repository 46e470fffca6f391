/** The engine's port to durable state. What `commit` has answered is there after any restart, once and in order. */
import { Context, type Effect } from "effect"
import type { ConfigBundle } from "./ConfigBundle.ts"
import type { Diagnostic } from "./Diagnostic.ts"
import type { WorkerId } from "./Identifiers.ts"
import type { Problem } from "./Problem.ts"
import type { TranscriptItem } from "./Transcript.ts"
import type { Worker } from "./Worker.ts"
import type { WorkerEvent } from "./WorkerEvent.ts"

export type StoreProblem = Problem<"store_io" | "store_missing" | "store_corrupt">

/** A durable event with its number within its worker: 1, 2, 3, … without a gap. */
export interface StoredEvent {
  readonly seq: number
  readonly event: WorkerEvent
}

/** The answer that was given to an idempotency key. */
export interface Receipt {
  readonly key: string
  /** Hex SHA-256 of what was asked. */
  readonly fingerprint: string
  /** The answer as JSON. */
  readonly answer: unknown
  /** Milliseconds since the epoch; a receipt is forgotten after it. */
  readonly expires_at: number
}

/** Everything that one command changes. It is stored whole or not at all. */
export interface Commit {
  /** The worker after the change; its `last_event_id` and `transcript_len` include `events` and `items`. */
  readonly worker: Worker
  /** Epoch of the worker's event log; never changes for a worker. */
  readonly log_epoch: string
  readonly events: ReadonlyArray<StoredEvent>
  readonly items: ReadonlyArray<TranscriptItem>
  readonly receipt?: Receipt
}

export interface StoredWorker {
  readonly worker: Worker
  readonly log_epoch: string
}

/** A worker whose record cannot be read; the others are not touched by it. */
export interface DamagedWorker {
  readonly worker_id: string
  /** For a person; without a path. */
  readonly reason: string
}

export interface Loaded {
  readonly workers: ReadonlyArray<StoredWorker>
  readonly damaged: ReadonlyArray<DamagedWorker>
  readonly receipts: ReadonlyArray<Receipt>
  readonly bundles: ReadonlyArray<ConfigBundle>
}

export class WorkerStore extends Context.Service<
  WorkerStore,
  {
    readonly kind: "memory" | "fs_store"
    /** Changes when the store starts afresh, so that nothing from before is taken for current. */
    readonly epoch: string
    /** What was found at start. Its cost must not grow with the length of transcripts. */
    readonly load: Effect.Effect<Loaded, StoreProblem>
    /**
     * Stores one change. Success means durable. Commits of one worker arrive one after the other, those of different
     * workers at the same time. After a failure the worker is as it was before the call.
     */
    readonly commit: (commit: Commit) => Effect.Effect<void, StoreProblem>
    /**
     * Items `start` (0-based) to `start + limit`, fewer at the end. Constant cost in the length of the transcript. With
     * `maxBytes` a store may end the page, once it has an item, before it holds so many bytes of JSON, so that large
     * items are not read to be thrown away.
     */
    readonly transcript: (
      worker_id: WorkerId,
      start: number,
      limit: number,
      maxBytes?: number
    ) => Effect.Effect<ReadonlyArray<TranscriptItem>, StoreProblem>
    /** At most `limit` durable events with numbers above `after`; what retention dropped is missing at the front. */
    readonly events: (
      worker_id: WorkerId,
      after: number,
      limit: number
    ) => Effect.Effect<ReadonlyArray<StoredEvent>, StoreProblem>
    /** Stores a bundle; one with the same id is replaced. */
    readonly putBundle: (bundle: ConfigBundle) => Effect.Effect<void, StoreProblem>
    /** Forgets a worker and all it has. */
    readonly remove: (worker_id: WorkerId) => Effect.Effect<void, StoreProblem>
    /** What is worth knowing about the store now: truncated tails, set-aside records, a failed disk. */
    readonly diagnostics: Effect.Effect<ReadonlyArray<Diagnostic>>
  }
>()("yoi-workspace/domain/WorkerStore") {}
