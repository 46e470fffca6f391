/** Binds the kit to a test runner: every case is a test of its own. Made for vitest, whose functions are passed in. */
import { Effect, Exit, Scope } from "effect"
import type { Tier } from "./Case.ts"
import { all } from "./Cases.ts"
import { Broken } from "./Expect.ts"
import { type Outcome, tierOf } from "./Report.ts"
import { defaultDeadlineMs, open, single } from "./Run.ts"
import type { Subject } from "./Subject.ts"

/** What is needed of the runner: `import { afterAll, beforeAll, describe, it } from "vitest"`. */
export interface Runner {
  readonly describe: (name: string, tests: () => void) => unknown
  readonly it: (
    name: string,
    test: (context: { readonly skip: (reason?: string) => unknown }) => Promise<void>,
    timeoutMs?: number
  ) => unknown
  readonly beforeAll: (hook: () => Promise<void>, timeoutMs?: number) => unknown
  readonly afterAll: (hook: () => Promise<void>, timeoutMs?: number) => unknown
}

export interface Expected {
  /** The tier that must be reached, so that a case that is skipped by mistake is noticed; null for none. */
  readonly tier: Tier | null
}

/** Opening a subject may start a process. */
const openingMs = 60_000
/** On top of a case's own deadline, so that the case is the one to say what is wrong. */
const graceMs = 10_000

/** What a runner shows as the reason of a failed test. */
const failed = (sentence: string) => Effect.fail(new Broken({ sentence }))

/** @param subject opened once for all cases */
export const suite = (
  runner: Runner,
  name: string,
  subject: Effect.Effect<Subject, unknown, Scope.Scope>,
  expected: Expected
) =>
  runner.describe(`conformance of ${name}`, () => {
    const scope = Scope.makeUnsafe()
    const outcomes: Array<Outcome> = []
    let opened: { readonly subject: Subject; readonly found: Effect.Success<ReturnType<typeof open>> } | undefined

    const opening = Effect.gen(function* () {
      const made = yield* Scope.provide(subject, scope)
      opened = { subject: made, found: yield* open(made) }
    })
    runner.beforeAll(() => Effect.runPromise(opening), openingMs)
    runner.afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), openingMs)

    for (const one of all) {
      const name = `${one.id}: ${one.sentence}`
      const test = Effect.fnUntraced(function* () {
        if (opened === undefined) return yield* failed("The subject could not be opened.")
        const result = yield* single(one, opened.subject, opened.found.description)
        outcomes.push(result)
        return result.verdict === "failed" ? yield* failed(result.reason ?? "") : result
      })
      runner.it(
        name,
        (context) =>
          Effect.runPromise(test()).then(({ reason, verdict }) => {
            if (verdict !== "passed") context.skip(`${verdict}: ${reason}`)
          }),
        defaultDeadlineMs + graceMs
      )
    }

    const tier = Effect.suspend(() => {
      const reached = tierOf(outcomes) ?? null
      if (outcomes.length !== all.length) return failed(`Only ${outcomes.length} of ${all.length} cases were run.`)
      if (reached === expected.tier) return Effect.void
      return failed(`The tier is ${reached ?? "none"} instead of ${expected.tier ?? "none"}.`)
    })
    runner.it(`reaches the tier ${expected.tier ?? "none"}`, () => Effect.runPromise(tier))
  })
