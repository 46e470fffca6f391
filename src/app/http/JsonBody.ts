/** Looks at a request's body before anything parses it: JSON in UTF-8, not compressed, and declared as what it is. */
import { isUtf8 } from "node:buffer"
import { Effect } from "effect"
import { HttpServerError } from "effect/http/HttpServerError"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Problem from "../../domain/Problem.ts"
import { maxBodyBytes } from "./NodeServer.ts"

/** JSON is UTF-8 by definition: another charset would be read as something that was not sent. */
const json = /^application\/json\s*(;\s*charset=("utf-8"|utf-8)\s*)?$/i

const tooLarge = Problem.make("payload_too_large", `The body is larger than ${maxBodyBytes} bytes.`, {
  max: maxBodyBytes
})

/** What became of a body that could not be read to its end; undefined for a failure that is about something else. */
export const unread = (error: unknown): Problem.Problem | undefined => {
  if (!(error instanceof HttpServerError) || error.reason._tag !== "RequestParseError") return undefined
  return (error.reason as { readonly reason?: string }).reason === "BodyTooLarge"
    ? tooLarge
    : Problem.make("invalid_request", "The body did not arrive.")
}

/** A body may be left out, and then its type too. */
export const check = Effect.gen(function* () {
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
