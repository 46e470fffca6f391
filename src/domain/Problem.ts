/** The one failure of the product: a code of the closed catalogue, and what it is about. */
import { Effect, Schema } from "effect"
import * as Data from "effect/Data"
import { type Code, rowOf } from "./ProblemCatalogue.ts"

export type { Code } from "./ProblemCatalogue.ts"

/** What is wrong with one member of a request; never its value. */
export const FieldError = Schema.Struct({
  /** JSON pointer (RFC 6901) into the body, or the parameter's name after `/`. */
  pointer: Schema.String,
  code: Schema.String,
  message: Schema.optionalKey(Schema.String)
})
export type FieldError = typeof FieldError.Type

/** What stands in the way of a change: running workers or open streams, by name. */
export const Blocker = Schema.Struct({
  kind: Schema.Literals(["worker", "stream"]),
  runtime_id: Schema.String,
  worker_id: Schema.optionalKey(Schema.String),
  count: Schema.optionalKey(Schema.Int)
})
export type Blocker = typeof Blocker.Type

/** Everything here may be shown to anybody: no address, path, secret or upstream text. */
export const Context = Schema.Struct({
  runtime_id: Schema.optionalKey(Schema.String),
  worker_id: Schema.optionalKey(Schema.String),
  /** Dotted name, for instance `worker.input`. */
  operation: Schema.optionalKey(Schema.String),
  /** Name of the capability that is missing, for instance `workers.cancel`. */
  capability: Schema.optionalKey(Schema.String),
  /** A word that tells apart cases of one code, for instance `refused` or `dns`. */
  reason: Schema.optionalKey(Schema.String),
  /** The maximum that was exceeded, in the unit of the thing that was too large. */
  max: Schema.optionalKey(Schema.Int),
  retry_after_ms: Schema.optionalKey(Schema.Int),
  errors: Schema.optionalKey(Schema.Array(FieldError)),
  blockers: Schema.optionalKey(Schema.Array(Blocker))
})
export type Context = typeof Context.Type

/**
 * A typed failure. `_tag` is the wire code, so `Effect.catchTag("worker_busy", …)` reads like the API, and the set of
 * codes that an effect can fail with is part of its type.
 */
export class ProblemError<C extends Code> extends Data.Error<{
  readonly detail: string
  readonly context: Context
}> {
  readonly _tag: C
  constructor(code: C, detail: string, context: Context) {
    super({ detail, context })
    this._tag = code
    // The stack of a refusal is never shown and tells where files are.
    this.stack = `${code}: ${detail}`
  }
  override get message(): string {
    return this.detail
  }
  get status(): number {
    return rowOf(this._tag).status
  }
  get retryable(): boolean {
    return rowOf(this._tag).retryable
  }
}

/** The union of the problems with the given codes. */
export type Problem<C extends Code = Code> = C extends Code ? ProblemError<C> : never

/**
 * @param detail one sentence for a person about this case, or nothing for the catalogue's own sentence
 */
export const make = <C extends Code>(code: C, detail?: string, context: Context = {}): Problem<C> =>
  new ProblemError(code, detail ?? rowOf(code).title, context) as Problem<C>

export const fail = <C extends Code>(code: C, detail?: string, context?: Context): Effect.Effect<never, Problem<C>> =>
  Effect.fail(make(code, detail, context))

export const isProblem = (value: unknown): value is Problem => value instanceof ProblemError

/** The same problem with more said about where it happened; what it already says stays. */
export const withContext = <P extends Problem>(problem: P, context: Context): P =>
  new ProblemError(problem._tag, problem.detail, { ...context, ...problem.context }) as P
