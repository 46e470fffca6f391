/** `npm test`: prepares the checkout, runs every test and closes with one line of real counts. Arguments go to vitest. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ensure } from "./ensure.mjs"
import { root, runNode } from "./project-node.mjs"

await ensure({ page: true })

const folder = mkdtempSync(join(tmpdir(), "yoi-test-"))
const file = join(folder, "totals.json")
const reporters = ["--reporter=default", `--reporter=${join(root, "scripts/totals-reporter.mjs")}`]
const code = await runNode(
  [join(root, "node_modules/vitest/vitest.mjs"), "run", ...reporters, ...process.argv.slice(2)],
  {
    cwd: root,
    env: { ...process.env, PACT_DO_NOT_TRACK: "true", YOI_TEST_TOTALS: file }
  }
)

/** A run that ended before it could count is one failure. */
const totals = () => {
  try {
    return JSON.parse(readFileSync(file, "utf8"))
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
const { passed, failed, skipped } = totals()
if (passed + failed === 0) console.log("No test ran, which counts as a failure.")
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
process.exitCode = code !== 0 ? code : passed === 0 || failed > 0 ? 1 : 0
