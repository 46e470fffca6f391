/** How a worker ends and goes: stop, cancel, removal; each durable before it is answered. */
import { Effect, Exit, Scope } from "effect"
import type { WorkerId } from "../Identifiers.ts"
import * as Problem from "../Problem.ts"
import { type Ack, isTerminal, type TerminalState, type Worker } from "../Worker.ts"
import { event } from "../WorkerEvent.ts"
import { ackOf, acknowledge, type Engine, find, locked, type ToReceipt } from "./Host.ts"
import { commit, shown } from "./HostedWorker.ts"
import { status } from "./Run.ts"
import { unqueued } from "./Turns.ts"

/**
 * Stop and cancel: the state is stored first, so that a store that fails leaves the run alone; then the run goes. Neither
 * waits for a turn that was called off and takes its time.
 */
export const end = (
  engine: Engine,
  worker_id: WorkerId,
  state: TerminalState,
  reason: string | undefined,
  toReceipt: ToReceipt<Ack>
) =>
  Effect.flatMap(find(engine, worker_id), ({ giveWay }) =>
    giveWay.urgent(
      locked(
        engine,
        worker_id,
        Effect.fnUntraced(function* (hosted) {
          if (isTerminal(hosted.worker.state)) return yield* acknowledge(engine, hosted, toReceipt)
          const waiting = hosted.worker.queued_inputs ?? []
          const events = [...shown(hosted), ...waiting.map((input) => unqueued(input, "ended"))]
          if (hosted.worker.state === "busy") events.push(event({ event: "run_end", data: { result: "rolled_back" } }))
          events.push(status(state))
          const last_result = {
            operation: state === "stopped" ? "stop" : "cancel",
            outcome: "accepted",
            ...(reason === undefined ? undefined : { message: reason })
          } as const
          const change = { state, last_result, queued_inputs: [] }
          const worker = yield* commit(engine.store, hosted, events, change, (after: Worker) => toReceipt(ackOf(after)))
          hosted.run?.interruptUnsafe()
          hosted.session = undefined
          hosted.run = undefined
          // In the background, since a session may take its time to end.
          yield* Effect.forkIn(Scope.close(hosted.scope, Exit.void), engine.scope)
          return ackOf(worker)
        }, Effect.uninterruptible)
      )
    )
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
