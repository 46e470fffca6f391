/** One turn of a worker: the executor's stream, made durable and shown, up to the state it leaves the worker in. */
import { Cause, Effect, Option, Stream } from "effect"
import * as Problem from "../Problem.ts"
import { isTerminal, type Worker, type WorkerState } from "../Worker.ts"
import { event, isDurable, type WorkerEvent } from "../WorkerEvent.ts"
import type { RunFailure } from "../WorkerExecutor.ts"
import type { StoreProblem, WorkerStore } from "../WorkerStore.ts"
import { commit, type HostedWorker } from "./HostedWorker.ts"

/** The status event that goes with a state. */
export const status = (state: WorkerState): WorkerEvent =>
  event({ event: "status", data: { status: state === "busy" ? "running" : "idle", state } })

/** Stores and shows what the run says, as long as the worker is still in this run. */
const say = (
  store: WorkerStore["Service"],
  hosted: HostedWorker,
  events: ReadonlyArray<WorkerEvent>,
  change?: Partial<Worker>
) =>
  hosted.lock.withPermit(
    Effect.suspend(() => (isTerminal(hosted.worker.state) ? Effect.void : commit(store, hosted, events, change)))
  )

/**
 * A store that no longer takes anything must not leave a worker that looks busy: the worker turns `errored` in memory
 * and its watchers are told with events that do not pretend to be durable.
 */
const giveUp = (hosted: HostedWorker, failure: RunFailure) =>
  hosted.lock.withPermit(
    Effect.sync(() => {
      if (isTerminal(hosted.worker.state)) return
      hosted.worker = { ...hosted.worker, state: "errored", state_reason: failure.message }
      hosted.log.append(event({ event: "error", data: { ...failure } }), false)
      hosted.log.append(status("errored"), false)
    })
  )

const show = (hosted: HostedWorker, transient: WorkerEvent): void => {
  if (!isTerminal(hosted.worker.state)) hosted.log.append(transient, false)
}

/** What an executor said without meaning it as a failure: an exception, or an interruption of its own making. */
const broken: RunFailure = { code: "internal", message: "What runs the worker broke off with an internal failure." }

/** What people are told. A defect is told without its text, which is in the log. */
const failureOf = Effect.fnUntraced(function* (hosted: HostedWorker, cause: Cause.Cause<RunFailure | StoreProblem>) {
  const failure = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (failure === undefined) {
    yield* Effect.logError("A run broke off", cause).pipe(Effect.annotateLogs({ worker_id: hosted.worker.worker_id }))
    return broken
  }
  if (Problem.isProblem(failure)) return { code: failure._tag, message: failure.message }
  return { code: failure.code, message: failure.message }
})

/**
 * Runs the turn to its end; never fails. Interrupting it ends the turn without a word: whoever interrupts speaks.
 *
 * The engine says when a turn is over. An executor that ends its own with a `run_end` chooses the result; a `status` of
 * its own may tell running from paused and carries the worker's state.
 */
export const run = (
  store: WorkerStore["Service"],
  hosted: HostedWorker,
  turn: Stream.Stream<WorkerEvent, RunFailure>
): Effect.Effect<void> =>
  Effect.suspend(() => {
    let last = event({ event: "run_end", data: { result: "finished" } })
    return turn.pipe(
      Stream.runForEach((next) => {
        if (next.event === "run_end") {
          last = next
          return Effect.void
        }
        if (next.event === "status") {
          const told = { event: "status", data: { ...next.data, state: "busy" } }
          return next.data.status === "running" || next.data.status === "paused"
            ? say(store, hosted, [told])
            : Effect.void
        }
        return isDurable(next) ? say(store, hosted, [next]) : Effect.sync(() => show(hosted, next))
      }),
      Effect.andThen(Effect.suspend(() => say(store, hosted, [last, status("idle")], { state: "idle" })))
    )
  }).pipe(
    // Not reached when the run itself is interrupted; reached by an interruption that comes from within the turn.
    Effect.catchCause((cause) =>
      Effect.flatMap(failureOf(hosted, cause), (failure) => {
        const told = [
          event({ event: "error", data: { ...failure } }),
          event({ event: "run_end", data: { result: "rolled_back" } }),
          status("errored")
        ]
        return say(store, hosted, told, { state: "errored", state_reason: failure.message }).pipe(
          Effect.catchCause(() => giveUp(hosted, failure))
        )
      })
    ),
    Effect.asVoid
  )
