import { assert, it } from "vitest"
import { leftText } from "./leftText.ts"
import { maxPreview, preview, shown } from "./toolValue.ts"

it("what agents send as content is read for what it says, anything else is JSON", () => {
  assert.deepStrictEqual(shown([{ type: "content", content: { type: "text", text: "40 passed" } }]), {
    text: "40 passed",
    leftOut: 0
  })
  assert.strictEqual(
    shown([{ type: "diff", path: "src/a.ts", oldText: "one\ntwo\n", newText: "one\nthree\n" }]).text,
    "src/a.ts\n- one\n- two\n+ one\n+ three"
  )
  assert.strictEqual(shown([{ type: "diff", path: "new.ts", oldText: null, newText: "x" }]).text, "new.ts\n+ x")
  assert.strictEqual(
    shown([{ type: "terminal", terminalId: "1" }]).text,
    '[\n  {\n    "type": "terminal",\n    "terminalId": "1"\n  }\n]'
  )
  assert.strictEqual(shown("as it is").text, "as it is")
  assert.strictEqual(shown(undefined).text, "")
  assert.strictEqual(shown([]).text, "[]")
})

it("what was too large to be kept is told by its length", () => {
  assert.deepStrictEqual(shown({ omitted: true, length: 70_000 }), { text: "", leftOut: 70_000 })
  assert.strictEqual(shown({ omitted: true, length: 1, more: 1 }).leftOut, 0)
})

it("arguments fit one line", () => {
  assert.strictEqual(
    preview('{"path":"src/a.ts","limit":20,"deep":{"x":1},"all":true}'),
    "path: src/a.ts · limit: 20 · all: true"
  )
  assert.strictEqual(preview('{"text":"one\\n  two"}'), "text: one two")
  assert.strictEqual(preview('{"path":'), "")
  assert.strictEqual(preview(""), "")
  assert.strictEqual(preview("[1]"), "")
  assert.strictEqual(preview(JSON.stringify({ text: "x".repeat(9_999) })).length, maxPreview + 1)
})

it("the time that is left is a clock's, and ends at nothing", () => {
  assert.strictEqual(leftText(300_000), "5:00")
  assert.strictEqual(leftText(61_001), "1:02")
  assert.strictEqual(leftText(1), "0:01")
  assert.strictEqual(leftText(-5), "0:00")
  assert.strictEqual(leftText(3_600_000), "1:00:00")
})
