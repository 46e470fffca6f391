/** Puts the engine together: restores what the store holds and serves `WorkerRuntime`. */
import { DateTime, Effect, Layer } from "effect"
import type { Digest } from "effect/crypto/Digest"
import { SecureRandom } from "effect/crypto/SecureRandom"
import type { RuntimeId, WorkerId } from "../Identifiers.ts"
import { capability, type Capabilities } from "../Runtime.ts"
import { maxPageBytes, maxPageItems } from "../Transcript.ts"
import { InputMode, maxInputBytes, maxQueuedBytes, maxQueuedInputs, type Worker, type WorkerInput } from "../Worker.ts"
import { WorkerExecutor } from "../WorkerExecutor.ts"
import { type CreateProblem, WorkerRuntime } from "../WorkerRuntime.ts"
import { WorkerStore } from "../WorkerStore.ts"
import * as Bundles from "./Bundles.ts"
import * as Commands from "./Commands.ts"
import { create } from "./Create.ts"
import { type Engine, find } from "./Host.ts"
import { HostedWorkers } from "./HostedWorkers.ts"
import { input } from "./Input.ts"
import { interrupt } from "./Interrupt.ts"
import { permit } from "./Permit.ts"
import { unqueue } from "./Queue.ts"
import * as Receipts from "./Receipts.ts"
import { restoreAll } from "./Restore.ts"
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
    workers: new HostedWorkers(),
    reserved: new Set(),
    maxWorkers: options.maxWorkers ?? defaultMaxWorkers,
    scope,
    draining: false
  }
  receipts.restore(found.receipts)
  yield* restoreAll(engine, found.workers)
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
    counts: Effect.sync(() => engine.workers.counts),
    diagnostics: Effect.map(store.diagnostics, (said) => [
      ...said,
      ...found.damaged.map((worker) => ({
        code: "store_corrupt",
        severity: "error" as const,
        message: `Worker ${worker.worker_id} was set aside at ${started}: ${worker.reason}`
      }))
    ]),
    list: (query) => Views.list(engine, query),
    get: (worker_id) => Effect.mapEager(find(engine, worker_id), (hosted) => hosted.worker),
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
