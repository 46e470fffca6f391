/** Ends a turn and not its worker. */
import { Clock, Effect, Fiber, Option } from "effect"
import type { WorkerId } from "../Identifiers.ts"
import * as Problem from "../Problem.ts"
import { maxStopMs } from "../ProfileDeclaration.ts"
import { type Ack, isTerminal, type Worker } from "../Worker.ts"
import { event } from "../WorkerEvent.ts"
import type { RunFailure } from "../WorkerExecutor.ts"
import type { Receipt } from "../WorkerStore.ts"
import { ackOf, acknowledge, type Engine, locked, type ToReceipt } from "./Host.ts"
import { commit, type HostedWorker, shown } from "./HostedWorker.ts"
import { fall, status } from "./Run.ts"
import { next } from "./Turns.ts"

/**
 * What an executor may take to call its turn off, in milliseconds. A last resort: an executor of a profile asks for the
 * end of the turn, then for that of the program, each for at most `stop_ms`, and then needs a moment for the end by force.
 */
export const interruptDeadlineMs = 2 * maxStopMs + 10_000

const late: RunFailure = {
  code: "interrupt_timeout",
  message: `What runs the worker did not end its turn within ${interruptDeadlineMs} ms.`
}

/** Whether the worker is still in this run. */
const isIn = ({ run: newest, worker }: HostedWorker, run: HostedWorker["run"]) =>
  worker.state === "busy" && newest === run

/** Waits until the run is over, or the worker is. The lock is held but while the worker's end needs it. False when late. */
const windDown = Effect.fnUntraced(function* (hosted: HostedWorker, run: Fiber.Fiber<unknown, unknown>) {
  const deadline = (yield* Clock.currentTimeMillis) + interruptDeadlineMs
  const over = Effect.as(Fiber.await(run), true)
  const wanted = Effect.as(hosted.giveWay.wanted, false)
  while (isIn(hosted, run)) {
    const left = Math.max(0, deadline - (yield* Clock.currentTimeMillis))
    const ended = yield* Effect.timeoutOption(Effect.raceFirst(over, wanted), left)
    if (Option.isNone(ended)) return false
    if (ended.value) return true
    yield* hosted.giveWay.lend(hosted.lock)
  }
  return true
})

/**
 * Ends the turn of a busy worker, with the worker's lock held and without a way to give up halfway. While it waited the
 * worker may have ended, and the turn with it: then nothing is done here, and the answer is undefined.
 */
export const endTurn = Effect.fnUntraced(function* (
  engine: Engine,
  hosted: HostedWorker,
  reason: string | undefined,
  receiptOf?: (worker: Worker) => Receipt | undefined
) {
  const { run } = hosted
  run?.interruptUnsafe()
  const inTime = run === undefined || (yield* windDown(hosted, run))
  if (!isIn(hosted, run)) return undefined
  const events = [
    ...shown(hosted),
    ...(inTime ? [] : [event({ event: "error", data: { ...late } })]),
    event({ event: "run_end", data: { result: "rolled_back" } }),
    status(inTime ? "idle" : "errored")
  ]
  const last_result = {
    operation: "input",
    outcome: "accepted",
    ...(reason === undefined ? undefined : { message: reason })
  } as const
  const change = inTime
    ? ({ state: "idle", last_result } as const)
    : ({ state: "errored", state_reason: late.message, last_result } as const)
  return yield* commit(engine.store, hosted, events, change, receiptOf).pipe(
    // The turn is over whatever the store says.
    Effect.tapCause(() => Effect.sync(() => fall(hosted, unstored)))
  )
}, Effect.uninterruptible)

const unstored: RunFailure = {
  code: "store_io",
  message: "The turn was interrupted, and the runtime could not write it to its store."
}

export const interrupt = (engine: Engine, worker_id: WorkerId, reason: string | undefined, toReceipt: ToReceipt<Ack>) =>
  locked(
    engine,
    worker_id,
    Effect.fnUntraced(function* (hosted) {
      const { state } = hosted.worker
      if (isTerminal(state)) return yield* Problem.make("worker_not_running", `The worker is ${state}.`)
      if (state !== "busy") return yield* acknowledge(engine, hosted, toReceipt)
      const worker = yield* endTurn(engine, hosted, reason, (after) => toReceipt(ackOf(after))).pipe(
        Effect.ensuring(Effect.suspend(() => next(engine, hosted)))
      )
      return worker === undefined ? yield* acknowledge(engine, hosted, toReceipt) : ackOf(worker)
    }, Effect.uninterruptible)
  )
