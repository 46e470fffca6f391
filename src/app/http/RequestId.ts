/** The id under which a request is told to its caller and found in the log. Made only when it is needed. */
import { randomUUID } from "node:crypto"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import { Effect } from "effect"

const ids = new WeakMap<object, string>()

/** The same id for the same request, however often it is asked for. */
export const of = (request: HttpServerRequest): string => {
  const known = ids.get(request.source)
  if (known !== undefined) return known
  const id = randomUUID()
  ids.set(request.source, id)
  return id
}

export const current = Effect.map(HttpServerRequest, of)
