/** Watches over a session between two turns: one that ends by itself leaves its worker `errored`, not idle. */
import { Effect, Fiber } from "effect"
import { event } from "../WorkerEvent.ts"
import type { RunFailure } from "../WorkerExecutor.ts"
import type { Engine } from "./Host.ts"
import { commit, type HostedWorker } from "./HostedWorker.ts"
import { fall, status } from "./Run.ts"

/** Waits for the end of the worker's session, once at a time; to be called whenever the worker has become idle. */
export const watch = (engine: Engine, hosted: HostedWorker): Effect.Effect<void> =>
  Effect.suspend(() => {
    const ended = hosted.session?.ended
    if (ended === undefined || hosted.guarded || hosted.worker.state !== "idle") return Effect.void
    hosted.guarded = true
    const guard = ended.pipe(
      Effect.flatMap((failure) => mark(engine, hosted, failure)),
      Effect.catchCause((cause) =>
        Effect.logError("The end of a session could not be told", cause).pipe(
          Effect.annotateLogs({ worker_id: hosted.worker.worker_id })
        )
      )
    )
    return Effect.asVoid(Effect.forkIn(guard, hosted.scope))
  })

const mark = Effect.fnUntraced(function* (engine: Engine, hosted: HostedWorker, failure: RunFailure) {
  const { run } = hosted
  // An end that became known while the turn was ending is told once the turn is over.
  if (run !== undefined) yield* Fiber.await(run)
  yield* hosted.lock.withPermit(
    Effect.suspend(() => {
      hosted.guarded = false
      // A turn that has begun since finds out by itself, or has started the session again.
      if (hosted.worker.state !== "idle" || hosted.run !== run) return watch(engine, hosted)
      const events = [event({ event: "error", data: { ...failure } }), status("errored")]
      return commit(engine.store, hosted, events, { state: "errored", state_reason: failure.message }).pipe(
        Effect.catchCause(() => Effect.sync(() => fall(hosted, failure)))
      )
    })
  )
})
