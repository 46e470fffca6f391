/** The committed documents are what the schemas say, and nothing in them breaks who was written against the last release. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { breaks } from "./Breaks.ts"
import { generate, names, pathOf, read, releasedPathOf, textOf } from "./documents.ts"

describe.each(names)("%s", (name) => {
  it("is what the schemas say today", () => {
    const current = existsSync(pathOf(name)) && readFileSync(pathOf(name), "utf8") === textOf(generate(name))
    assert.isTrue(current, `${name} is not current. Run npm run api:write and look at the difference.`)
  })

  it("breaks nobody who was written against the last release", () => {
    assert.deepStrictEqual(breaks(read(releasedPathOf(name)), generate(name)), [])
  })
})
