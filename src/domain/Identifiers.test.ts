import { assert, describe, it } from "@effect/vitest"
import { Option, Schema } from "effect"
import { DisplayName, IdempotencyKey, WorkerId } from "./Identifiers.ts"
import * as Profile from "./Profile.ts"

describe("Identifiers", () => {
  const isId = Schema.is(WorkerId)

  it("an id is 1 to 96 ASCII letters, digits, _ and -, and starts with a letter or digit", () => {
    for (const id of ["a", "0", "worker-00000001", "A_b-9", "x".repeat(96)]) assert.isTrue(isId(id), id)
    const refused = ["", "-a", "_a", "a.b", "a b", "a/b", "..", "a\n", "a\0", "ä", "а", "x".repeat(97), "a%2f", "🙂"]
    for (const id of refused) assert.isFalse(isId(id), JSON.stringify(id))
  })

  it("an idempotency key is 1 to 255 visible ASCII characters", () => {
    const isKey = Schema.is(IdempotencyKey)
    for (const key of ["a", "!~", "x".repeat(255)]) assert.isTrue(isKey(key))
    for (const key of ["", "a b", "é", "a\r\nb", "\u007f", "x".repeat(256)])
      assert.isFalse(isKey(key), JSON.stringify(key))
  })

  it("a display name may be in any script, counted in characters, but hides and reorders nothing", () => {
    const isName = Schema.is(DisplayName)
    for (const name of ["Echo 1", "働く人", "🙂".repeat(80), "葛󠄀"]) assert.isTrue(isName(name), name)
    const hidden = [
      0, 0x1b, 0x7f, 0x85, 0xad, 0x61c, 0x180e, 0x200b, 0x200e, 0x2028, 0x202e, 0x2066, 0xfeff, 0xd800, 0xdfff
    ]
    for (const point of hidden) {
      assert.isFalse(isName(`a${String.fromCodePoint(point)}b`), `U+${point.toString(16)}`)
    }
    assert.isFalse(isName(""))
    assert.isFalse(isName("🙂".repeat(81)))
  })
})

describe("Profile", () => {
  it("the one-word form and the selector are inverse", () => {
    const selectors: ReadonlyArray<Profile.ProfileSelector> = [
      Profile.runtimeDefault,
      { kind: "builtin", value: "echo" },
      { kind: "named", value: "reviewer.v2" }
    ]
    for (const selector of selectors) {
      assert.deepStrictEqual(Profile.parse(Profile.format(selector)), Option.some(selector))
    }
  })

  it("a word that names no profile is refused", () => {
    for (const word of [
      "",
      "echo",
      "builtin",
      "builtin:",
      "other:echo",
      "named:a b",
      "named:a:b",
      "runtime_default:x"
    ]) {
      assert.deepStrictEqual(Profile.parse(word), Option.none(), word)
    }
  })
})
