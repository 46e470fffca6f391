/** What the engine's commands share: the workers it hosts, and the one way to get hold of one. */
import { Effect, type Scope } from "effect"
import type { SecureRandom } from "effect/crypto/SecureRandom"
import type { RuntimeId, WorkerId } from "../Identifiers.ts"
import * as Problem from "../Problem.ts"
import type { Ack, Worker } from "../Worker.ts"
import type { WorkerExecutor } from "../WorkerExecutor.ts"
import type { Receipt, WorkerStore } from "../WorkerStore.ts"
import type * as Bundles from "./Bundles.ts"
import { commit, type HostedWorker } from "./HostedWorker.ts"
import type { HostedWorkers } from "./HostedWorkers.ts"

/** What a caller should wait before it tries a busy worker again, in milliseconds. */
export const busyRetryMs = 1_000

export type ToReceipt<A> = (answer: A) => Receipt | undefined

export interface Engine {
  readonly runtime_id: RuntimeId
  readonly store: WorkerStore["Service"]
  readonly executor: WorkerExecutor["Service"]
  readonly random: SecureRandom["Service"]
  readonly bundles: ReturnType<typeof Bundles.make>
  readonly workers: HostedWorkers
  /** Ids that are being created, so that two creates cannot take the same one. */
  readonly reserved: Set<WorkerId>
  readonly maxWorkers: number
  /** Sessions and runs live here. */
  readonly scope: Scope.Scope
  draining: boolean
}

export const ackOf = (worker: Worker): Ack => ({
  runtime_id: worker.runtime_id,
  worker_id: worker.worker_id,
  state: worker.state,
  event_id: worker.last_event_id
})

export const ensureOpen = (engine: Engine) =>
  engine.draining
    ? Problem.fail("runtime_unavailable", "The runtime is shutting down and takes no new work.")
    : Effect.void

const missing = (worker_id: WorkerId) => Problem.fail("worker_not_found", undefined, { worker_id })

export const find = (engine: Engine, worker_id: WorkerId) => {
  const hosted = engine.workers.get(worker_id)
  return hosted === undefined ? missing(worker_id) : Effect.succeed(hosted)
}

/**
 * Makes a change with the worker's lock held. Waiting for the lock can be interrupted; a worker that was removed in the
 * meantime is gone.
 */
export const locked = <A, E, R>(
  engine: Engine,
  worker_id: WorkerId,
  change: (hosted: HostedWorker) => Effect.Effect<A, E, R>
) =>
  Effect.flatMap(find(engine, worker_id), (hosted) =>
    hosted.lock.withPermit(
      Effect.suspend((): Effect.Effect<A, E | Problem.Problem<"worker_not_found">, R> =>
        engine.workers.get(worker_id) === hosted ? change(hosted) : missing(worker_id)
      )
    )
  )

/** Acknowledges a command that changes nothing, with the worker's lock held; only a receipt is worth a commit. */
export const acknowledge = Effect.fnUntraced(function* (
  engine: Engine,
  hosted: HostedWorker,
  toReceipt: ToReceipt<Ack>
) {
  const answer = ackOf(hosted.worker)
  if (toReceipt(answer) !== undefined) yield* commit(engine.store, hosted, [], {}, () => toReceipt(answer))
  return answer
})
