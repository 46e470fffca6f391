/** Plugins of a config file, from real files: each that cannot be loaded costs itself and a diagnostic, and nothing else. */
import { chmodSync, mkdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import * as Kinds from "../../src/app/Kinds.ts"
import * as Workspace from "../../src/app/cli/Workspace.ts"
import * as PluginFile from "../../src/app/plugins/PluginFile.ts"
import { Plugins } from "../../src/app/plugins/Plugins.ts"
import { ConfigStore } from "../../src/domain/ConfigStore.ts"
import { maxPlugins } from "../../src/domain/plugin/PluginEntry.ts"
import { SecretRef, SecretResolver } from "../../src/domain/SecretResolver.ts"
import { SourceKinds } from "../../src/domain/SourceKind.ts"
import * as Server from "../settings/SettingsServer.ts"
import { fileOf, imports, install, pathOf, simple } from "./PluginFolder.ts"

/** What a workspace with these files and this config has loaded. */
const loaded = Effect.fnUntraced(function* (folder: string, config: string) {
  yield* Server.writeConfig(folder, config)
  return yield* Effect.gen(function* () {
    const plugins = yield* Plugins
    const kinds = yield* (yield* SourceKinds).list
    const secrets = yield* SecretResolver
    const { diagnostics } = yield* (yield* ConfigStore).read
    const found = yield* plugins.diagnostics(yield* (yield* ConfigStore).read)
    return {
      kinds: kinds.filter((it) => !it.built_in).map((it) => it.kind),
      schemes: yield* secrets.schemes,
      config: diagnostics,
      codes: found.map((it) => it.code),
      messages: found.map((it) => it.message)
    }
  }).pipe(
    Effect.provide(Kinds.layer.pipe(Layer.provideMerge(Workspace.layer(folder)), Layer.provide(NodeServices.layer)))
  )
})

const byPath = (...names: ReadonlyArray<string>) =>
  names.map((name) => `[[plugins]]\npath = "${pathOf(name)}"\n`).join("\n")

/** Module, and the reason and words of its diagnostic. */
const broken: ReadonlyArray<readonly [name: string, source: string, code: string, says: RegExp]> = [
  ["throws", `throw new Error("canary-words")`, "plugin_threw", /failed while it was loaded \(Error\)/],
  ["rejects", `await Promise.reject({ token: "canary-words" })`, "plugin_threw", /\(object\)/],
  ["exits", "process.exit(3)", "plugin_exited", /ended the process/],
  ["exits-later", "await new Promise((done) => setTimeout(done, 5)); process.exit(3)", "plugin_exited", /ended/],
  ["exits-named", `import { exit } from "node:process"\nexit(0)`, "plugin_exited", /ended/],
  ["syntax", "export default {", "plugin_threw", /SyntaxError/],
  ["missing", `import "canary-package"`, "plugin_threw", /failed while it was loaded/],
  ["empty", "export const nothing = 1", "plugin_no_definition", /no definition/],
  ["plain", `export default { kind: "x", connect() {} }`, "plugin_not_a_definition", /defineRuntimeSource/],
  [
    "future",
    simple("future").replace("apiVersion,\n  label", "apiVersion: 2,\n  label"),
    "plugin_api_version",
    /version 2 .* version 1/
  ],
  [
    "ageless",
    simple("ageless").replace("apiVersion,\n  label", `apiVersion: "canary",\n  label`),
    "plugin_api_version",
    /no known version/
  ],
  ["bad-kind", simple("Bad Kind"), "plugin_definition_invalid", /kind is not a name/],
  ["reserved", simple("embedded"), "plugin_definition_invalid", /kind is not a name/],
  ["no-label", simple("no-label", `label: ""`), "plugin_definition_invalid", /label/],
  ["bad-fields", simple("bad-fields", `secretFields: "token_ref"`), "plugin_definition_invalid", /secretFields/],
  [
    "bad-capabilities",
    simple("bad-capabilities", `capabilities: ["workers.create"]`),
    "plugin_definition_invalid",
    /capabilities/
  ],
  ["no-object", simple("no-object", `options: { type: "string" }`), "plugin_definition_invalid", /options/],
  [
    "unsupported-schema",
    simple("x", `options: { type: "object", if: { required: ["canary"] }, then: {} }`),
    "plugin_threw",
    /failed while/
  ],
  ["shadow", simple("mock"), "plugin_kind_taken", /The kind mock exists already/],
  ["shadow-remote", simple("remote_http"), "plugin_kind_taken", /remote_http/]
]

it.live.each(broken.map(([name, source, code, says]) => ({ name, source, code, says })))(
  "a plugin of the sort '$name' costs itself and says $code",
  ({ code, name, says, source }) =>
    Effect.gen(function* () {
      const folder = yield* Server.workspace
      install(folder, name, source)
      install(folder, "sound", simple("sound"))
      const { codes, config, kinds, messages } = yield* loaded(folder, byPath(name, "sound"))
      assert.deepStrictEqual(codes, [code])
      assert.match(messages[0] ?? "", says)
      assert.deepStrictEqual(kinds, ["sound"])
      assert.deepStrictEqual(config, [])
      assert.notInclude(messages.join(), "canary")
      assert.notInclude(messages.join(), folder)
      assert.notInclude(messages.join(), "node_modules")
    }).pipe(Effect.scoped)
)

it.effect("a module that does not finish loading is given up after the deadline", () =>
  Effect.gen(function* () {
    const folder = yield* Server.workspace
    const file = install(folder, "hangs", "await new Promise(() => setInterval(() => {}, 1e6).unref())")
    const loading = yield* Effect.forkChild(Effect.flip(PluginFile.load(file)))
    yield* TestClock.adjust(PluginFile.loadDeadline)
    const { reason, sentence } = yield* Fiber.join(loading)
    assert.strictEqual(reason, "timeout")
    assert.match(sentence, /10s/)
  }).pipe(Effect.scoped)
)

it.live("the process may exit while a plugin loads, from code that is not the plugin's", () =>
  Effect.gen(function* () {
    const folder = yield* Server.workspace
    const file = install(folder, "slow", `await new Promise((done) => setTimeout(done, 200))\n${simple("slow")}`)
    const loading = yield* Effect.forkChild(PluginFile.load(file))
    yield* Effect.yieldNow
    // The guard lets this through to the exit that was there before: the test runner's own, which throws an error of its own.
    const outside = yield* Effect.flip(Effect.try({ try: () => process.exit(9), catch: (thrown) => String(thrown) }))
    assert.notInclude(outside, "Exited")
    assert.strictEqual((yield* Fiber.join(loading)).length, 1)
  }).pipe(Effect.scoped)
)

it.live("a package is found as its neighbours would import it, also one that is for import only", () =>
  Effect.gen(function* () {
    const folder = yield* Server.workspace
    install(folder, "yoi-plugin-a", simple("a"))
    install(folder, "@scope/plugin-b", simple("b"))
    install(folder, "yoi-plugin-main", simple("c"), { exports: undefined, main: "index.mjs" })
    const { codes, kinds } = yield* loaded(
      folder,
      ["yoi-plugin-a", "@scope/plugin-b", "yoi-plugin-main"]
        .map((name) => `[[plugins]]\npackage = "${name}"\n`)
        .join("\n")
    )
    assert.deepStrictEqual(codes, [])
    assert.deepStrictEqual(kinds, ["a", "b", "c"])
  }).pipe(Effect.scoped)
)

it.live("a plugin that has brought copies of effect and of this package shares the backend's", () =>
  Effect.gen(function* () {
    const folder = yield* Server.workspace
    install(folder, "own/node_modules/effect", `throw new Error("the wrong copy")`, { name: "effect" })
    install(folder, "own/node_modules/yoi-workspace", `throw new Error("the wrong copy")`, {
      name: "yoi-workspace",
      exports: { "./plugin": "./index.mjs" }
    })
    install(folder, "own", simple("own"))
    assert.deepStrictEqual((yield* loaded(folder, byPath("own"))).kinds, ["own"])
  }).pipe(Effect.scoped)
)

it.live("what is not there, is no file, or could be changed by others is not loaded", () =>
  Effect.gen(function* () {
    const folder = yield* Server.workspace
    install(folder, "loose", simple("loose"))
    chmodSync(fileOf(folder, "loose"), 0o620)
    install(folder, "open-folder", simple("open"))
    chmodSync(join(fileOf(folder, "open-folder"), ".."), 0o777)
    mkdirSync(join(folder, ".yoi/node_modules/folder/index.mjs"), { recursive: true })
    symlinkSync(fileOf(folder, "loose"), join(folder, ".yoi/node_modules/link.mjs"))
    const { codes, kinds, messages } = yield* loaded(
      folder,
      `${byPath("loose", "folder", "absent", "open-folder")}
[[plugins]]
path = "node_modules/link.mjs"
[[plugins]]
package = "canary-absent"
[[plugins]]
path = "/dev/null"
`
    )
    assert.deepStrictEqual(codes, [
      "plugin_writable_by_others",
      "plugin_not_a_file",
      "plugin_not_found",
      "plugin_writable_by_others",
      "plugin_writable_by_others",
      "plugin_not_found",
      "plugin_not_a_file"
    ])
    assert.deepStrictEqual(kinds, [])
    assert.match(messages[0] ?? "", /^Plugin 1 of the config file: .*chmod go-w/)
    assert.match(messages[5] ?? "", /^Plugin "canary-absent": /)
    assert.notInclude(messages.join(), folder)
  }).pipe(Effect.scoped)
)

it.live("of two plugins with the same kind the first of the file stays, and the other is refused by name", () =>
  Effect.gen(function* () {
    const folder = yield* Server.workspace
    // The first takes longer to import; the order of the file decides all the same.
    install(folder, "one", `await new Promise((done) => setTimeout(done, 50))\n${simple("twin", `label: "First"`)}`)
    install(folder, "two", simple("twin", `label: "Second"`))
    const { codes, kinds, messages } = yield* loaded(folder, byPath("one", "two"))
    assert.deepStrictEqual(kinds, ["twin"])
    assert.deepStrictEqual(codes, ["plugin_kind_taken"])
    assert.strictEqual(messages[0], "Plugin 2 of the config file: The kind twin exists already.")
  }).pipe(Effect.scoped)
)

const settings = `settings: { type: "object", properties: { region: { type: "string", maxLength: 5 }, key_ref: { type: "string" } }, required: ["region"], additionalProperties: false }, secretFields: ["key_ref"]`

it.live.each([
  ["", /\/options\/region missing/],
  [`options = { region = 3 }`, /\/options\/region wrong_type/],
  [`options = { region = "eu", canary-typo = 1 }`, /\/options\/canary-typo unexpected/],
  [`options = { region = "eu", "sk canary ü" = 1 }`, /\/options unexpected/],
  [`options = { region = "eu", key_ref = "sk-live-canary" }`, /\/options\/key_ref raw_secret/]
] as const)("options of a plugin that do not fit are refused with a pointer: %s", ([options, says]) =>
  Effect.gen(function* () {
    const folder = yield* Server.workspace
    install(folder, "settled", simple("settled", settings))
    const { codes, kinds, messages } = yield* loaded(folder, `${byPath("settled")}${options}\n`)
    assert.deepStrictEqual(codes, ["plugin_options_invalid"])
    assert.match(messages[0] ?? "", says)
    assert.notMatch(messages[0] ?? "", /sk-live|sk canary/)
    assert.deepStrictEqual(kinds, [])
  }).pipe(Effect.scoped)
)

it.live("options that fit reach the plugin, and options for a plugin that takes none are refused", () =>
  Effect.gen(function* () {
    const folder = yield* Server.workspace
    install(folder, "settled", simple("settled", settings))
    install(folder, "plain", simple("plain"))
    const { codes, kinds } = yield* loaded(
      folder,
      `${byPath("settled")}options = { region = "eu" }\n\n${byPath("plain")}options = { region = "eu" }\n`
    )
    assert.deepStrictEqual(kinds, ["settled"])
    assert.deepStrictEqual(codes, ["plugin_options_invalid"])
  }).pipe(Effect.scoped)
)

it.live("a bad entry in the file costs itself and names its line and key, and never a value", () =>
  Effect.gen(function* () {
    const folder = yield* Server.workspace
    install(folder, "sound", simple("sound"))
    const { codes, config, kinds } = yield* loaded(
      folder,
      `[[plugins]]
package = "../canary"

[[plugins]]
package = "a"
path = "b"

[[plugins]]
isolation = "none"

[[plugins]]
path = "x.mjs"
isolation = "canary"

[[plugins]]
path = "x.mjs"
token = "canary"
options = { api_key = "canary" }

${byPath("sound")}`
    )
    assert.deepStrictEqual(codes, [])
    assert.deepStrictEqual(kinds, ["sound"])
    assert.deepStrictEqual(
      config.map((it) => [it.code, /^Line (\d+)/.exec(it.message)?.[1]]),
      [
        ["plugin_entry_invalid", "2"],
        ["plugin_entry_invalid", "4"],
        ["plugin_entry_invalid", "8"],
        ["plugin_entry_invalid", "13"],
        ["plugin_raw_secret", "17"],
        ["plugin_raw_secret", "18"]
      ]
    )
    assert.notInclude(JSON.stringify(config), "canary")
  }).pipe(Effect.scoped)
)

it.live("there is a most of plugins", () =>
  Effect.gen(function* () {
    const folder = yield* Server.workspace
    install(folder, "sound", simple("sound"))
    const many = Array.from({ length: maxPlugins }, () => `[[plugins]]\npackage = "absent"\n`).join("\n")
    const { codes, config, kinds } = yield* loaded(folder, `${many}\n${byPath("sound")}`)
    assert.strictEqual(codes.length, maxPlugins)
    assert.deepStrictEqual(kinds, [])
    assert.match(config.at(-1)?.message ?? "", /more than 32 plugins/)
  }).pipe(Effect.scoped)
)

const vault = (more = "", scheme = "vault") => `${imports}
export default defineSecretScheme({
  scheme: "${scheme}",
  apiVersion,
  description: "Secrets of a vault.",
  settings: Schema.Struct({ root_ref: Schema.String }),
  secretFields: ["root_ref"],
  open: (settings, host) => Effect.succeed({
    resolve: (rest) => rest === "boom" ? Effect.die(new Error("canary-boom"))
      : rest === "absent" ? Effect.fail(problem("secret_unresolvable", "canary-words", { reason: "not_set" }))
      : rest === "hang" ? Effect.never
      : rest === "plain" ? Effect.succeed("canary-plain")
      : rest === "greedy" ? host.secret("env:CANARY_OTHER")
      : Effect.map(host.secret(settings.root_ref), (root) => Redacted.make(Redacted.value(root) + "/" + rest)),
    admits: (rest) => rest.startsWith("public")
  })${more === "" ? "" : `, ${more}`}
})
`

it.live("a secret scheme resolves references, from the secrets that its options name", () =>
  Effect.gen(function* () {
    const folder = yield* Server.workspace
    install(folder, "vault", vault())
    install(folder, "thief", vault("", "env"))
    yield* Server.writeConfig(
      folder,
      `${byPath("vault")}options = { root_ref = "env:CANARY_ROOT" }\n\n${byPath("thief")}options = { root_ref = "env:A" }\n`
    )
    process.env["CANARY_ROOT"] = "canary-root"
    process.env["CANARY_OTHER"] = "canary-other"
    yield* Effect.gen(function* () {
      const secrets = yield* SecretResolver
      const resolve = (ref: string) => secrets.resolve(SecretRef.make(ref))
      assert.strictEqual(Redacted.value(yield* resolve("vault:a/b")), "canary-root/a/b")
      for (const [ref, reason] of [
        ["vault:boom", "provider_failed"],
        ["vault:absent", "not_set"],
        ["vault:plain", "provider_failed"],
        ["vault:greedy", "not_granted"]
      ] as const) {
        const problem = yield* Effect.flip(resolve(ref))
        assert.strictEqual(problem.context.reason, reason, ref)
        assert.notInclude(problem.message, "canary")
      }
      yield* secrets.admit(SecretRef.make("vault:public/x"))
      assert.strictEqual(
        (yield* Effect.flip(secrets.admit(SecretRef.make("vault:private")))).context.reason,
        "outside_allowed_folders"
      )
      const found = yield* (yield* Plugins).diagnostics(yield* (yield* ConfigStore).read)
      assert.deepStrictEqual(
        found.map((it) => it.code),
        ["plugin_scheme_taken"]
      )
      assert.match(found[0]?.message ?? "", /The secret scheme env exists already/)
    }).pipe(
      Effect.provide(Kinds.layer.pipe(Layer.provideMerge(Workspace.layer(folder)), Layer.provide(NodeServices.layer)))
    )
  }).pipe(
    Effect.scoped,
    Effect.ensuring(
      Effect.sync(() => {
        delete process.env["CANARY_ROOT"]
        delete process.env["CANARY_OTHER"]
      })
    )
  )
)
