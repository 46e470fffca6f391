/**
 * The port to one runtime, wherever it lives. An adapter supplies the primitives; `make` adds what every source owes its
 * callers: the backend's alias in every answer, and problems that say which runtime, worker and operation they are about.
 */
import { Context, Effect, Exit, Stream } from "effect"
import type { ConfigBundle, ConfigBundleSummary } from "./ConfigBundle.ts"
import type { ResyncReason } from "./EventLog.ts"
import type { RuntimeId, WorkerId } from "./Identifiers.ts"
import * as Problem from "./Problem.ts"
import { capability, type RuntimeDescription } from "./Runtime.ts"
import type { Snapshot } from "./Snapshot.ts"
import type { TranscriptPage, TranscriptQuery } from "./Transcript.ts"
import type {
  Ack,
  CommandOptions,
  ConfigBundleReference,
  CreateWorker,
  InputAck,
  InputRequest,
  ListQuery,
  Replayable,
  TerminalState,
  Worker,
  WorkerPage
} from "./Worker.ts"
import type { WorkerEvent } from "./WorkerEvent.ts"

/** One step of a worker's event stream as a source delivers it. Cursors are the source's own and opaque. */
export type SourceFrame =
  | { readonly kind: "snapshot"; readonly cursor: string; readonly snapshot: Snapshot }
  | {
      readonly kind: "event"
      readonly cursor: string
      readonly event_id: string
      readonly durable: boolean
      /** Number of a durable event, from a runtime that numbers each worker's durable events 1, 2, 3, … */
      readonly seq?: number
      readonly event: WorkerEvent
      /** The event as JSON where the source has it already, so that nobody encodes it again. */
      readonly json?: string
    }
  | { readonly kind: "bookmark"; readonly cursor: string }
  /** Something was lost: a fresh snapshot follows. */
  | { readonly kind: "resync"; readonly reason: ResyncReason }
  /** The worker has ended; the stream ends after it. */
  | { readonly kind: "end"; readonly state: TerminalState }

/** Whether a config bundle is there, with the digest that was asked for. */
export interface BundleAvailability {
  readonly reference: ConfigBundleReference
  readonly summary: ConfigBundleSummary
}

export interface Primitives {
  readonly describe: Effect.Effect<RuntimeDescription, Problem.Problem>
  readonly list: (query: ListQuery) => Effect.Effect<WorkerPage, Problem.Problem>
  readonly get: (worker_id: WorkerId) => Effect.Effect<Worker, Problem.Problem>
  readonly create: (
    request: CreateWorker,
    options: CommandOptions
  ) => Effect.Effect<Replayable<Worker>, Problem.Problem>
  readonly input: (
    worker_id: WorkerId,
    input: InputRequest,
    options: CommandOptions
  ) => Effect.Effect<Replayable<InputAck>, Problem.Problem>
  readonly stop: (
    worker_id: WorkerId,
    reason: string | undefined,
    options: CommandOptions
  ) => Effect.Effect<Replayable<Ack>, Problem.Problem>
  readonly cancel: (
    worker_id: WorkerId,
    reason: string | undefined,
    options: CommandOptions
  ) => Effect.Effect<Replayable<Ack>, Problem.Problem>
  /** Ends the turn and not the worker; a worker without a turn answers as it is. Absent = unsupported. */
  readonly interrupt?: (
    worker_id: WorkerId,
    reason: string | undefined,
    options: CommandOptions
  ) => Effect.Effect<Replayable<Ack>, Problem.Problem>
  /** Answers a permission request of the turn. Absent = unsupported. */
  readonly permit?: (
    worker_id: WorkerId,
    permission_id: string,
    option_id: string,
    options: CommandOptions
  ) => Effect.Effect<Replayable<Ack>, Problem.Problem>
  /** Takes back an input that waits. Absent = unsupported. */
  readonly unqueue?: (
    worker_id: WorkerId,
    input_id: string,
    options: CommandOptions
  ) => Effect.Effect<Replayable<Ack>, Problem.Problem>
  readonly transcript: (worker_id: WorkerId, query: TranscriptQuery) => Effect.Effect<TranscriptPage, Problem.Problem>
  /**
   * Snapshot first, then every durable event after the cursor, then live ones; `resync` before a snapshot whenever the
   * cursor could not be resumed from. Ends after `end`; fails when the runtime is lost.
   */
  readonly events: (worker_id: WorkerId, cursor: string | undefined) => Stream.Stream<SourceFrame, Problem.Problem>
  readonly bundles: Effect.Effect<ReadonlyArray<ConfigBundleSummary>, Problem.Problem>
  readonly putBundle: (bundle: ConfigBundle) => Effect.Effect<BundleAvailability, Problem.Problem>
  readonly bundleAvailability: (
    id: string,
    digest: string | undefined
  ) => Effect.Effect<BundleAvailability, Problem.Problem>
}

