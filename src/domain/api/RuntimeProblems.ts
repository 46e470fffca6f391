/** Problems as the runtime API tells them: one schema per status, so that the API document lists the codes. */
import { Schema, SchemaTransformation } from "effect"
import * as Problem from "../Problem.ts"
import { rowOf } from "../ProblemCatalogue.ts"

/** The error body of a problem. Everything in it may be shown to anybody. */
export const encode = <C extends Problem.Code>(problem: Problem.Problem<C>) => ({
  error: {
    code: problem._tag as C,
    message: problem.message,
    retryable: problem.retryable,
    details: problem.context
  }
})

const Details = Problem.Context.annotate({ identifier: "ErrorDetails" })

const bodyOf = <C extends Problem.Code>(codes: ReadonlyArray<C>) =>
  Schema.Struct({
    error: Schema.Struct({
      code: Schema.Literals(codes),
      message: Schema.String,
      retryable: Schema.Boolean,
      details: Details
    })
  })

const ofStatus = <C extends Problem.Code>(status: number, codes: ReadonlyArray<C>) =>
  bodyOf(codes)
    .pipe(
      Schema.decodeTo(
        Schema.declare(
          (it): it is Problem.Problem<C> => Problem.isProblem(it) && codes.some((code) => code === it._tag)
        ),
        SchemaTransformation.transform({
          decode: ({ error }) => Problem.make(error.code, error.message, error.details) as Problem.Problem<C>,
          encode: (problem) => encode<C>(problem)
        })
      )
    )
    .annotate({ httpApiStatus: status })

/** Declares what an endpoint can fail with. */
export const problems = <const C extends Problem.Code>(...codes: ReadonlyArray<C>) => {
  const byStatus = new Map<number, Array<C>>()
  for (const code of codes) {
    const { status } = rowOf(code)
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  return Array.from(byStatus, ([status, list]) => ofStatus(status, list))
}
