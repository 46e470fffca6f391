import { assert, it } from "vitest"
import { safeLink } from "./links.ts"

it("web and mail addresses may be followed, and show where they lead", () => {
  assert.deepStrictEqual(safeLink("https://example.org/a?b#c"), {
    href: "https://example.org/a?b#c",
    host: "example.org"
  })
  assert.strictEqual(safeLink("HTTP://Example.org")?.host, "example.org")
  assert.strictEqual(safeLink("mailto:a@example.org")?.host, "a@example.org")
  assert.strictEqual(safeLink("https://good.example@evil.example/")?.host, "evil.example")
  assert.strictEqual(safeLink("https://exаmple.org/")?.host, "xn--exmple-4nf.org")
})

it("nothing else may, however it is written", () => {
  for (const href of [
    "javascript:alert(1)",
    "  JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>1</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://example.org/1",
    "//example.org/x",
    "/settings/connections",
    "../x",
    "#entry-1",
    ""
  ])
    assert.isUndefined(safeLink(href), href)
})
