/** One turn of a worker: the executor's stream, made durable and shown, up to the state it leaves the worker in. */
import { Cause, Effect, Option, Stream } from "effect"
import * as Permissions from "../Permissions.ts"
import * as Problem from "../Problem.ts"
import { isTerminal, type Worker, type WorkerState } from "../Worker.ts"
import { event, isDurable, type WorkerEvent } from "../WorkerEvent.ts"
import type { RunFailure } from "../WorkerExecutor.ts"
import type { StoreProblem, WorkerStore } from "../WorkerStore.ts"
import { changed, commit, type HostedWorker } from "./HostedWorker.ts"

/**
 * The largest event of an executor as JSON, in bytes of UTF-8: three quarters of the largest frame that a backend takes
 * (16 MiB), so that the newest item of a transcript also fits a snapshot.
 */
export const maxEventBytes = 12_582_912

const encoder = new TextEncoder()

/** Why an event is not stored or shown. UTF-8 needs at most three bytes for one UTF-16 unit: most need no counting. */
const refusal = (json: string): RunFailure | undefined =>
  json.length * 3 > maxEventBytes && encoder.encode(json).length > maxEventBytes
    ? {
        code: "event_too_large",
        message: `What runs the worker said something larger than ${maxEventBytes} bytes at once.`
      }
    : undefined

/** The status event that goes with a state. */
export const status = (state: WorkerState): WorkerEvent =>
  event({ event: "status", data: { status: state === "busy" ? "running" : "idle", state } })

/** Stores and shows what the run says, as long as the worker is still in this run. */
const say = (
  store: WorkerStore["Service"],
  hosted: HostedWorker,
  events: ReadonlyArray<WorkerEvent>,
  change?: (worker: Worker) => Partial<Worker>,
  then?: Effect.Effect<void>
) =>
  hosted.lock.withPermit(
    Effect.suspend((): Effect.Effect<unknown, RunFailure | StoreProblem> => {
      if (isTerminal(hosted.worker.state)) return Effect.void
      const stored = commit(store, hosted, events, change?.(hosted.worker), undefined, refusal)
      return then === undefined ? stored : Effect.uninterruptible(Effect.andThen(stored, then))
    })
  )

/**
 * A store that no longer takes anything must not leave a worker that looks alive: the worker turns `errored` in memory
 * and its watchers are told with events that do not pretend to be durable. With the worker's lock held.
 */
export const fall = (hosted: HostedWorker, failure: RunFailure): void => {
  if (isTerminal(hosted.worker.state)) return
  hosted.worker = changed(hosted.worker, { state: "errored", state_reason: failure.message })
  hosted.log.append(event({ event: "error", data: { ...failure } }), false)
  hosted.log.append(status("errored"), false)
}

/** Shows what is not stored. Encoded here, since the size has to be looked at first. */
const show = (hosted: HostedWorker, transient: WorkerEvent): Effect.Effect<void, RunFailure> => {
  if (isTerminal(hosted.worker.state)) return Effect.void
  const json = JSON.stringify(transient)
  const refused = refusal(json)
  if (refused !== undefined) return Effect.fail(refused)
  hosted.log.append(transient, false, json)
  return Effect.void
}

/** What an executor said without meaning it as a failure: an exception, or an interruption of its own making. */
export const broken: RunFailure = {
  code: "internal",
  message: "What runs the worker broke off with an internal failure."
}

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
 *
 * @param then what follows the end of the turn, with the worker's lock still held
 */
export const run = (
  store: WorkerStore["Service"],
  hosted: HostedWorker,
  turn: Stream.Stream<WorkerEvent, RunFailure>,
  then: Effect.Effect<void>
): Effect.Effect<void> =>
  Effect.suspend(() => {
    let last = event({ event: "run_end", data: { result: "finished" } })
    return turn.pipe(
      Stream.runForEach((next) => {
        switch (next.event) {
          case "run_end":
            last = next
            return Effect.void
          case "status": {
            const told = { event: "status", data: { ...next.data, state: "busy" } }
            return next.data.status === "running" || next.data.status === "paused"
              ? say(store, hosted, [told])
              : Effect.void
          }
          case "permission_request":
          case "permission_resolved":
            return say(store, hosted, [next], ({ permission_requests }) => ({
              permission_requests: Permissions.after(permission_requests, next)
            }))
          case "input_queued":
          case "input_unqueued":
            // What waits is the engine's own matter.
            return Effect.void
          default:
            return isDurable(next) ? say(store, hosted, [next]) : Effect.suspend(() => show(hosted, next))
        }
      }),
      Effect.andThen(Effect.suspend(() => say(store, hosted, [last, status("idle")], () => ({ state: "idle" }), then)))
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
        return say(store, hosted, told, () => ({ state: "errored", state_reason: failure.message }), then).pipe(
          Effect.catchCause(() =>
            hosted.lock.withPermit(
              Effect.andThen(
                Effect.sync(() => fall(hosted, failure)),
                then
              )
            )
          )
        )
      })
    ),
    Effect.asVoid
  )
