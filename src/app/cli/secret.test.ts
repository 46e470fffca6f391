import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result } from "effect"
import { maxSecretBytes } from "../../domain/SecretResolver.ts"
import { parse } from "./secret.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

describe("a secret from standard input", () => {
  for (const [name, input, secret] of [
    ["as it is", "s3cret", "s3cret"],
    ["without the line break of an editor", "s3cret\n", "s3cret"],
    ["without the line break of another system", "s3cret\r\n", "s3cret"],
    ["with its spaces", " s3 cret ", " s3 cret "],
    ["as large as one may be", "x".repeat(maxSecretBytes), "x".repeat(maxSecretBytes)]
  ] as const) {
    it(`is taken ${name}`, () => {
      const parsed = parse(bytes(input))
      assert.strictEqual(Result.isSuccess(parsed) ? Redacted.value(parsed.success) : parsed.failure, secret)
    })
  }

  for (const [name, input, sentence] of [
    ["nothing", bytes(""), /empty/],
    ["a line break alone", bytes("\n"), /empty/],
    ["two lines", bytes("canary\ncanary"), /line break/],
    ["two line breaks at the end", bytes("canary\n\n"), /line break/],
    ["a NUL", bytes("can\0ary"), /NUL/],
    ["too much", bytes("x".repeat(maxSecretBytes + 1)), /larger/],
    ["what is no text", Uint8Array.of(0x63, 0xff, 0xfe), /UTF-8/]
  ] as const) {
    it(`is not ${name}, and the sentence does not repeat it`, () => {
      const parsed = parse(input)
      assert.isTrue(Result.isFailure(parsed))
      if (!Result.isFailure(parsed)) return
      assert.match(parsed.failure, sentence)
      assert.notInclude(parsed.failure, "canary")
    })
  }
})
