/** What `npm start` runs in a checkout: a bundle of just these sources, or the sources. */
import { spawnSync } from "node:child_process"
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, it } from "vitest"

const checkout = fileURLToPath(new URL("../..", import.meta.url))
const copy = realpathSync(mkdtempSync(join(tmpdir(), "yoi-start-")))
afterAll(() => rmSync(copy, { recursive: true, force: true }))

beforeAll(() => {
  for (const name of ["package.json", "package-lock.json", "tsconfig.json", "scripts", "src"])
    cpSync(join(checkout, name), join(copy, name), { recursive: true })
  symlinkSync(join(checkout, "node_modules"), join(copy, "node_modules"))
})

/** Evaluates an expression over the members of `scripts/program.mjs` of the copy. */
const ask = (expression: string): unknown => {
  const code = `import * as it from "./scripts/program.mjs"; console.log(JSON.stringify(await (${expression}) ?? null))`
  const { status, stderr, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
    cwd: copy,
    encoding: "utf8"
  })
  assert.strictEqual(status, 0, stderr)
  return JSON.parse(stdout)
}

const bundled = () => String(ask("it.main()")).startsWith(join(copy, ".program-"))
const version = () =>
  spawnSync(process.execPath, [String(ask("it.main()")), "--version"], { encoding: "utf8" }).stdout.trim()

it("the bundle is run for as long as it is of the sources as they are, and what was never built whole is not run", () => {
  assert.isFalse(bundled())
  assert.isFalse(ask("it.wasBundled()"))

  assert.isTrue(ask("it.bundle()"))
  assert.isTrue(bundled())
  assert.match(version(), /^yoi-workspace v/)

  const changed = join(copy, "src/app/version.ts")
  appendFileSync(changed, "\nexport const added = 1\n")
  assert.isFalse(bundled())
  assert.isTrue(ask("it.wasBundled()"))
  cpSync(join(checkout, "src/app/version.ts"), changed)
  assert.isTrue(bundled())

  writeFileSync(join(copy, "src/app/added.ts"), "export const added = 1\n")
  assert.isFalse(bundled())
  mkdirSync(join(copy, ".program-0000000000000000.1/app"), { recursive: true })
  writeFileSync(join(copy, ".program-0000000000000000.1/app/main.js"), "")
  assert.isFalse(bundled())
})

it("sources that cannot be bundled are run as they are", () => {
  writeFileSync(join(copy, "src/app/version.ts"), "export const version: string =")
  assert.isFalse(ask("it.bundle()"))
  assert.isFalse(bundled())
})
