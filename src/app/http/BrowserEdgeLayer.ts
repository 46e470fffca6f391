/** Implements the edge of the browser API around every endpoint. */
import { Effect, Layer } from "effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { BrowserEdge } from "../../domain/api/BrowserApi.ts"
import * as Problem from "../../domain/Problem.ts"
import { maxBodyBytes } from "./NodeServer.ts"
import * as Problems from "./Problems.ts"

const unsupportedMediaType = Problem.make("unsupported_media_type")

export const layer = Layer.succeed(BrowserEdge, (endpoint) =>
  Problems.caught(
    Effect.flatMap(endpoint as Effect.Effect<HttpServerResponse.HttpServerResponse>, (response) =>
      // The builder answers an unknown content type with a text of its own.
      response.status === 415 ? Problems.respond(unsupportedMediaType) : Effect.succeed(response)
    ),
    maxBodyBytes
  )
)
