/** Implements the edge of the browser API around every endpoint. */
import { Effect, Layer } from "effect"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import { BrowserEdge } from "../../domain/api/BrowserApi.ts"
import * as JsonBody from "./JsonBody.ts"
import { maxBodyBytes } from "./NodeServer.ts"
import * as Problems from "./Problems.ts"

/** What comes with a plain read is not looked at. */
const checked = Effect.flatMap(HttpServerRequest, ({ method }) =>
  method === "GET" || method === "HEAD" ? Effect.void : JsonBody.check
)

export const layer = Layer.succeed(BrowserEdge, (endpoint) =>
  Problems.caught(Effect.andThen(checked, endpoint as Effect.Effect<HttpServerResponse>), maxBodyBytes)
)
