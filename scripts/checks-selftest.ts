/** Proves that the checks can fail: plants one violation per rule in a temporary copy and expects the rule to name it. */
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { lintPlants } from "./lint/plants.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const bin = join(root, "node_modules/.bin")
const copied = [
  "package.json",
  ".oxlintrc.json",
  ".oxfmtrc.json",
  "tsconfig.json",
  "knip.json",
  "scripts/lint/import-table.mjs"
]

/** A copy of the checks' own configuration and of nothing they check, so that what they report was planted. */
const emptyCheckout = () => {
  const folder = mkdtempSync(join(tmpdir(), "yoi-checks-"))
  for (const path of copied) cpSync(join(root, path), join(folder, path), { recursive: true })
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
  return folder
}

const inCheckout = <A>(files: Record<string, string>, check: (folder: string) => A) => {
  const folder = emptyCheckout()
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    return check(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const run = (folder: string, command: string, ...args: ReadonlyArray<string>) => {
  const { status, stdout, stderr } = spawnSync(join(bin, command), args, { cwd: folder, encoding: "utf8" })
  return { status, output: `${stdout}${stderr}` }
}

const results: Array<{ readonly name: string; readonly problem?: string }> = []
const expect = (name: string, holds: boolean, detail: string) =>
  results.push(holds ? { name } : { name, problem: detail })

/** One lint run over all plants: each file must be reported for exactly its own rule, and a clean file for none. */
const checkLint = () => {
  const files = Object.fromEntries(lintPlants.flatMap((plant) => Object.entries(plant.files)))
  const report = inCheckout(
    files,
    (folder) => run(folder, "oxlint", "--format=json", "src", "contracts", "svelte-ui").output
  )
  const { diagnostics } = JSON.parse(report) as { diagnostics: ReadonlyArray<{ code: string; filename: string }> }
  for (const { rule, files: planted } of lintPlants) {
    const [path = ""] = Object.keys(planted)
    const codes = new Set(diagnostics.filter(({ filename }) => filename.endsWith(path)).map(({ code }) => code))
    const wanted = rule === undefined ? codes.size === 0 : codes.has(rule) && codes.size === 1
    expect(`lint: ${rule ?? "nothing"} in ${path}`, wanted, `reported ${[...codes].join(", ") || "nothing"}`)
  }
}

interface Plant {
  readonly name: string
  readonly command: readonly [string, ...ReadonlyArray<string>]
  readonly clean: Record<string, string>
  readonly violation: Record<string, string>
  /** What the refusal must mention, so that it is refused for the right reason. */
  readonly mentions: RegExp
}

/** A check must be content with the clean files and refuse the others. */
const checkTool = ({ name, command, clean, violation, mentions }: Plant) => {
  const accepted = inCheckout(clean, (folder) => run(folder, ...command))
  expect(`${name}: a clean file passes`, accepted.status === 0, accepted.output)
  const refused = inCheckout(violation, (folder) => run(folder, ...command))
  expect(`${name}: a violation fails`, refused.status !== 0 && mentions.test(refused.output), refused.output)
}

const main = (text: string) => ({ "src/app/main.ts": text })
const two = (text: string, other: string) => ({ ...main(text), "src/app/other.ts": other })
const types = ["tsc", "-p", "tsconfig.json"] as const
const unused = ["knip", "--include", "files,exports"] as const

checkLint()
checkTool({
  name: "format",
  command: ["oxfmt", "--check", "src"],
  clean: main("export const a = 1\n"),
  violation: main("export const a = 1;\n"),
  mentions: /main\.ts/
})
checkTool({
  name: "format of components",
  command: ["oxfmt", "--check", "svelte-ui/src"],
  clean: { "svelte-ui/src/A.svelte": "<p>a</p>\n" },
  violation: { "svelte-ui/src/A.svelte": "<p   >a</p>\n" },
  mentions: /A\.svelte/
})
checkTool({
  name: "types",
  command: types,
  clean: main("export const a: number = 1\n"),
  violation: main('export const a: number = "1"\n'),
  mentions: /TS2322/
})
checkTool({
  name: "types that Node can strip",
  command: types,
  clean: main("export const a = 1\n"),
  violation: main("export enum A { B }\n"),
  mentions: /TS1294/
})
checkTool({
  name: "effects that nobody runs",
  command: ["effect-tsgo", "diagnostics", "--project", "tsconfig.json", "--strict"],
  clean: main('import { Effect } from "effect"\nexport const a = Effect.void\n'),
  violation: main('import { Effect } from "effect"\nEffect.log("lost")\n'),
  mentions: /floatingEffect/
})
checkTool({
  name: "unused files",
  command: unused,
  clean: two('import { a } from "./other.ts"\nprocess.exit(a)\n', "export const a = 1\n"),
  violation: two("process.exit(1)\n", "export const a = 1\n"),
  mentions: /other\.ts/
})
checkTool({
  name: "unused exports",
  command: unused,
  clean: two('import { a } from "./other.ts"\nprocess.exit(a)\n', "export const a = 1\n"),
  violation: two(
    'import { a } from "./other.ts"\nprocess.exit(a)\n',
    "export const a = 1\nexport const superfluous = 2\n"
  ),
  mentions: /superfluous/
})

for (const { name, problem } of results) if (problem !== undefined) console.log(`FAILED ${name}\n  ${problem}`)
const failed = results.filter(({ problem }) => problem !== undefined).length
console.log(`${results.length - failed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
