/** What came out of a run: a verdict per case, and the tier that they add up to. */
import { Schema } from "effect"
import { type Case, groupOf, groups, type Tier, tiers } from "./Case.ts"
import { all } from "./Cases.ts"

/**
 * `passed`: shown to hold · `failed`: shown not to hold · `unsupported`: the runtime does not declare what the case needs
 * · `exempt`: left out on purpose · `not_applicable`: the subject has nothing that the case is about.
 */
export const Verdict = Schema.Literals(["passed", "failed", "unsupported", "exempt", "not_applicable"])
export type Verdict = typeof Verdict.Type

export const Outcome = Schema.Struct({
  id: Schema.String,
  group: Schema.Literals(groups),
  tier: Schema.NullOr(Schema.Literals(tiers)),
  sentence: Schema.String,
  verdict: Verdict,
  /** Why it is anything but passed. */
  reason: Schema.optionalKey(Schema.String),
  duration_ms: Schema.Int
})
export type Outcome = typeof Outcome.Type

export const Report = Schema.Struct({
  subject: Schema.String,
  kind: Schema.String,
  /** The highest tier that is shown; null for none. */
  tier: Schema.NullOr(Schema.Literals(tiers)),
  totals: Schema.Record(Verdict, Schema.Int),
  outcomes: Schema.Array(Outcome)
})
export type Report = typeof Report.Type

export const outcome = (
  { id, sentence, tier }: Case,
  verdict: Verdict,
  duration_ms: number,
  reason?: string
): Outcome => ({
  id,
  group: groupOf({ id }),
  tier: tier ?? null,
  sentence,
  verdict,
  ...(reason === undefined ? undefined : { reason }),
  duration_ms
})

/** A tier says that something was seen to last; what could not be looked at was not seen. */
const mustBeSeen = ({ group }: Outcome) => group === "restart"

/**
 * A source with a failed case has no tier, nor has one of which not every case was run. Otherwise it has a tier when every case of it and of those below passed; a
 * case that is about nothing the subject has does not count, except that nothing is durable without a restart.
 */
export const tierOf = (outcomes: ReadonlyArray<Outcome>): Tier | undefined => {
  const run = new Set(outcomes.map(({ id }) => id))
  if (!all.every(({ id }) => run.has(id)) || outcomes.some(({ verdict }) => verdict === "failed")) return undefined
  const reached = (tier: Tier) =>
    outcomes
      .filter((it) => it.tier === tier)
      .every((it) => it.verdict === "passed" || (it.verdict === "not_applicable" && !mustBeSeen(it)))
  const missed = tiers.findIndex((tier) => !reached(tier))
  return missed < 0 ? tiers.at(-1) : tiers[missed - 1]
}

export const make = (subject: string, kind: string, outcomes: ReadonlyArray<Outcome>): Report => {
  const totals = { passed: 0, failed: 0, unsupported: 0, exempt: 0, not_applicable: 0 }
  for (const { verdict } of outcomes) totals[verdict] += 1
  return { subject, kind, tier: tierOf(outcomes) ?? null, totals, outcomes }
}
