import { assert, it } from "vitest"
import { tokensOf } from "./markdown.ts"
import { isUnmarked } from "./unmarked.ts"

const plain = [
  "Hello.",
  "Done: 3 of 4 files (75 %), 'quoted' – “so”.",
  "終わりました。3件です。",
  "a-b = c + d # e",
  "1 word"
]
const marked = [
  "",
  "**bold**",
  "_so_",
  "`code`",
  "two\nlines",
  "# head",
  "- item",
  "+ item",
  "1. item",
  "1) item",
  "see https://example.org",
  "see www.example.org",
  "a@example.org",
  "[a](b)",
  "![a](b)",
  "<b>",
  "a &amp; b",
  "a | b",
  "~~no~~",
  "\\*",
  "    code",
  "---",
  "===",
  "ends here "
]

it("text without markup is one paragraph of itself to the parser as well", () => {
  for (const text of plain) {
    assert.isTrue(isUnmarked(text), text)
    const [paragraph, ...more] = tokensOf(text) ?? []
    assert.isEmpty(more)
    assert.strictEqual(paragraph?.type, "paragraph")
    const inner = paragraph !== undefined && "tokens" in paragraph ? paragraph.tokens : undefined
    assert.deepStrictEqual(
      inner?.map(({ raw, type }) => [type, raw]),
      [["text", text]]
    )
  }
})

it("whatever could be markup is left to the parser", () => {
  for (const text of marked) assert.isFalse(isUnmarked(text), text)
})
