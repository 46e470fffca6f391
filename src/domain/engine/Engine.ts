/** Puts the engine together: restores what the store holds and serves `WorkerRuntime`. */
import { Cause, DateTime, Effect, Exit, Layer, Option, Scope } from "effect"
import type { Digest } from "effect/crypto/Digest"
import { SecureRandom } from "effect/crypto/SecureRandom"
import type { RuntimeId, WorkerId } from "../Identifiers.ts"
import { capability, type Capabilities } from "../Runtime.ts"
import { maxPageBytes, maxPageItems } from "../Transcript.ts"
import {
  InputMode,
  isTerminal,
  maxInputBytes,
  maxQueuedBytes,
  maxQueuedInputs,
  type Worker,
  type WorkerInput,
  type WorkerState
} from "../Worker.ts"
import { event, type WorkerEvent } from "../WorkerEvent.ts"
import { WorkerExecutor } from "../WorkerExecutor.ts"
import { type CreateProblem, WorkerRuntime } from "../WorkerRuntime.ts"
import { type StoredWorker, WorkerStore } from "../WorkerStore.ts"
import * as Bundles from "./Bundles.ts"
import * as Commands from "./Commands.ts"
import { create } from "./Create.ts"
import * as Guard from "./Guard.ts"
import { type Engine, find } from "./Host.ts"
import { changed, commit, type HostedWorker, make as makeHosted } from "./HostedWorker.ts"
import { input } from "./Input.ts"
import { interrupt } from "./Interrupt.ts"
import { permit } from "./Permit.ts"
import { unqueue } from "./Queue.ts"
import * as Receipts from "./Receipts.ts"
import { status } from "./Run.ts"
import * as Session from "./Session.ts"
import { next } from "./Turns.ts"
import * as Views from "./Views.ts"

export interface Options {
  readonly runtime_id: RuntimeId
  readonly display_name?: string
  readonly version?: string
  /** Workers hosted at once, ended ones included. */
  readonly maxWorkers?: number
  /** Items in one transcript page, at most. */
  readonly maxTranscriptItems?: number
}

export const defaultMaxWorkers = 10_000

/** Sessions brought back at the same time after a restart. */
const restoreConcurrency = 16

const interrupted = "The runtime was restarted while the worker was busy; the turn did not finish."

/** Takes over the record of a worker of an earlier process; it has no session yet. */
const takeOver = Effect.fnUntraced(function* (engine: Engine, stored: StoredWorker) {
  const scope = yield* Scope.fork(engine.scope)
  const worker: Worker = { ...stored.worker, runtime_id: engine.runtime_id }
  const hosted = makeHosted({ worker, log_epoch: stored.log_epoch, scope, tailLoaded: false })
  engine.workers.set(worker.worker_id, hosted)
  return hosted
})

const told = (state: WorkerState, to: WorkerState): ReadonlyArray<WorkerEvent> => [
  ...(state === "busy"
    ? [
        event({ event: "error", data: { code: "run_interrupted", message: interrupted } }),
        event({ event: "run_end", data: { result: "rolled_back" } })
      ]
    : []),
  status(to)
]

/**
 * Brings the session of a worker back. One that cannot be brought back, however its executor fails, is `stale` and says
 * why: it must not keep the others from starting.
 */
const restore = Effect.fnUntraced(function* (engine: Engine, hosted: HostedWorker) {
  const { worker, scope } = hosted
  const { state } = worker
  if (isTerminal(state)) return yield* Scope.close(scope, Exit.void)
  const request = { worker_id: worker.worker_id, profile: worker.profile, resume: { backend_id: worker.backend_id } }
  yield* Session.spawn(engine.executor, request, scope).pipe(
    Effect.flatMap(
      Effect.fnUntraced(function* (session) {
        if (state === "busy" || state === "stale") {
          yield* commit(engine.store, hosted, told(state, "idle"), { state: "idle" })
        }
        hosted.session = session
        yield* next(engine, hosted)
        yield* Guard.watch(engine, hosted)
      })
    ),
    Effect.catchCause(
      Effect.fnUntraced(function* (cause) {
        const problem = Option.getOrUndefined(Cause.findErrorOption(cause))
        if (problem === undefined) {
          yield* Effect.logError("A worker could not be restored", cause).pipe(
            Effect.annotateLogs({ worker_id: worker.worker_id })
          )
        }
        const state_reason = problem?.message ?? "What runs the worker failed while it was brought back."
        yield* Scope.close(scope, Exit.void)
        const change = { state: "stale", state_reason } as const
        if (state !== "stale") {
          yield* Effect.ignoreCause(commit(engine.store, hosted, told(state, "stale"), change))
        }
        // Also when the store did not take it: the worker cannot be used.
        hosted.worker = changed(hosted.worker, change)
      })
    )
  )
})

const capabilitiesOf = (engine: Engine, maxItems: number): Capabilities => ({
  ...(engine.executor.profiles.length === 0 ? undefined : { [capability.create]: {} }),
  [capability.input]: {
    max_bytes: maxInputBytes,
    modes: InputMode.literals,
    max_queued: maxQueuedInputs,
    max_queued_bytes: maxQueuedBytes
  },
  [capability.stop]: {},
  [capability.cancel]: {},
  [capability.interrupt]: {},
  [capability.permissions]: {},
  [capability.transcript]: { max_items: maxItems, max_bytes: maxPageBytes },
  [capability.eventsWs]: { resume: true },
  [capability.eventsSse]: { resume: true },
  [capability.configBundles]: { max_bundles: Bundles.maxBundles },
  [capability.idempotency]: { ttl_seconds: Receipts.ttlSeconds }
})

