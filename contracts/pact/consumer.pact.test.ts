/** The real clients against pact's mock server: each interaction works, and together they are the committed files. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pacts } from "./allCases.ts"
import { committed, filesIn } from "./Case.ts"

let dir = ""
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "pacts-"))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe.each(pacts)("$file", ({ cases, file }) => {
  it.each(cases)("$name", ({ run }) => run(dir))

  it("is what the clients ask for today", () => {
    assert.isTrue(
      filesIn(committed)[file] === filesIn(dir)[file],
      `contracts/pacts/${file} is not current. Run npm run pacts:write and look at the difference.`
    )
  })
})

it("no other pact is committed", () => {
  assert.deepStrictEqual(Object.keys(filesIn(committed)), pacts.map(({ file }) => file).toSorted())
})
