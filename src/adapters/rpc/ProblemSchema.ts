/** A problem as it travels between a source's host and the backend: code, sentence and context, nothing else. */
import { Schema, SchemaTransformation } from "effect"
import * as Problem from "../../domain/Problem.ts"
import { codes } from "../../domain/ProblemCatalogue.ts"

const Wire = Schema.Struct({ code: Schema.Literals(codes), detail: Schema.String, context: Problem.Context })

export const ProblemSchema = Wire.pipe(
  Schema.decodeTo(
    Schema.declare(Problem.isProblem),
    SchemaTransformation.transform({
      decode: ({ code, context, detail }) => Problem.make(code, detail, context) as Problem.Problem,
      encode: (problem) => ({ code: problem._tag, detail: problem.detail, context: problem.context })
    })
  )
)
