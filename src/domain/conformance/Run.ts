/** Runs cases against a subject, one after the other, and says of each what came out. */
import { Cause, Clock, Effect, Exit, Option, Redacted } from "effect"
import * as Problem from "../Problem.ts"
import type { RuntimeDescription } from "../Runtime.ts"
import * as Bench from "./Bench.ts"
import { type Case, lacks } from "./Case.ts"
import { all } from "./Cases.ts"
import * as Declared from "./Declared.ts"
import { Broken } from "./Expect.ts"
import { make as makeReport, type Outcome, outcome, type Report } from "./Report.ts"
import type { Subject } from "./Subject.ts"

/** A case that takes longer has failed, in milliseconds. Generous: the slowest takes a second on a good day. */
export const defaultDeadlineMs = 20_000

export interface Options {
  /** All of them unless given. */
  readonly cases?: ReadonlyArray<Case>
  readonly deadlineMs?: number
  /** Called after each case. */
  readonly onOutcome?: (outcome: Outcome) => Effect.Effect<void>
}

/** The case of the wrong token: whoever takes a token must refuse a wrong one. */
const obligatory = "secrets.bad-credential"

/** What is wrong with the exemptions themselves; an exemption that means nothing would hide that the case runs. */
export const exemptionMistake = ({ credential, exemptions = {} }: Subject): string | undefined => {
  for (const [id, reason] of Object.entries(exemptions)) {
    if (!all.some((it) => it.id === id)) return `There is no case ${id} to be exempt from.`
    if (reason.trim() === "") return `The exemption from ${id} has no reason.`
    if (id === obligatory && credential.kind === "token")
      return `A source that takes a token cannot be exempt from ${id}.`
  }
  return undefined
}

/** A report is read by many: what is hidden is not written into it, even when a case stumbled over it. */
const censored = (text: string, { hidden }: Subject): string =>
  hidden.reduce((said, it) => said.replaceAll(Redacted.value(it.text), `<${it.name}>`), text)

const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const failure = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (failure instanceof Broken) return failure.sentence
  if (Problem.isProblem(failure))
    return `${failure.context.operation ?? "A call"} failed with ${failure._tag}: ${failure.message}`
  if (Cause.isTimeoutError(failure)) return failure.message
  return `The case broke off: ${Cause.pretty(cause).split("\n")[0]}`
}

const described = (subject: Subject) =>
  Effect.scoped(Effect.flatMap(subject.connect, (source) => Effect.map(source.describe, (it) => ({ it, source }))))

/** The verdict on one case without running it, when there is one. */
const settled = (it: Case, subject: Subject, description: RuntimeDescription): Outcome | undefined => {
  const exemption = subject.exemptions?.[it.id]
  if (exemption !== undefined) return outcome(it, "exempt", 0, exemption)
  const missing = it.needs.filter((need) => Declared.by(description, need) === false)
  if (missing.length > 0) return outcome(it, "unsupported", 0, `The runtime does not declare ${missing.join(", ")}.`)
  const lacking = it.hook === undefined ? undefined : lacks(it.hook, subject)
  return lacking === undefined ? undefined : outcome(it, "not_applicable", 0, lacking)
}

const prove = (it: Case, subject: Subject, description: RuntimeDescription, deadlineMs: number) =>
  Effect.gen(function* () {
    const source = yield* subject.connect
    yield* it.run(Bench.make(subject, source, description))
  }).pipe(
    Effect.scoped,
    Effect.timeoutOrElse({
      duration: deadlineMs,
      orElse: () => Effect.fail(new Broken({ sentence: `Nothing came of it within ${deadlineMs} ms` }))
    }),
    Effect.exit
  )

/** Runs one case. */
export const single = Effect.fnUntraced(function* (
  it: Case,
  subject: Subject,
  description: RuntimeDescription,
  deadlineMs: number = defaultDeadlineMs
) {
  const known = settled(it, subject, description)
  if (known !== undefined) return known
  const started = yield* Clock.currentTimeMillis
  const exit = yield* prove(it, subject, description, deadlineMs)
  const took = Math.round((yield* Clock.currentTimeMillis) - started)
  if (Exit.isSuccess(exit)) return outcome(it, "passed", took)
  const failure = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  const reason = censored(reasonOf(exit.cause), subject)
  // A runtime without a capability map is judged by what it answers.
  const judged = description.capabilities === undefined && Problem.isProblem(failure)
  return outcome(it, judged && failure._tag === "operation_unsupported" ? "unsupported" : "failed", took, reason)
})

/** What the runtime says about itself, or the reason why nothing can be said about it. */
export const open = (
  subject: Subject
): Effect.Effect<{ readonly kind: string; readonly description: RuntimeDescription }, Broken> => {
  const mistake = exemptionMistake(subject)
  if (mistake !== undefined) return Effect.fail(new Broken({ sentence: mistake }))
  return described(subject).pipe(
    Effect.map(({ it, source }) => ({ kind: source.kind, description: it })),
    Effect.timeout(defaultDeadlineMs),
    Effect.sandbox,
    Effect.mapError((cause) => new Broken({ sentence: censored(reasonOf(cause), subject) }))
  )
}

/** Runs the cases. Fails when the runtime does not even describe itself, or an exemption is none. */
export const run = Effect.fn("Conformance.run")(function* (
  subject: Subject,
  options: Options = {}
): Effect.fn.Return<Report, Broken> {
  const { description, kind } = yield* open(subject)
  const outcomes: Array<Outcome> = []
  for (const it of options.cases ?? all) {
    const result = yield* single(it, subject, description, options.deadlineMs)
    outcomes.push(result)
    if (options.onOutcome !== undefined) yield* options.onOutcome(result)
  }
  return makeReport(subject.name, kind, outcomes)
})
