import { assert, it } from "vitest"
import { firstPauseMs, isFinal, longestPauseMs, pauseBefore } from "./backoff.ts"

it("the pause is any fraction of a ceiling that doubles from 0.5 s to 30 s and stays there", () => {
  assert.strictEqual(pauseBefore(0, 0), 0)
  assert.strictEqual(pauseBefore(0, 0.5), firstPauseMs / 2)
  assert.strictEqual(pauseBefore(3, 0.5), 2_000)
  assert.strictEqual(pauseBefore(7, 0.5), longestPauseMs / 2)
  assert.strictEqual(pauseBefore(1_000_000, 0.5), longestPauseMs / 2)
})

it("only the four codes that would be refused again are final", () => {
  for (const code of [4400, 4401, 4404, 4406]) assert.isTrue(isFinal(code))
  for (const code of [1000, 1001, 1006, 1012, 1013, 4408, 4429]) assert.isFalse(isFinal(code))
})
