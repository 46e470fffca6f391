/** What a case may claim. A claim that does not hold fails the case with a sentence; nothing hidden is repeated in it. */
import { Cause, Data, Effect, Exit, Option } from "effect"
import * as Problem from "../Problem.ts"
import { isCode, rowOf } from "../ProblemCatalogue.ts"
import type { Source } from "./Subject.ts"

/** A promise of the port that is not kept. */
export class Broken extends Data.TaggedError("Broken")<{ readonly sentence: string }> {
  override get message(): string {
    return this.sentence
  }
}

export type Failure = Broken | Problem.Problem

export const broken = (sentence: string) => Effect.fail(new Broken({ sentence }))

export const that = (holds: boolean, sentence: string): Effect.Effect<void, Broken> =>
  holds ? Effect.void : broken(sentence)

/** Longest value that a sentence shows, in UTF-16 units. */
const maxShown = 400

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "nothing"
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text
}

/** Compares as JSON: members that are undefined do not count, their order does. */
export const same = (actual: unknown, expected: unknown, what: string): Effect.Effect<void, Broken> =>
  that(JSON.stringify(actual) === JSON.stringify(expected), `${what}: ${show(actual)} instead of ${show(expected)}`)

/** What a refusal must say about itself. */
export interface About {
  readonly operation: string
  readonly worker_id?: string
}

const checked = Effect.fnUntraced(function* (
  source: Source,
  problem: unknown,
  about: About,
  codes: ReadonlyArray<Problem.Code>
) {
  const { operation } = about
  if (!Problem.isProblem(problem)) return yield* broken(`${operation} failed with something that is no problem`)
  yield* that(isCode(problem._tag), `${operation} failed with a code outside the catalogue`)
  const { status } = rowOf(problem._tag)
  yield* that(
    codes.includes(problem._tag),
    `${operation} was refused with ${problem._tag} (${status}) instead of ${codes.join(" or ")}`
  )
  yield* that(problem.message.trim() !== "", `${problem._tag} has no message`)
  const { context } = problem
  yield* same(context.runtime_id, source.id, `runtime_id of ${problem._tag}`)
  yield* same(context.operation, operation, `operation of ${problem._tag}`)
  if (about.worker_id !== undefined) {
    yield* same(context.worker_id, about.worker_id, `worker_id of ${problem._tag}`)
  }
  return problem
})

/** The problem of a call that must be refused with one of the codes, complete in all that a problem must say. */
export const refused = Effect.fnUntraced(function* <A, R>(
  source: Source,
  call: Effect.Effect<A, unknown, R>,
  about: About,
  ...codes: ReadonlyArray<Problem.Code>
) {
  const exit = yield* Effect.exit(call)
  if (Exit.isSuccess(exit)) return yield* broken(`${about.operation} succeeded instead of ${codes.join(" or ")}`)
  const failure = Cause.findErrorOption(exit.cause)
  if (Option.isNone(failure)) return yield* broken(`${about.operation} broke off instead of failing with a problem`)
  return yield* checked(source, failure.value, about, codes)
})
