/** The kit catches every bug that is planted in a good source, by the case that is meant for it. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { cases, single, type Subject } from "../../src/domain/conformance/Conformance.ts"
import { open } from "../../src/domain/conformance/Run.ts"
import { complete } from "./Laboratory.ts"
import { mutants } from "./mutants.ts"

/** Fewer than these would not be proof of much. */
const leastMutants = 30

/** Enough for any case that does not hang, on a machine with other things to do. */
const deadlineMs = 15_000

const late = /Nothing came of it within/

const run = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(effect)

describe("the mutants", () => {
  const scope = Scope.makeUnsafe()
  let subject: Subject
  beforeAll(async () => {
    subject = await run(Scope.provide(complete, scope))
  })
  afterAll(() => run(Scope.close(scope, Exit.void)))

  const outcomeOf = Effect.fnUntraced(function* (mutated: Subject, id: string, deadline: number) {
    const it = cases.find((one) => one.id === id)
    assert.isDefined(it, `there is no case ${id}`)
    const { description } = yield* open(mutated)
    return yield* single(it, mutated, description, deadline)
  })

  for (const { bug, caughtBy, hangsMs, mutate } of mutants) {
    it(`${caughtBy} catches: ${bug}`, async () => {
      const { reason, verdict } = await run(outcomeOf(mutate(subject), caughtBy, hangsMs ?? deadlineMs))
      assert.strictEqual(verdict, "failed", "the mutant survived")
      assert.strictEqual(late.test(reason ?? ""), hangsMs !== undefined, reason)
      assert.notInclude(reason, "The case broke off", "a case must say in words what is wrong")
    })
  }

  it("are enough, and each is another one", () => {
    assert.isAtLeast(mutants.length, leastMutants)
    assert.strictEqual(new Set(mutants.map(({ bug }) => bug)).size, mutants.length)
  })

  it("prove every case: there is none that cannot fail", () => {
    const proven = new Set(mutants.map(({ caughtBy }) => caughtBy))
    assert.deepStrictEqual(
      cases.filter(({ id }) => !proven.has(id)).map(({ id }) => id),
      []
    )
  })
})
