/** What an author is told: by `plugin new` about names and folders, by `plugin check` about what is wrong. */
import * as fs from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { reserved } from "../../src/app/authoring/Reserved.ts"
import { command } from "../settings/CommandLine.ts"
import * as Server from "../settings/SettingsServer.ts"
import { imports } from "./PluginFolder.ts"

/** A kind that answers nothing, with members of the definition in the place of its own. */
const source = (more: string, kind = "example") => `${imports}
export default definePromiseSource({
  kind: ${JSON.stringify(kind)}, apiVersion, label: "Example", description: "A kind for tests.", endpoint: "none",
  options: { type: "object", properties: {}, additionalProperties: false }, secretFields: [], capabilities: {},
  ${more}
  connect: () => ({
    describe: async () => ({}),
    list: async ({ cursor, limit = 1 }) => {
      if (limit < 1) throw problem("invalid_query")
      if (cursor !== undefined) throw problem("invalid_cursor")
      return { items: [], next_cursor: null }
    },
    get: async () => { throw problem("worker_not_found") }
  })
})
`

/** Below `node_modules`, where Node itself imports it. */
const module = Effect.fnUntraced(function* (text: string) {
  const folder = join(yield* Server.workspace, "node_modules/example")
  const file = join(folder, "plugin.mjs")
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(file, text, { mode: 0o600 })
  return file
})

const checked = Effect.fnUntraced(function* (text: string, ...flags: ReadonlyArray<string>) {
  const { code, stdout, stderr } = yield* command("plugin", "check", yield* module(text), "--json", ...flags)
  const report = JSON.parse(stdout) as Server.Body
  const of = (severity: string): ReadonlyArray<string> =>
    report.findings.filter((it: Server.Body) => it.severity === severity).map((it: Server.Body) => it.sentence)
  return { code, report, stderr, errors: of("error").join("\n"), warnings: of("warning").join("\n") }
})

it.effect("a package is written under the kind's name, and never into a folder that holds something", () =>
  Effect.gen(function* () {
    const folder = yield* Server.workspace
    const dir = join(folder, "made/here")
    const { code, stdout } = yield* command("plugin", "new", "my.kind-2", "--dir", dir)
    assert.strictEqual(code, 0)
    assert.include(stdout, `${dir}/src/index.ts\n`)
    const read = (file: string) => fs.readFileSync(join(dir, file), "utf8")
    assert.include(read("src/index.ts"), `kind: "my.kind-2"`)
    assert.include(read("src/index.ts"), `label: "My kind 2"`)
    assert.include(read("test/fakeServer.ts"), `process.env["MY_KIND_2_TOKEN"]`)
    assert.strictEqual(JSON.parse(read("package.json")).name, "yoi-plugin-my.kind-2")
    assert.include(read(".gitignore"), "node_modules/")
    for (const file of fs.readdirSync(dir, { recursive: true, encoding: "utf8" })) {
      assert.notMatch(file, /acme/i)
      if (fs.statSync(join(dir, file)).isFile()) assert.notMatch(read(file), /acme/i, file)
    }
    fs.writeFileSync(join(dir, "src/index.ts"), "mine")
    const again = yield* command("plugin", "new", "my.kind-2", "--dir", dir)
    assert.deepInclude(again, { code: 1, stdout: "" })
    assert.match(again.stderr, /is not empty; nothing was written/)
    assert.strictEqual(read("src/index.ts"), "mine")
  }).pipe(Effect.scoped)
)

it.effect("names that no kind can have, and names of the product, are wrong usage, and nothing is written", () =>
  Effect.gen(function* () {
    const folder = yield* Server.workspace
    for (const name of ["9lives", "Upper", "a/b", "..", "a b", "x".repeat(65), "embedded", "ssh"]) {
      const { code } = yield* command("plugin", "new", name, "--dir", join(folder, "p"))
      assert.strictEqual(code, 2, name)
    }
    assert.isFalse(fs.existsSync(join(folder, "p")))
  }).pipe(Effect.scoped)
)

it.live("the names that are reserved are those of the kinds that a backend has of its own", () =>
  Effect.gen(function* () {
    const { call } = yield* Server.fresh()
    const { kinds } = (yield* call("GET", `${Server.root}/kinds`)).body
    const names = kinds.map(({ kind }: Server.Body) => kind)
    assert.deepStrictEqual([...reserved.kinds].toSorted(), ["embedded", ...names].toSorted())
  }).pipe(Effect.scoped)
)

