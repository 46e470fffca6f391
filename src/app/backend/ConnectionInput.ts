/** What a person wrote about a connection, checked by the domain's rules; what is wrong becomes one problem. */
import { Effect, type Result } from "effect"
import * as Connection from "../../domain/Connection.ts"
import * as Problem from "../../domain/Problem.ts"

/** The most telling code for what is wrong with an entry. */
const refuse = (errors: ReadonlyArray<Problem.FieldError>) => {
  const only = (pointer: string) =>
    errors.length > 0 && errors.every((error) => error.pointer === pointer && error.code !== "unexpected")
  const secret = errors.find(({ code }) => code === "raw_secret")
  if (secret !== undefined) return Problem.make("invalid_request", Connection.RAW_SECRET_SENTENCE, { errors })
  if (only("/endpoint")) return Problem.make("invalid_endpoint", undefined, { errors })
  if (only("/id")) return Problem.make("invalid_runtime_id", undefined, { errors })
  return Problem.make("invalid_request", undefined, { errors })
}

export const checked = <A>(result: Result.Result<A, ReadonlyArray<Problem.FieldError>>) =>
  Effect.mapError(Effect.fromResult(result), refuse)
