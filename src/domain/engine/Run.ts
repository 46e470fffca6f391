/** One turn of a worker: the executor's stream, made durable and shown, up to the state it leaves the worker in. */
import { Effect, Stream } from "effect"
import { isTerminal, type Worker, type WorkerState } from "../Worker.ts"
import { event, isDurable, type WorkerEvent } from "../WorkerEvent.ts"
import type { RunFailure } from "../WorkerExecutor.ts"
import type { WorkerStore } from "../WorkerStore.ts"
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
  Effect.sync(() => {
    hosted.worker = { ...hosted.worker, state: "errored", state_reason: failure.message }
    hosted.log.append(event({ event: "error", data: { code: failure.code, message: failure.message } }), false)
    hosted.log.append(status("errored"), false)
  })

const show = (hosted: HostedWorker, transient: WorkerEvent): void => {
  if (!isTerminal(hosted.worker.state)) hosted.log.append(transient, false)
}

/** Runs the turn to its end; never fails. Interrupting it ends the turn without a word: whoever interrupts speaks. */
export const run = (
  store: WorkerStore["Service"],
  hosted: HostedWorker,
  turn: Stream.Stream<WorkerEvent, RunFailure>
): Effect.Effect<void> =>
  turn.pipe(
    Stream.runForEach((next) =>
      isDurable(next) ? say(store, hosted, [next]) : Effect.sync(() => show(hosted, next))
    ),
    Effect.andThen(
      say(store, hosted, [event({ event: "run_end", data: { result: "finished" } }), status("idle")], { state: "idle" })
    ),
    Effect.catch((failure) => {
      // A problem of the store carries its code as the tag, the executor's failure has it as a member.
      const { code, message } = "_tag" in failure ? { code: failure._tag, message: failure.message } : failure
      const told = [
        event({ event: "error", data: { code, message } }),
        event({ event: "run_end", data: { result: "rolled_back" } }),
        status("errored")
      ]
      return say(store, hosted, told, { state: "errored", state_reason: message }).pipe(
        Effect.catch(() => giveUp(hosted, { code, message }))
      )
    }),
    Effect.asVoid
  )
