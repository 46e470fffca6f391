import { assert, describe, it } from "@effect/vitest"
import { formsOf } from "./SecretForms.ts"

describe("a secret in what a program writes", () => {
  it("of one line is itself", () => {
    assert.deepStrictEqual(formsOf("k-1"), ["k-1"])
    assert.deepStrictEqual(formsOf(""), [])
  })

  it("of many lines is also known by each of them, and as JSON has it", () => {
    const key = "-----BEGIN KEY-----\r\nc2VjcmV0\n}\n-----END KEY-----\n"
    assert.deepStrictEqual(
      new Set(formsOf(key)),
      new Set([key, JSON.stringify(key).slice(1, -1), "-----BEGIN KEY-----", "c2VjcmV0", "-----END KEY-----"])
    )
  })

  it("with signs that JSON escapes is known as JSON has it, the longest form first", () => {
    assert.deepStrictEqual(formsOf(`a"b\\c`), [`a\\"b\\\\c`, `a"b\\c`])
  })
})
