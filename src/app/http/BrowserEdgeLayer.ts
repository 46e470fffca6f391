/** Implements the edge of the browser API around every endpoint. */
import { Effect, Layer } from "effect"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import { BrowserEdge } from "../../domain/api/BrowserApi.ts"
import { RequestId } from "../../domain/RequestId.ts"
import * as JsonBody from "./JsonBody.ts"
import * as Problems from "./Problems.ts"
import { of as idOf } from "./RequestId.ts"

/** What comes with a plain read is not looked at. The request's id goes along, so that a runtime's log names it too. */
export const layer = Layer.succeed(BrowserEdge, (endpoint) => {
  const answered = endpoint as Effect.Effect<HttpServerResponse>
  return Effect.flatMap(HttpServerRequest, (request) => {
    const plain = request.method === "GET" || request.method === "HEAD"
    const identified = Effect.provideService(answered, RequestId, idOf(request))
    return plain
      ? identified
      : Effect.matchEffect(JsonBody.check, { onFailure: Problems.respond, onSuccess: () => identified })
  })
})
