/** The engine's port to whatever does a worker's work: an echo, an agent, a program. */
import { Context, type Effect, type Scope, type Stream } from "effect"
import type { WorkerId } from "./Identifiers.ts"
import type { Problem } from "./Problem.ts"
import type { Profile, ProfileSelector } from "./Profile.ts"
import type { WorkerInput } from "./Worker.ts"
import type { WorkerEvent } from "./WorkerEvent.ts"

/** A run that broke off. Its message is shown to people: no address, path or secret. */
export interface RunFailure {
  readonly code: string
  readonly message: string
}

/** A live session of one worker. Closing the scope it was spawned in ends it, process and all. */
export interface WorkerSession {
  /** How a later `spawn` finds the session again. */
  readonly backend_id?: string
  /**
   * Takes the input or refuses it. Taking it starts nothing yet: the engine first makes the input durable and then runs
   * the stream, once. Interrupting the stream ends the turn.
   */
  readonly accept: (
    input: WorkerInput
  ) => Effect.Effect<
    Stream.Stream<WorkerEvent, RunFailure>,
    Problem<"worker_busy" | "worker_execution_rejected" | "execution_backend_unavailable">
  >
  /**
   * Completes with the last words when what runs the worker ends by itself between two turns; absent, or never complete,
   * where nothing can. An end within a turn is the turn's failure and not told here.
   */
  readonly ended?: Effect.Effect<RunFailure>
  /**
   * Answers an open permission request of the turn with one of its options. False when there is no such request or
   * option any more. Absent where nothing is ever asked.
   */
  readonly permit?: (permission_id: string, option_id: string) => Effect.Effect<boolean>
}

export interface SpawnRequest {
  readonly worker_id: WorkerId
  readonly profile: ProfileSelector
  /** Set when a worker of an earlier process is brought back. */
  readonly resume?: {
    readonly backend_id: string | undefined
    /**
     * Bytes (UTF-8) of the contents of the worker's transcript. Asked for before the first input at the earliest, since
     * it may take reading all of it; absent = 0, so a bound of an executor then counts from the restart on.
     */
    readonly transcript_bytes?: Effect.Effect<number, Problem<"execution_backend_unavailable">>
  }
}

export class WorkerExecutor extends Context.Service<
  WorkerExecutor,
  {
    /** What can be created; the first one is the runtime's default. Empty = workers cannot be created. */
    readonly profiles: ReadonlyArray<Profile>
    /** Kinds of config bundle declarations that it acts on; a bundle with any other is refused, not ignored. */
    readonly declarationKinds: ReadonlySet<string>
    readonly spawn: (
      request: SpawnRequest
    ) => Effect.Effect<
      WorkerSession,
      Problem<"execution_backend_unavailable" | "worker_execution_rejected">,
      Scope.Scope
    >
  }
>()("yoi-workspace/domain/WorkerExecutor") {}
