/** kill -9 of the real process under real load. `npm run crash -- --rounds N` runs as many as one likes. */
import { assert, describe, it } from "vitest"
import { run } from "../../scripts/crash/rounds.ts"

describe("a runtime that is killed under load", () => {
  it("has every acknowledged input after 20 restarts, once and in order", { timeout: 240_000 }, async () => {
    const outcome = await run({ rounds: 20, longestLoad: 200 })
    assert.deepStrictEqual(outcome.wrong, [])
    assert.deepStrictEqual([outcome.lost, outcome.duplicated], [0, 0])
    assert.isAbove(outcome.acknowledged, 20)
  })
})
