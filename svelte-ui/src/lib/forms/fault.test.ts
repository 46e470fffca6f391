import { assert, it } from "vitest"
import { en } from "#lib/i18n/en.ts"
import { errorsByField, fieldErrorText } from "./fault.ts"

it("an error finds its field by its pointer, also from inside of it, and none is lost", () => {
  const errors = [
    { pointer: "/endpoint", code: "not_http" },
    { pointer: "/options/tags/3", code: "wrong_type" },
    { pointer: "/options/tagset", code: "unexpected" },
    { pointer: "", code: "invalid" }
  ]
  const { at, elsewhere } = errorsByField(errors, ["/endpoint", "/options/tags"])
  assert.deepStrictEqual([...at.keys()], ["/endpoint", "/options/tags"])
  assert.deepStrictEqual(
    elsewhere.map(({ pointer }) => pointer),
    ["/options/tagset", ""]
  )
})

it("a code that the page does not know keeps the backend's words", () => {
  assert.strictEqual(fieldErrorText({ pointer: "", code: "missing" }, en.connectionForm), en.connectionForm.required)
  assert.strictEqual(
    fieldErrorText({ pointer: "", code: "hologram", message: "Too bright." }, en.connectionForm),
    "Too bright."
  )
  assert.strictEqual(
    fieldErrorText({ pointer: "", code: "toString" }, en.connectionForm),
    en.connectionForm.invalidField
  )
})
