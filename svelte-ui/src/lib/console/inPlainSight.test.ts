import { assert, it } from "vitest"
import { inPlainSight } from "./inPlainSight.ts"

it("writes out what would hide or turn round what a person decides by", () => {
  assert.strictEqual(
    inPlainSight("delete \u202etxt.exe\u202c \u001b[8m\r\u2066"),
    "delete \\u202etxt.exe\\u202c \\u001b[8m\\u000d\\u2066"
  )
})

it("leaves the text of every script, its lines and its emoji alone", () => {
  for (const text of ["日本語\n\tمرحبا \u200fשלום 👨‍👩‍👧", ""]) assert.strictEqual(inPlainSight(text), text)
})

it("leaves JSON what it means", () => {
  const value = { path: "a\u202eb\u0085" }
  assert.deepStrictEqual(JSON.parse(inPlainSight(JSON.stringify(value))), value)
})
