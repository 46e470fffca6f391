/** A problem as the runtime API answers it: the one error body, and the headers that go with some codes. */
import { Effect } from "effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { encode } from "../../domain/api/RuntimeProblems.ts"
import type * as Problem from "../../domain/Problem.ts"
import * as RequestId from "../http/RequestId.ts"

/** Codes whose cause is ours to look into; everything else is an answer like any other. */
const worthALine: ReadonlySet<Problem.Code> = new Set(["internal", "store_io", "store_corrupt", "store_missing"])

/** Headers that some codes come with. Refusals at the door and answers of the router share them. */
export const headersOf = (problem: Problem.Problem): Record<string, string> => {
  const { retry_after_ms } = problem.context
  return {
    "cache-control": "no-store",
    ...(retry_after_ms === undefined ? undefined : { "retry-after": String(Math.ceil(retry_after_ms / 1_000)) }),
    ...(problem._tag === "unauthorized" ? { "www-authenticate": "Bearer" } : undefined),
    // What is left of the body is not read.
    ...(problem._tag === "payload_too_large" ? { connection: "close" } : undefined)
  }
}

export const respond = (problem: Problem.Problem, headers?: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest
    const id = RequestId.of(request)
    if (worthALine.has(problem._tag)) {
      yield* Effect.logError("request failed").pipe(
        Effect.annotateLogs({ request_id: id, code: problem._tag, ...problem.context })
      )
    }
    return HttpServerResponse.jsonUnsafe(encode(problem), {
      status: problem.status,
      headers: {
        ...headersOf(problem),
        // A connection that asked for an upgrade is over once it is refused.
        ...(request.headers.upgrade === undefined ? undefined : { connection: "close" }),
        "x-request-id": id,
        ...headers
      }
    })
  })
