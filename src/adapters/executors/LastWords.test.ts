import { assert, it } from "@effect/vitest"
import { make } from "./LastWords.ts"

it("a program's last words do not repeat a key of many lines, whole, in part or as JSON", () => {
  const key = "-----BEGIN KEY-----\nAAAAB3NzaC1yc2E\nbase64base64\n-----END KEY-----\n"
  for (const said of [key, key.slice(20, 50), JSON.stringify({ key })]) {
    const words = make([key])
    words.hear(`cannot use ${said}`)
    assert.include(words.said(), "cannot use")
    for (const part of key.trim().split("\n").slice(1)) assert.notInclude(words.said(), part)
  }
})