export interface Identity {
  /** The backend's alias. */
  readonly id: RuntimeId
  /** `embedded`, `remote_http`, `mock` or a plugin's kind. */
  readonly kind: string
  readonly display_name: string
  readonly built_in: boolean
}

export class RuntimeSource extends Context.Service<RuntimeSource, Identity & Required<Primitives>>()(
  "yoi-workspace/domain/RuntimeSource"
) {}

const unsupported = (name: string) => Problem.fail("operation_unsupported", undefined, { capability: name })

/** What a source answers to an operation that its adapter does not know. */
const absent = {
  interrupt: () => unsupported(capability.interrupt),
  permit: () => unsupported(capability.permissions),
  unqueue: () => unsupported(capability.input)
} satisfies Partial<Primitives>

const isAtHand = <A, E>(effect: Effect.Effect<A, E>): effect is Exit.Success<A, E> =>
  Exit.isExit(effect) && Exit.isSuccess(effect)

export const make = (identity: Identity, supplied: Primitives): RuntimeSource["Service"] => {
  const primitives: Required<Primitives> = { ...absent, ...supplied }
  const runtime_id = identity.id
  const about =
    (operation: string, worker_id?: string) =>
    (problem: Problem.Problem): Problem.Problem =>
      Problem.withContext(problem, {
        runtime_id,
        operation,
        ...(worker_id === undefined ? undefined : { worker_id })
      })
  const owned = <A extends { readonly runtime_id: RuntimeId }>(it: A): A =>
    it.runtime_id === runtime_id ? it : { ...it, runtime_id }
  const ownedAnswer = <A extends { readonly runtime_id: RuntimeId }>(it: Replayable<A>): Replayable<A> => ({
    answer: owned(it.answer),
    replayed: it.replayed
  })
  return RuntimeSource.of({
    ...identity,
    describe: Effect.mapError(primitives.describe, about("runtime.describe")),
    list: (query) =>
      primitives.list(query).pipe(
        Effect.map((page) => ({ ...page, items: page.items.map(owned) })),
        Effect.mapError(about("worker.list"))
      ),
    // Asked anew by each run. A source that has the worker at hand answers at once, and costs no frame but this one.
    get: (id) =>
      Effect.suspend(() => {
        const found = primitives.get(id)
        return isAtHand(found) && found.value.runtime_id === runtime_id
          ? found
          : found.pipe(Effect.map(owned), Effect.mapError(about("worker.get", id)))
      }),
    create: (request, options) =>
      primitives.create(request, options).pipe(Effect.map(ownedAnswer), Effect.mapError(about("worker.create"))),
    input: (id, input, options) =>
      primitives.input(id, input, options).pipe(Effect.map(ownedAnswer), Effect.mapError(about("worker.input", id))),
    stop: (id, reason, options) =>
      primitives.stop(id, reason, options).pipe(Effect.map(ownedAnswer), Effect.mapError(about("worker.stop", id))),
    cancel: (id, reason, options) =>
      primitives.cancel(id, reason, options).pipe(Effect.map(ownedAnswer), Effect.mapError(about("worker.cancel", id))),
    interrupt: (id, reason, options) =>
      primitives
        .interrupt(id, reason, options)
        .pipe(Effect.map(ownedAnswer), Effect.mapError(about("worker.interrupt", id))),
    permit: (id, permission_id, option_id, options) =>
      primitives
        .permit(id, permission_id, option_id, options)
        .pipe(Effect.map(ownedAnswer), Effect.mapError(about("worker.permit", id))),
    unqueue: (id, input_id, options) =>
      primitives
        .unqueue(id, input_id, options)
        .pipe(Effect.map(ownedAnswer), Effect.mapError(about("worker.unqueue", id))),
    transcript: (id, query) => Effect.mapError(primitives.transcript(id, query), about("worker.transcript", id)),
    events: (id, cursor) => Stream.mapError(primitives.events(id, cursor), about("worker.events", id)),
    bundles: Effect.mapError(primitives.bundles, about("config_bundle.list")),
    putBundle: (bundle) => Effect.mapError(primitives.putBundle(bundle), about("config_bundle.put")),
    bundleAvailability: (id, digest) =>
      Effect.mapError(primitives.bundleAvailability(id, digest), about("config_bundle.availability"))
  })
}
