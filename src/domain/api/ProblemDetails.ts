/** Problems on the browser wire: RFC 9457 documents whose `code` is one of the closed catalogue. */
import { Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"
import * as Problem from "../Problem.ts"
import { type Code, codes, rowOf } from "../ProblemCatalogue.ts"

export const contentType = "application/problem+json"

/** A problem type is a URI; nothing is fetched from it. The path is the anchor of the row in the documentation. */
export const typeOf = (code: Code): string => `https://yoi-workspace.invalid/problems/${code.replaceAll("_", "-")}`

const Origin = Schema.Literals(["caller", "gateway", "network", "runtime", "plugin"])

const fields = {
  type: Schema.String,
  title: Schema.String,
  detail: Schema.String,
  /** The request's id, which is also in the log. */
  instance: Schema.optionalKey(Schema.String),
  origin: Origin,
  retryable: Schema.Boolean,
  fix: Schema.String,
  ...Problem.Context.fields
}

export const ProblemDetails = Schema.Struct({ ...fields, status: Schema.Int, code: Schema.Literals(codes) }).annotate({
  identifier: "ProblemDetails"
})
export type ProblemDetails = typeof ProblemDetails.Type

export const toDetails = (problem: Problem.Problem, instance?: string): ProblemDetails => {
  const row = rowOf(problem._tag)
  return {
    type: typeOf(problem._tag),
    title: row.title,
    status: row.status,
    detail: problem.detail,
    ...(instance === undefined ? undefined : { instance }),
    code: problem._tag,
    origin: row.origin,
    retryable: row.retryable,
    ...problem.context,
    fix: row.fix
  }
}

/** The declaration of what an endpoint can fail with: one body per status, with the codes that it can carry. */
export const problems = (...possible: ReadonlyArray<Code>) => {
  const statuses = [...new Set(possible.map((code) => rowOf(code).status))].toSorted((a, b) => a - b)
  return statuses.map((status) => {
    const here = possible.filter((code) => rowOf(code).status === status)
    return Schema.Struct({ ...fields, status: Schema.Literal(status), code: Schema.Literals(here) }).pipe(
      HttpApiSchema.asJson({ contentType }),
      HttpApiSchema.status(status)
    )
  })
}
