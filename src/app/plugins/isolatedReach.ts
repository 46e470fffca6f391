/** The way to a runtime, gone by the plugin in its host and shown by the backend: the two halves of one walk. */
import { Cause, Effect, Exit, Queue, Stream } from "effect"
import type { ReachNews } from "../../adapters/rpc/HostRpcs.ts"
import type { Steps } from "../../domain/ConnectionTest.ts"
import type * as Problem from "../../domain/Problem.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"

/** In the host: what is told while `go` walks. */
export const told = (go: (steps: Steps) => Effect.Effect<unknown, Problem.Problem>) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const news = yield* Queue.unbounded<ReachNews, Problem.Problem | Cause.Done>()
      const steps: Steps = {
        take: (step, effect, say) =>
          Effect.gen(function* () {
            yield* Queue.offer(news, { news: "begun", step })
            const value = yield* Effect.tapError(effect, (problem) => Queue.offer(news, { news: "failed", problem }))
            yield* Queue.offer(news, { news: "passed", said: say(value) })
            return value
          }),
        skip: (step, code, summary) => Queue.offer(news, { news: "skipped", step, code, summary })
      }
      yield* Effect.forkScoped(
        Effect.onExit(go(steps), (exit) => (Exit.isSuccess(exit) ? Queue.end(news) : Queue.failCause(news, exit.cause)))
      )
      return Stream.fromQueue(news)
    })
  )

/** In the backend: the same walk in its own steps, which are timed and bounded here. */
export const shown = (news: Stream.Stream<ReachNews, Problem.Problem>, steps: Steps) =>
  Effect.gen(function* () {
    const queue = yield* Stream.toQueue(news, { capacity: 16 })
    const next = Queue.take(queue)
    const broken = Effect.fail(RuntimeFault.problem("wrong_shape"))
    const outcome = next.pipe(
      Effect.catchIf(Cause.isDone, () => broken),
      Effect.flatMap((it) => {
        if (it.news === "passed") return Effect.succeed(it.said)
        return it.news === "failed" ? Effect.fail(it.problem) : broken
      })
    )
    const walk = Effect.gen(function* () {
      for (;;) {
        const it = yield* next
        if (it.news === "begun") yield* steps.take(it.step, outcome, (said) => said)
        if (it.news === "skipped") yield* steps.skip(it.step, it.code, it.summary)
      }
    })
    yield* Effect.catchIf(walk, Cause.isDone, () => Effect.void)
  }).pipe(Effect.scoped)
