/** How turns begin: the one that was just asked for, and after each the next input that waits. */
import { Cause, Effect, Exit, Option, type Stream } from "effect"
import type { Problem } from "../Problem.ts"
import { isTerminal, type QueuedInput, type WorkerInput } from "../Worker.ts"
import { event, type KnownEvent, type WorkerEvent } from "../WorkerEvent.ts"
import type { RunFailure } from "../WorkerExecutor.ts"
import * as Guard from "./Guard.ts"
import type { Engine } from "./Host.ts"
import { commit, type HostedWorker } from "./HostedWorker.ts"
import { broken, run, status } from "./Run.ts"
import * as Session from "./Session.ts"

/** Between two attempts to start a waiting input while the store fails, in milliseconds. */
export const retryMs = 5_000

export const inputEvent = (input: WorkerInput): WorkerEvent =>
  input.kind === "user"
    ? event({ event: "user_message", data: { segments: [{ kind: "text", content: input.content }] } })
    : event({ event: "system_item", data: { item: { content: input.content } } })

type Unqueued = Extract<KnownEvent, { readonly event: "input_unqueued" }>["data"]

export const unqueued = ({ input_id }: QueuedInput, reason: Unqueued["reason"], message?: string): WorkerEvent =>
  event({
    event: "input_unqueued",
    data: { input_id, reason, ...(message === undefined ? undefined : { message }) }
  })

/** Runs a turn whose input is durable; with the worker's lock held. */
export const begin = Effect.fnUntraced(function* (
  engine: Engine,
  hosted: HostedWorker,
  turn: Stream.Stream<WorkerEvent, RunFailure>
) {
  hosted.run = yield* Effect.forkIn(run(engine.store, hosted, turn, over(engine, hosted)), hosted.scope)
})

/** What follows a turn, with the worker's lock still held. */
const over = (engine: Engine, hosted: HostedWorker) => Effect.andThen(next(engine, hosted), Guard.watch(engine, hosted))

/** Sees to it that the next waiting input starts, if there is one. */
export const next = (engine: Engine, hosted: HostedWorker): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (hosted.starting || !isReady(engine, hosted)) return Effect.void
    hosted.starting = true
    return Effect.asVoid(Effect.forkIn(keepStarting(engine, hosted), hosted.scope))
  })

/** Whether an input waits for a worker that could take it. While the runtime shuts down what waits is left to the next. */
const isReady = (engine: Engine, { session, worker }: HostedWorker): boolean =>
  worker.queued_inputs !== undefined &&
  session !== undefined &&
  !engine.draining &&
  worker.state !== "busy" &&
  !isTerminal(worker.state)

/** Until a turn has begun or nothing waits; an acknowledged input is not given up because the store fails for a while. */
const keepStarting = (engine: Engine, hosted: HostedWorker): Effect.Effect<void> =>
  hosted.lock
    .withPermit(
      Effect.tap(startNext(engine, hosted), (goOn) =>
        Effect.sync(() => {
          hosted.starting = goOn
        })
      )
    )
    .pipe(
      Effect.catchCause((cause) =>
        Effect.logError("A waiting input could not be started", cause).pipe(
          Effect.annotateLogs({ worker_id: hosted.worker.worker_id }),
          Effect.andThen(Effect.sleep(retryMs)),
          Effect.as(true)
        )
      ),
      Effect.flatMap((goOn) => (goOn ? keepStarting(engine, hosted) : Effect.void))
    )

/** True when there may be another one to start. */
const startNext = Effect.fnUntraced(function* (engine: Engine, hosted: HostedWorker) {
  const { session, worker } = hosted
  const [input, ...queued_inputs] = worker.queued_inputs ?? []
  if (input === undefined || session === undefined || !isReady(engine, hosted)) return false
  const { content, kind } = input
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const accepted = yield* Effect.exit(restore(Session.accept(session, { kind, content })))
      // The end of the worker or of the runtime is no refusal; here it ends this fiber.
      yield* restore(Effect.void)
      if (Exit.isFailure(accepted)) {
        const message = yield* refusalOf(hosted, accepted.cause)
        const last_result = { operation: "input", outcome: "rejected", message } as const
        yield* commit(engine.store, hosted, [unqueued(input, "rejected", message)], { queued_inputs, last_result })
        return true
      }
      const events = [unqueued(input, "started"), inputEvent(input), status("busy")]
      const last_result = { operation: "input", outcome: "accepted" } as const
      yield* commit(engine.store, hosted, events, { state: "busy", last_result, queued_inputs })
      yield* begin(engine, hosted, accepted.value)
      return false
    })
  )
})

const refusalOf = Effect.fnUntraced(function* (hosted: HostedWorker, cause: Cause.Cause<Problem>) {
  const problem = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (problem !== undefined) return problem.message
  yield* Effect.logError("A waiting input was refused with a failure", cause).pipe(
    Effect.annotateLogs({ worker_id: hosted.worker.worker_id })
  )
  return broken.message
})
