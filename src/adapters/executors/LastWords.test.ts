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

it("a program's last words have what it said before a stack, and no place of the machine", () => {
  const words = make([])
  words.hear("file:///home/someone/agents/reviewer/main.mjs:12\n  throw new Error(why)\n        ^\n\n")
  words.hear("Error: the watering can is empty, see /srv/garden/can.log and https://example.org/help/cans\n")
  for (let line = 0; line < 40; line++)
    words.hear(`    at water (/home/someone/agents/reviewer/lib/water.mjs:${line}:7)\n`)
  words.hear("\nNode.js v24.21.0\n")
  const said = words.said()
  assert.include(said, "Error: the watering can is empty, see …/can.log and https://example.org/help/cans")
  assert.include(said, "…/main.mjs:12")
  for (const part of ["someone", "srv", "garden/", "water.mjs"]) assert.notInclude(said, part)
})

it("a program's last words keep what only looks like a path", () => {
  const words = make([])
  words.hear("use /wait 5 and/or ~/notes, 1/2 of a/b/c")
  assert.strictEqual(words.said(), "use /wait 5 and/or ~/notes, 1/2 of a/b/c")
})

it("a secret that the memory cuts in two is not told by its end", () => {
  const secret = "canary-".repeat(20)
  const words = make([secret])
  words.hear(`${"x".repeat(100)}${secret}\nwhy`)
  for (let line = 0; line < 400; line++) {
    words.hear("\n    at it (main.mjs)")
    assert.notInclude(words.said(), "canary")
  }
})
