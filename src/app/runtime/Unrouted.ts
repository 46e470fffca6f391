/** What no route takes: unknown paths and methods get the error body too, and so does whatever slips past the routes. */
import { type Cause, Effect, type Types } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import { RuntimeApi } from "../../domain/api/RuntimeApi.ts"
import * as Fallback from "../http/Fallback.ts"
import * as RequestMetrics from "../observability/RequestMetrics.ts"
import { respond } from "./ErrorAnswer.ts"
import { problemOf } from "./RuntimeEdgeLayer.ts"

export const openApiPath = "/v1/openapi.json"

const explain = Fallback.make(RuntimeApi, [["GET", openApiPath]])

const answer = Effect.fnUntraced(function* (cause: Cause.Cause<unknown>, metrics: RequestMetrics.RequestMetrics) {
  if (!Fallback.isRouteNotFound(cause)) return yield* respond(yield* problemOf(cause))
  const { method, url } = yield* HttpServerRequest
  const { allow, problem } = explain(method, url.split(/[?#]/, 1)[0]!)
  metrics.count("unrouted", problem._tag, undefined)
  return yield* respond(problem, allow === undefined ? undefined : { allow })
})

export const layer = HttpRouter.middleware(
  Effect.gen(function* () {
    const metrics = yield* RequestMetrics.make
    // The router's types want a middleware to leave errors to the server, whose own answers are empty.
    return (routed) =>
      Effect.catchCause(routed, (cause) => answer(cause, metrics)) as Effect.Effect<
        HttpServerResponse,
        Types.unhandled,
        HttpServerRequest
      >
  }),
  { global: true }
)
