import { assert, it } from "vitest"
import { maxMarkdownLength, resolved, tokensOf } from "./markdown.ts"

it("gives tokens, and HTML as a token of its own that is shown as text", () => {
  const types = tokensOf("# a\n\n<script>alert(1)</script>\n\n- b")?.map(({ type }) => type)
  assert.deepStrictEqual(
    types?.filter((type) => type !== "space"),
    ["heading", "html", "list"]
  )
})

it("leaves a text that is too long as it is", () => {
  assert.isDefined(tokensOf("x".repeat(maxMarkdownLength)))
  assert.isUndefined(tokensOf("x".repeat(maxMarkdownLength + 1)))
})

it("resolves character references once, and only known ones", () => {
  assert.strictEqual(
    resolved("&lt;b&gt; &#65;&#x42; &amp;lt; &hologram; &#0; &#xD800;"),
    "<b> AB &lt; &hologram; \ufffd \ufffd"
  )
})