/** Without a mode an input is as it was before there were modes, for receipts as well. */
const asked = (worker_id: WorkerId, said: WorkerInput, mode: InputMode): ReadonlyArray<unknown> => [
  "input",
  worker_id,
  said,
  ...(mode === "reject" ? [] : [mode])
]

export const make = Effect.fnUntraced(function* (options: Options) {
  const receipts = yield* Receipts.make
  const store = receipts.remembering(yield* WorkerStore)
  const executor = yield* WorkerExecutor
  const services = yield* Effect.context<SecureRandom | Digest>()
  const scope = yield* Effect.scope
  const found = yield* store.load
  const engine: Engine = {
    runtime_id: options.runtime_id,
    store,
    executor,
    random: yield* SecureRandom,
    bundles: Bundles.make(store, executor, found.bundles),
    workers: new Map<never, HostedWorker>(),
    reserved: new Set(),
    maxWorkers: options.maxWorkers ?? defaultMaxWorkers,
    scope,
    draining: false
  }
  receipts.restore(found.receipts)
  const ordered = found.workers.toSorted((a, b) => Views.byCreation(a.worker, b.worker))
  const hosted = yield* Effect.forEach(ordered, (stored) => takeOver(engine, stored))
  yield* Effect.forEach(hosted, (worker) => restore(engine, worker), {
    concurrency: restoreConcurrency,
    discard: true
  })
  const started = DateTime.formatIso(yield* DateTime.now)
  const maxItems = options.maxTranscriptItems ?? maxPageItems
  const capabilities = capabilitiesOf(engine, maxItems)

  return WorkerRuntime.of({
    describe: Effect.sync(() => ({
      runtime_id: options.runtime_id,
      display_name: options.display_name ?? null,
      status: engine.draining ? ("stopped" as const) : ("running" as const),
      capabilities,
      worker_count: engine.workers.size,
      worker_creation_available: executor.profiles.length > 0 && !engine.draining,
      profiles: executor.profiles,
      max_transcript_items: maxItems,
      ...(options.version === undefined ? undefined : { version: options.version }),
      epoch: store.epoch
    })),
    diagnostics: Effect.map(store.diagnostics, (said) => [
      ...said,
      ...found.damaged.map((worker) => ({
        code: "store_corrupt",
        severity: "error" as const,
        message: `Worker ${worker.worker_id} was set aside at ${started}: ${worker.reason}`
      }))
    ]),
    list: (query) => Views.list(engine, query),
    get: (worker_id) => Effect.map(find(engine, worker_id), (hosted) => hosted.worker),
    create: (request, { idempotency_key }) =>
      receipts
        .once<Worker, CreateProblem, SecureRandom>(idempotency_key, ["create", request], (toReceipt) =>
          create(engine, request, toReceipt)
        )
        .pipe(Effect.provideContext(services)),
    input: (worker_id, { content, kind, mode = "reject" }, { idempotency_key }) =>
      receipts.once(idempotency_key, asked(worker_id, { kind, content }, mode), (toReceipt) =>
        input(engine, worker_id, { kind, content, mode }, toReceipt)
      ),
    stop: (worker_id, { idempotency_key, reason }) =>
      receipts.once(idempotency_key, ["stop", worker_id, reason ?? null], (toReceipt) =>
        Commands.end(engine, worker_id, "stopped", reason, toReceipt)
      ),
    cancel: (worker_id, { idempotency_key, reason }) =>
      receipts.once(idempotency_key, ["cancel", worker_id, reason ?? null], (toReceipt) =>
        Commands.end(engine, worker_id, "cancelled", reason, toReceipt)
      ),
    interrupt: (worker_id, { idempotency_key, reason }) =>
      receipts.once(idempotency_key, ["interrupt", worker_id, reason ?? null], (toReceipt) =>
        interrupt(engine, worker_id, reason, toReceipt)
      ),
    permit: (worker_id, permission_id, option_id, { idempotency_key }) =>
      receipts.once(idempotency_key, ["permit", worker_id, permission_id, option_id], (toReceipt) =>
        permit(engine, worker_id, permission_id, option_id, toReceipt)
      ),
    unqueue: (worker_id, input_id, { idempotency_key }) =>
      receipts.once(idempotency_key, ["unqueue", worker_id, input_id], (toReceipt) =>
        unqueue(engine, worker_id, input_id, toReceipt)
      ),
    transcript: (worker_id, query) => Views.transcript(engine, worker_id, query, maxItems),
    watch: (worker_id, cursor, watcher, onReset) => Views.watch(engine, worker_id, cursor, watcher, onReset),
    bundles: engine.bundles.list,
    putBundle: (bundle) => Effect.provideContext(engine.bundles.put(bundle), services),
    bundleAvailability: engine.bundles.availability,
    remove: (worker_id) => Commands.remove(engine, worker_id),
    drain: Effect.sync(() => {
      engine.draining = true
    })
  })
})

export const layer = (options: Options) => Layer.effect(WorkerRuntime, make(options))