it.live("a kind without a mistake passes, and what its users will miss is a warning", () =>
  Effect.gen(function* () {
    const { code, errors, report, warnings } = yield* checked(
      source(`options: { type: "object", properties: { depth: { type: "integer" }, key_ref: { type: "string" } } },`),
      "--isolation",
      "none"
    )
    assert.strictEqual(errors, "")
    assert.strictEqual(code, 0)
    assert.isTrue(report.ok)
    assert.match(warnings, /The option depth has no description/)
    assert.match(warnings, /key_ref looks like a reference to a secret and is not in secretFields/)
    assert.match(warnings, /Types were not checked/)
    assert.deepInclude(report.kinds[0], { kind: "example", endpoint: "none", secret_fields: [] })
    assert.deepInclude(report.conformance[0], { kind: "example", isolation: "none", tier: null })
  }).pipe(Effect.scoped)
)

it.live("each mistake in a definition is named, and the exit code is 1", () =>
  Effect.gen(function* () {
    for (const [text, expected] of [
      [source("", "ssh"), /The kind ssh comes with the product/],
      [source("", "Not a kind"), /kind is not a name that a kind can have/],
      [source("apiVersion: 99,"), /written for version 99 of the plugin API/],
      [source(`secretFields: ["api_key_ref"],`), /names api_key_ref in secretFields, and no member is called so/],
      [source(`options: { type: "string" },`), /options is not a schema of an object/],
      [source(`description: "",`), /description is not a text/],
      [source(`options: { type: "object", properties: { password: { type: "string" } } },`), /call it password_ref/],
      [
        `${imports}export default [defineSecretScheme({ scheme: "env", apiVersion, description: "x", secretFields: [], open: () => Effect.never })]`,
        /The scheme env comes with the product/
      ],
      [`throw new Error("canary")`, /It failed while it was loaded \(Error\)/],
      [`process.exit(0)`, /It ended the process while it was loaded/],
      [`export default 1`, /is not what defineRuntimeSource/]
    ] as const) {
      const { code, errors, stderr } = yield* checked(text)
      assert.match(errors, expected)
      assert.strictEqual(code, 1)
      assert.match(stderr, /^\d+ things? (is|are) wrong\.\n$/)
    }
  }).pipe(Effect.scoped)
)

it.live("a kind that does not do what it declares fails the kit, and the case is named", () =>
  Effect.gen(function* () {
    const { code, errors, report } = yield* checked(source(`capabilities: { "workers.stop": {} },`))
    assert.strictEqual(code, 1)
    assert.match(errors, /honesty\.stop/)
    assert.isFalse(report.ok)
    assert.isAbove(report.conformance[0].totals.failed, 0)
  }).pipe(Effect.scoped)
)

it.live("each program of docs/plugins.md is a plugin without a mistake", () =>
  Effect.gen(function* () {
    const text = fs.readFileSync(new URL("../../docs/plugins.md", import.meta.url), "utf8")
    const programs = Array.from(text.matchAll(/```js\n([^]*?)```/g), ([, program = ""]) => program)
    assert.isAtLeast(programs.length, 3)
    for (const program of programs) {
      const { code, errors } = yield* checked(program)
      assert.deepStrictEqual([code, errors], [0, ""])
    }
  }).pipe(Effect.scoped)
)

it.effect("what is no plugin, and flags that make no sense, are wrong usage", () =>
  Effect.gen(function* () {
    const file = yield* module(source(""))
    for (const args of [
      ["/nowhere-at-all"],
      [join(file, "..")],
      [file, "--options", "{"],
      [file, "--isolation", "maybe"],
      [file, "--token-env", "NO_SUCH_VARIABLE_HERE"],
      [file, "--stage", "/nowhere-at-all"]
    ]) {
      const { code, stderr, stdout } = yield* command("plugin", "check", ...args)
      assert.strictEqual(code, 2, args.join(" "))
      assert.strictEqual(stdout, "")
      assert.strictEqual(stderr.trimEnd().split("\n").length, 1)
    }
  }).pipe(Effect.scoped)
)

it.effect("the page of a plugin's kinds is printed, or what keeps it from being read", () =>
  Effect.gen(function* () {
    const { code, stdout } = yield* command("plugin", "docs", yield* module(source("")))
    assert.strictEqual(code, 0)
    assert.include(stdout, "## Example (`example`)\n\nA kind for tests.\n")
    assert.include(stdout, "It has no options.")
    const broken = yield* command("plugin", "docs", yield* module("throw new Error('canary')"))
    assert.strictEqual(broken.code, 1)
    assert.notInclude(broken.stdout + broken.stderr, "canary")
  })
)
