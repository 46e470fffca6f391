import { assert, it } from "@effect/vitest"
import { bounded, maxLength } from "./ToolValue.ts"

it("a tool's value is kept up to the bound of its JSON; of a longer one the length is", () => {
  const fits = "x".repeat(maxLength - 2)
  assert.strictEqual(bounded(fits), fits)
  assert.deepStrictEqual(bounded(`${fits}x`), { omitted: true, length: maxLength + 1 })
  assert.isNull(bounded(undefined))
})
