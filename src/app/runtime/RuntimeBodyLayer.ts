/** Looks at a request's body before anything parses it. */
import { isUtf8 } from "node:buffer"
import { Effect, Layer } from "effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import { RuntimeBody } from "../../domain/api/RuntimeApi.ts"
import * as Problem from "../../domain/Problem.ts"
import { maxBodyBytes } from "../http/NodeServer.ts"
import { tooLarge } from "./RequestProblem.ts"

const json = /^application\/json(?:\s*;|\s*$)/i

/** Stop and cancel may come without any body, and then without a type. */
const check = Effect.gen(function* () {
  const request = yield* HttpServerRequest
  const { "content-encoding": encoding, "content-length": length, "content-type": type } = request.headers
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    return yield* Problem.make("unsupported_media_type", "Compressed bodies are not taken.")
  }
  if (length !== undefined && Number(length) > maxBodyBytes) return yield* tooLarge
  if (type !== undefined && !json.test(type)) return yield* Problem.make("unsupported_media_type")
  const body = new Uint8Array(yield* Effect.orDie(request.arrayBuffer))
  if (body.length === 0) return
  if (type === undefined) return yield* Problem.make("unsupported_media_type")
  if (!isUtf8(body)) return yield* Problem.make("invalid_json", "The body is not encoded as UTF-8.")
})

export const layer = Layer.succeed(RuntimeBody, (endpoint) => Effect.andThen(check, endpoint))
