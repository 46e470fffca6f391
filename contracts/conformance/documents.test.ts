/** What is written about the kit is what the kit is. */
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { read, renew, squeezed } from "./table.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))

describe("docs/conformance.md", () => {
  it("has the cases as they are: npm run conformance:write", () => {
    assert.strictEqual(squeezed(read()), squeezed(renew(read())))
  })
})

describe("the package export", () => {
  it("is what the build makes of the kit's entry", () => {
    const { exports } = JSON.parse(readFileSync(`${root}package.json`, "utf8"))
    const { default: code, types } = exports["./conformance"]
    assert.strictEqual(types, code.replace(/\.js$/, ".d.ts"))
    const source = code.replace(/^\.\/dist\//, "src/").replace(/\.js$/, ".ts")
    assert.isTrue(existsSync(`${root}${source}`), source)
  })
})
