/**
 * Makes `docs/plugin-api.md` from the docstrings of what `yoi-workspace/plugin` and `yoi-workspace/plugin-testing` export,
 * by TypeDoc. With `--check` it only says whether the file is current.
 */
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { root } from "./project-node.mjs"

const file = join(root, "docs/plugin-api.md")

const entries = [
  ["yoi-workspace/plugin", "src/domain/plugin/Plugin.ts"],
  ["yoi-workspace/plugin-testing", "src/app/authoring/PluginTesting.ts"]
] as const

const preface = `# Plugin API

Made from the docstrings of the sources: \`npm run plugin-api:write\`. [plugins.md](plugins.md) is the way in.

- [yoi-workspace/plugin](#yoi-workspaceplugin): what a plugin is written with
- [yoi-workspace/plugin-testing](#yoi-workspaceplugin-testing): what its tests are written with
`

// TypeDoc needs a TypeScript with an interface for programs, which is installed with the page.
const ofPage = createRequire(join(root, "svelte-ui/package.json"))
const typedoc = join(dirname(ofPage.resolve("typedoc/package.json")), "bin/typedoc")

const options = {
  plugin: [ofPage.resolve("typedoc-plugin-markdown")],
  readme: "none",
  disableSources: true,
  excludeExternals: true,
  sort: ["source-order"],
  groupOrder: ["Functions", "Interfaces", "Type Aliases", "Variables"],
  logLevel: "Error",
  cleanOutputDir: false,
  // Types are checked elsewhere, with every declaration.
  skipErrorChecking: true,
  outputFileStrategy: "modules",
  hideBreadcrumbs: true,
  hidePageHeader: true,
  interfacePropertiesFormat: "table",
  parametersFormat: "table",
  typeDeclarationFormat: "table",
  typeAliasPropertiesFormat: "table"
}

/** TypeDoc writes the union of all problems out wherever it is returned. */
const everyProblem = /(`ProblemError`\\<`"[a-z_]+"`\\>( \\\| )?){40,}/g

/** One export of the package, with its name as the heading. */
const documented = async (folder: string, [name, entry]: (typeof entries)[number], index: number) => {
  const at = (it: string) => join(folder, `${index}-${it}`)
  writeFileSync(
    at("tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      // Otherwise members of unions stand in the order in which the whole program comes to mention them.
      compilerOptions: { stableTypeOrdering: true, plugins: [], typeRoots: [join(root, "node_modules/@types")] },
      files: [join(root, entry)],
      include: []
    })
  )
  const all = { ...options, name, tsconfig: at("tsconfig.json"), entryPoints: [join(root, entry)], out: at("out") }
  writeFileSync(at("typedoc.json"), JSON.stringify(all))
  await promisify(execFile)(process.execPath, [typedoc, "--options", at("typedoc.json")], { cwd: root })
  return readFileSync(join(at("out"), "README.md"), "utf8")
}

const folder = mkdtempSync(join(tmpdir(), "plugin-api-"))
try {
  const parts = await Promise.all(entries.map((entry, i) => documented(folder, entry, i)))
  // One level deeper: the document has a heading of its own.
  const current = `${preface}\n${parts
    .join("\n")
    .replaceAll(/^(#{1,5} )/gm, "#$1")
    .replaceAll(everyProblem, "[`Problem`](#problem)")}`
  if (!process.argv.includes("--check")) writeFileSync(file, current)
  else if (readFileSync(file, "utf8") !== current) {
    console.error("docs/plugin-api.md is not current: npm run plugin-api:write.")
    process.exitCode = 1
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
