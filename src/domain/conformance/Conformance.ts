/** The entry `yoi-workspace/conformance`: what every `RuntimeSource` owes its callers, for anybody's source. */
export { type Case, type Group, groupOf, groups, type Hook, type Need, type Tier, tiers } from "./Case.ts"
export { all as cases } from "./Cases.ts"
export { Broken } from "./Expect.ts"
export { Outcome, Report, tierOf, Verdict } from "./Report.ts"
export { json, junit, text } from "./ReportText.ts"
export { defaultDeadlineMs, type Options, run, single } from "./Run.ts"
export { type Expected, type Runner, suite } from "./RunnerSuite.ts"
export type { Connect, Credential, Hidden, Source, Subject } from "./Subject.ts"
