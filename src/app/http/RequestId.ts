/** The id under which a request is told to its caller and found in the log. Made only when it is needed. */
import { randomUUID } from "node:crypto"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import { Effect } from "effect"

/** On the request itself: a table of all of them would outlive each. */
const key = Symbol("request id")

/** The same id for the same request, however often it is asked for. */
export const of = (request: HttpServerRequest): string => {
  const source: { [key]?: string } = request.source
  return (source[key] ??= randomUUID())
}

export const current = Effect.map(HttpServerRequest, of)
