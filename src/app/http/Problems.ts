/** The one edge of the browser API: whatever went wrong becomes one problem document, and a defect is logged once. */
import { Cause, Effect } from "effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { HttpApiError } from "effect/http-api"
import { fieldErrors } from "../../domain/api/FieldErrors.ts"
import { contentType, toDetails } from "../../domain/api/ProblemDetails.ts"
import * as Problem from "../../domain/Problem.ts"
import { unread } from "./JsonBody.ts"
import * as RequestId from "./RequestId.ts"

/** Codes whose cause is ours to look into; everything else is an answer like any other. */
const worthALine: ReadonlySet<Problem.Code> = new Set([
  "internal",
  "store_io",
  "store_corrupt",
  "store_missing",
  "config_io"
])

const headersOf = (problem: Problem.Problem): Record<string, string> => {
  const { retry_after_ms } = problem.context
  return {
    "cache-control": "no-store",
    ...(retry_after_ms === undefined ? undefined : { "retry-after": String(Math.ceil(retry_after_ms / 1_000)) })
  }
}

export const respond = (problem: Problem.Problem) =>
  Effect.gen(function* () {
    const instance = yield* RequestId.current
    if (worthALine.has(problem._tag)) {
      yield* Effect.logError("request failed").pipe(
        Effect.annotateLogs({ request_id: instance, code: problem._tag, ...problem.context })
      )
    }
    return HttpServerResponse.jsonUnsafe(toDetails(problem, instance), {
      status: problem.status,
      contentType,
      headers: { ...headersOf(problem), "x-request-id": instance }
    })
  })

/** Answers with the problem where the effect fails with one. */
export const answer = <A, R>(effect: Effect.Effect<A, Problem.Problem, R>) => Effect.catch(effect, respond)

/** What a request got wrong before a handler saw it. */
const decoding = (error: HttpApiError.HttpApiSchemaError): Problem.Problem => {
  const { issue } = error.cause
  const errors = fieldErrors(issue)
  switch (error.kind) {
    case "Params":
      switch (errors[0]?.pointer) {
        case "/runtime_id":
          return Problem.make("invalid_runtime_id")
        case "/permission_id":
        case "/input_id":
          return Problem.make("invalid_request", undefined, { errors })
        default:
          return Problem.make("invalid_worker_id")
      }
    case "Query":
      return Problem.make("invalid_query", undefined, { errors })
    case "Headers":
      return Problem.make("invalid_request", "A header is not valid.", { errors })
    case "Payload":
      // The builder reports broken JSON as an issue at the root with a sentence of its own.
      return issue._tag === "InvalidValue"
        ? Problem.make("invalid_json")
        : Problem.make("invalid_request", undefined, { errors })
    default:
      return Problem.make("internal")
  }
}

/** Never tells the caller what a defect says, and never loses it: it is logged with the request's id. */
export const caught = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catchCause(effect, (cause) =>
    Effect.gen(function* () {
      const failure = Cause.findErrorOption(cause)
      if (failure._tag === "Some") {
        const error: unknown = failure.value
        if (Problem.isProblem(error)) return yield* respond(error)
        if (HttpApiError.HttpApiSchemaError.is(error)) {
          const problem = decoding(error)
          if (problem._tag === "internal") yield* log(cause)
          return yield* respond(problem)
        }
      }
      if (Cause.hasInterruptsOnly(cause)) return yield* Effect.failCause(cause as Cause.Cause<never>)
      const defect = cause.reasons.find((reason) => reason._tag === "Die")
      const problem = defect === undefined ? undefined : unread(defect.defect)
      if (problem !== undefined) return yield* respond(problem)
      yield* log(cause)
      return yield* respond(Problem.make("internal"))
    })
  )

const log = (cause: Cause.Cause<unknown>) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest
    yield* Effect.logError("defect", cause).pipe(
      Effect.annotateLogs({ request_id: RequestId.of(request), method: request.method })
    )
  })
