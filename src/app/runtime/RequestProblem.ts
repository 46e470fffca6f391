/** What a request got wrong before a handler saw it, in the words of the catalogue. */
import type * as Cause from "effect/Cause"
import { HttpApiError } from "effect/http-api"
import { fieldErrors } from "../../domain/api/FieldErrors.ts"
import * as Problem from "../../domain/Problem.ts"
import { unread } from "../http/JsonBody.ts"

/** Members of a body and parameters of a query whose mistakes have a code of their own. */
const codes: ReadonlyArray<readonly [prefix: string, code: Problem.Code]> = [
  ["/worker_id", "invalid_worker_id"],
  ["/profile", "invalid_profile_selector"],
  ["/initial_input/kind", "invalid_initial_input_kind"],
  ["/cursor", "invalid_cursor"],
  ["/last-event-id", "invalid_cursor"]
]

/** The code that all the mistakes have in common, or the general one. */
const codeOf = (errors: ReadonlyArray<Problem.FieldError>, general: Problem.Code): Problem.Code => {
  const found = codes.find(([prefix]) =>
    errors.every(({ pointer }) => pointer === prefix || pointer.startsWith(`${prefix}/`))
  )
  return found === undefined || errors.length === 0 ? general : found[1]
}

const decoding = (error: HttpApiError.HttpApiSchemaError): Problem.Problem | undefined => {
  const { issue } = error.cause
  const errors = fieldErrors(issue)
  switch (error.kind) {
    case "Params":
    case "Headers":
      return Problem.make(codeOf(errors, "invalid_request"), undefined, { errors })
    case "Query":
      return Problem.make(codeOf(errors, "invalid_query"), undefined, { errors })
    case "Payload":
      // Broken JSON is an issue at the root, of a kind that no schema of ours raises there.
      return issue._tag === "InvalidValue"
        ? Problem.make("invalid_json")
        : Problem.make(codeOf(errors, "invalid_request"), undefined, { errors })
    default:
      return undefined
  }
}

const ofUnknown = (error: unknown): Problem.Problem | undefined => {
  if (Problem.isProblem(error)) return error
  if (HttpApiError.HttpApiSchemaError.is(error)) return decoding(error)
  return unread(error)
}

/** The problem that a failed request comes down to; undefined when it failed for a reason that is ours. */
export const fromCause = (cause: Cause.Cause<unknown>): Problem.Problem | undefined => {
  for (const reason of cause.reasons) {
    if (reason._tag === "Interrupt") continue
    const problem = ofUnknown(reason._tag === "Fail" ? reason.error : reason.defect)
    if (problem !== undefined) return problem
  }
  return undefined
}
