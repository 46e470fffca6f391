/** What can be done to a worker that is there: input, stop, cancel, removal; each durable before it is answered. */
import { Effect, Exit, Scope, type Stream } from "effect"
import type { RuntimeId, WorkerId } from "../Identifiers.ts"
import * as Problem from "../Problem.ts"
import {
  type Ack,
  type InputAck,
  isTerminal,
  maxInputBytes,
  type TerminalState,
  type Worker,
  type WorkerInput
} from "../Worker.ts"
import { event, type WorkerEvent } from "../WorkerEvent.ts"
import type { RunFailure, WorkerExecutor } from "../WorkerExecutor.ts"
import type { Receipt, WorkerStore } from "../WorkerStore.ts"
import type * as Bundles from "./Bundles.ts"
import { commit, type HostedWorker } from "./HostedWorker.ts"
import { run, status } from "./Run.ts"
import * as Session from "./Session.ts"

/** What a caller should wait before it tries a busy worker again, in milliseconds. */
const busyRetryMs = 1_000

export type ToReceipt<A> = (answer: A) => Receipt | undefined

export interface Engine {
  readonly runtime_id: RuntimeId
  readonly store: WorkerStore["Service"]
  readonly executor: WorkerExecutor["Service"]
  readonly bundles: ReturnType<typeof Bundles.make>
  readonly workers: Map<WorkerId, HostedWorker>
  /** Ids that are being created, so that two creates cannot take the same one. */
  readonly reserved: Set<WorkerId>
  readonly maxWorkers: number
  /** Sessions and runs live here. */
  readonly scope: Scope.Scope
  draining: boolean
}

const encoder = new TextEncoder()

export const checkContent = Effect.fnUntraced(function* (content: string, pointer: string) {
  if (content.trim() === "") {
    return yield* Problem.make("invalid_request", "The input is blank.", { errors: [{ pointer, code: "blank" }] })
  }
  // UTF-8 needs at most three bytes for one UTF-16 unit: short texts need no counting.
  if (content.length * 3 > maxInputBytes && encoder.encode(content).length > maxInputBytes) {
    return yield* Problem.make("payload_too_large", `The input is larger than ${maxInputBytes} bytes.`, {
      max: maxInputBytes
    })
  }
})

export const inputEvent = (input: WorkerInput): WorkerEvent =>
  input.kind === "user"
    ? event({ event: "user_message", data: { segments: [{ kind: "text", content: input.content }] } })
    : event({ event: "system_item", data: { item: { content: input.content } } })

const ackOf = (worker: Worker): Ack => ({
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
const locked = <A, E, R>(
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

export const startRun = Effect.fnUntraced(function* (
  engine: Engine,
  hosted: HostedWorker,
  turn: Stream.Stream<WorkerEvent, RunFailure>
) {
  hosted.run = yield* Effect.forkIn(run(engine.store, hosted, turn), hosted.scope)
})

export const input = Effect.fnUntraced(function* (
  engine: Engine,
  worker_id: WorkerId,
  said: WorkerInput,
  toReceipt: ToReceipt<InputAck>
) {
  yield* ensureOpen(engine)
  yield* checkContent(said.content, "/content")
  const answer = (worker: Worker): InputAck => ({
    ...ackOf(worker),
    transcript_sequence: worker.transcript_len,
    // The number of the message itself; the status that follows it is worth no ack.
    event_id: worker.last_event_id - 1
  })
  return yield* locked(
    engine,
    worker_id,
    Effect.fnUntraced(function* (hosted) {
      const { state, state_reason } = hosted.worker
      if (isTerminal(state)) return yield* Problem.make("worker_not_running", `The worker is ${state}.`)
      if (state === "busy") return yield* Problem.make("worker_busy", undefined, { retry_after_ms: busyRetryMs })
      const { session } = hosted
      if (session === undefined) return yield* Problem.make("worker_execution_unavailable", state_reason)
      // The caller can give up as long as the executor decides; from the commit on the input is taken.
      return yield* Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const turn = yield* restore(Session.accept(session, said))
          const change = { state: "busy", last_result: { operation: "input", outcome: "accepted" } } as const
          const worker = yield* commit(engine.store, hosted, [inputEvent(said), status("busy")], change, (after) =>
            toReceipt(answer(after))
          )
          yield* startRun(engine, hosted, turn)
          return answer(worker)
        })
      )
    })
  )
})

/** Stop and cancel: the state is stored first, so that a store that fails leaves the run alone; then the run goes. */
export const end = (
  engine: Engine,
  worker_id: WorkerId,
  state: TerminalState,
  reason: string | undefined,
  toReceipt: ToReceipt<Ack>
) =>
  locked(
    engine,
    worker_id,
    Effect.fnUntraced(function* (hosted) {
      const receiptOf = (worker: Worker) => toReceipt(ackOf(worker))
      if (isTerminal(hosted.worker.state)) {
        const answer = ackOf(hosted.worker)
        if (toReceipt(answer) !== undefined) yield* commit(engine.store, hosted, [], {}, receiptOf)
        return answer
      }
      const wasBusy = hosted.worker.state === "busy"
      const events = wasBusy
        ? [event({ event: "run_end", data: { result: "rolled_back" } }), status(state)]
        : [status(state)]
      const last_result = {
        operation: state === "stopped" ? "stop" : "cancel",
        outcome: "accepted",
        ...(reason === undefined ? undefined : { message: reason })
      } as const
      const worker = yield* commit(engine.store, hosted, events, { state, last_result }, receiptOf)
      hosted.run?.interruptUnsafe()
      hosted.session = undefined
      hosted.run = undefined
      // In the background, since a session may take its time to end.
      yield* Effect.forkIn(Scope.close(hosted.scope, Exit.void), engine.scope)
      return ackOf(worker)
    }, Effect.uninterruptible)
  )

export const remove = (engine: Engine, worker_id: WorkerId) =>
  locked(
    engine,
    worker_id,
    Effect.fnUntraced(function* (hosted) {
      const { state } = hosted.worker
      if (!isTerminal(state) && state !== "stale") {
        return yield* Problem.make("worker_busy", "Only a worker that has ended can be removed.")
      }
      yield* engine.store.remove(worker_id)
      engine.workers.delete(worker_id)
      hosted.log.close()
    }, Effect.uninterruptible)
  )
