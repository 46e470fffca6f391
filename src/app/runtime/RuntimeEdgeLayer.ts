/** The one edge of the runtime API: every failure gets the error body, every call is counted, a defect is logged once. */
import { Cause, Clock, Effect, Layer } from "effect"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import { RuntimeEdge } from "../../domain/api/RuntimeApi.ts"
import * as Problem from "../../domain/Problem.ts"
import * as RequestId from "../http/RequestId.ts"
import * as RequestMetrics from "../observability/RequestMetrics.ts"
import { respond } from "./ErrorAnswer.ts"
import { fromCause } from "./RequestProblem.ts"

/** What a request that failed is answered with. Interruption passes: nobody is left to answer. */
export const problemOf = Effect.fnUntraced(function* (cause: Cause.Cause<unknown>) {
  if (Cause.hasInterruptsOnly(cause)) return yield* Effect.failCause(cause as Cause.Cause<never>)
  const problem = fromCause(cause)
  if (problem !== undefined) return problem
  yield* Effect.logError("defect", cause).pipe(Effect.annotateLogs({ request_id: yield* RequestId.current }))
  return Problem.make("internal")
})

export const layer = Layer.effect(
  RuntimeEdge,
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const metrics = yield* RequestMetrics.make
    return (endpoint, { endpoint: declared, group }) => {
      const operation = `${group.identifier}.${declared.identifier}`
      // A stream lasts as long as somebody watches; that is no latency.
      const timed = group.identifier !== "events"
      return Effect.suspend(() => {
        const started = timed ? clock.currentTimeNanosUnsafe() : undefined
        const count = (code: string) =>
          metrics.count(
            operation,
            code,
            started === undefined ? undefined : Number(clock.currentTimeNanosUnsafe() - started) / 1e9
          )
        return Effect.matchCauseEffect(endpoint as Effect.Effect<HttpServerResponse>, {
          onSuccess: (response) => {
            count("ok")
            return Effect.succeed(response)
          },
          onFailure: (cause) =>
            Effect.flatMap(problemOf(cause), (problem) => {
              count(problem._tag)
              return respond(problem)
            })
        })
      })
    }
  })
)
