import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import * as Connection from "../../domain/Connection.ts"
import { ConfigStore } from "../../domain/ConfigStore.ts"
import { configTemplate } from "./configTemplate.ts"
import { MAX_FILE_BYTES } from "./TomlBounds.ts"
import * as TomlConfigStore from "./TomlConfigStore.ts"
import * as TomlDocument from "./TomlDocument.ts"

const promise = <A>(run: () => Promise<A>) => Effect.promise(run)

const folder = Effect.acquireRelease(
  promise(() => fs.mkdtemp(join(tmpdir(), "toml-config-"))),
  (path) => promise(() => fs.rm(path, { recursive: true, force: true }))
)

/** A store over a file that holds `text`; its path, and the store as another process would open it. */
const over = Effect.fnUntraced(function* (text?: string | Uint8Array) {
  const dir = yield* folder
  const path = join(dir, "config.toml")
  if (text !== undefined) yield* promise(() => fs.writeFile(path, text, { mode: 0o600 }))
  const open = ConfigStore.pipe(
    Effect.provide(TomlConfigStore.layer({ path }).pipe(Layer.provide(NodeFileSystem.layer)))
  )
  return { dir, path, open, store: yield* open, text: promise(() => fs.readFile(path, "utf8")) }
})

const entry = (id: string) => Result.getOrThrow(Connection.decodeEntry({ id, endpoint: "http://127.0.0.1:1" }))
const messages = (config: {
  readonly diagnostics: ReadonlyArray<{ readonly code: string; readonly message: string }>
}) => config.diagnostics.map(({ code, message }) => `${code}: ${message}`)

describe("TomlConfigStore", () => {
  it.effect("every section is read", () =>
    Effect.gen(function* () {
      const { store } = yield* over(`
[server]
listen = "127.0.0.1:8787"
access_token_ref = "local:access"
allowed_hosts = ["a.example"]
[data]
root = ".yoi/data"
[limits]
max_records = 200
[egress]
allow_private = false
allow = ["10.0.0.0/8"]
deny = ["10.1.0.0/16"]
ports = [443]
[[runtimes.remote]]
id = "example"
endpoint = "http://127.0.0.1:8790"
[[runtimes.source]]
id = "scripted"
kind = "mock"
[runtimes.source.options]
script = "busy"
[unknown]
x = 1
`)
      const { connections, data, diagnostics, egress, limits, readable, server, writable } = yield* store.read
      assert.deepStrictEqual(server, {
        listen: "127.0.0.1:8787",
        access_token_ref: "local:access",
        allowed_hosts: ["a.example"]
      })
      assert.deepStrictEqual([data, limits], [{ root: ".yoi/data" }, { max_records: 200 }])
      assert.deepStrictEqual(egress, {
        allow_private: false,
        allow: ["10.0.0.0/8"],
        deny: ["10.1.0.0/16"],
        ports: [443]
      })
      assert.deepStrictEqual(connections as ReadonlyArray<unknown>, [
        { id: "example", kind: "remote_http", endpoint: "http://127.0.0.1:8790" },
        { id: "scripted", kind: "mock", options: { script: "busy" } }
      ])
      assert.deepStrictEqual([diagnostics, readable, writable], [[], true, true])
    })
  )

  it.effect("a bad entry costs itself, with a diagnostic that names line and key and no value", () =>
    Effect.gen(function* () {
      const { store } = yield* over(`[[runtimes.remote]]
id = "good"
endpoint = "http://127.0.0.1:1"
endpont = "hunter2"

[[runtimes.remote]]
id = "bad"
endpoint = "http://hunter2@h"

[[runtimes.remote]]
id = "good"
endpoint = "http://127.0.0.1:2"

[[runtimes.remote]]
id = "no endpoint and no grammar"

[[runtimes.remote]]
id = "raw"
endpoint = "http://127.0.0.1:3"
bearer_token = "hunter2"

[[runtimes.remote]]
id = "backend-internal"
endpoint = "http://127.0.0.1:4"

[[runtimes.source]]
id = "wrong"
kind = "mock"
options = "hunter2"
`)
      const config = yield* store.read
      assert.deepStrictEqual(
        config.connections.map(({ id }) => id as string),
        ["good", "raw"]
      )
      assert.deepStrictEqual(config.rejected_ids, ["bad", "good", "backend-internal", "wrong"])
      assert.deepStrictEqual(messages(config), [
        `connection_key_unknown: Line 4: "endpont" in [[runtimes.remote]] is not known and is ignored.`,
        `connection_invalid: Line 8: "endpoint" is not valid (userinfo). The connection "bad" is left out.`,
        `connection_invalid: Line 11: "id" is not valid (used twice). The connection "good" is left out.`,
        `connection_invalid: Line 15: "id" is not valid (invalid). The connection is left out.`,
        `connection_raw_secret: Line 20: "bearer_token" in [[runtimes.remote]] looks like a secret and is not used. ${Connection.RAW_SECRET_SENTENCE}`,
        `connection_invalid: Line 23: "id" is not valid (reserved). The connection "backend-internal" is left out.`,
        `connection_invalid: Line 29: "options" is not valid (wrong_type). The connection "wrong" is left out.`
      ])
      assert.notInclude(JSON.stringify(config), "hunter2")
    })
  )

  it.effect("the id of a bad entry is taken, and the entry can be removed", () =>
    Effect.gen(function* () {
      const { store, text } = yield* over(`[[runtimes.remote]]\nid = "bad"\nendpoint = 1\n\n# kept\n`)
      assert.strictEqual((yield* Effect.flip(store.add(entry("bad"))))._tag, "runtime_id_taken")
      yield* store.remove("bad")
      assert.strictEqual(yield* text, "\n# kept\n")
    })
  )

  it.effect("a bad key of a section costs itself, and a bad egress section permits nothing", () =>
    Effect.gen(function* () {
      const { store } = yield* over(`server = { listen = 1, token = "hunter2" }
limits.max_records = -1
limits.other = 5
data = "x"

[egress]
allow_private = true
deny = "10.0.0.0/8"
`)
      const config = yield* store.read
      assert.deepStrictEqual([config.server, config.limits, config.data], [{}, { other: 5 }, {}])
      assert.deepStrictEqual(config.egress, { allow: [] })
      assert.deepStrictEqual(
        messages(config).map((message) => message.split(" is ")[0]?.split(" looks ")[0]),
        [
          `config_key_invalid: Line 1: "listen" in [server]`,
          `config_raw_secret: Line 1: "token" in [server]`,
          `config_key_invalid: Line 4: "data"`,
          `config_key_invalid: Line 2: "max_records" in [limits]`,
          `config_key_invalid: Line 8: "deny" in [egress]`,
          "egress_closed: The section [egress]"
        ]
      )
      assert.notInclude(JSON.stringify(config), "hunter2")
      const { store: misspelt } = yield* over(`[egress]\ndenny = ["10.0.0.0/8"]\n`)
      assert.deepStrictEqual((yield* misspelt.read).egress, { allow: [] })
    })
  )

  it.effect("a missing file is an empty config, and the first connection is written below the template", () =>
    Effect.gen(function* () {
      const { path, store, text } = yield* over()
      const { connections, revision, writable } = yield* store.read
      assert.deepStrictEqual([connections, writable], [[], true])
      yield* store.add(entry("first"), revision)
      assert.strictEqual(
        yield* text,
        `${configTemplate}\n[[runtimes.remote]]\nid = "first"\nendpoint = "http://127.0.0.1:1"\n`
      )
      assert.strictEqual((yield* promise(() => fs.stat(path))).mode & 0o777, 0o600)
      assert.strictEqual((yield* store.remove("first")).connections.length, 0)
      assert.strictEqual(yield* text, configTemplate)
    })
  )

  it.effect("the template is a valid file that says nothing, and a valid one without its comment signs", () =>
    Effect.gen(function* () {
      const { store } = yield* over(configTemplate)
      assert.deepStrictEqual((yield* store.read).diagnostics, [])
      const settings = configTemplate.replaceAll(/^# (?=\[|[a-z_]+ = )/gm, "")
      const { store: filled } = yield* over(settings)
      const config = yield* filled.read
      assert.deepStrictEqual(config.diagnostics, [])
      assert.deepStrictEqual(
        [config.connections.map(({ kind }) => kind), config.limits, config.egress.deny],
        [["remote_http", "mock"], { max_records: 200 }, ["10.0.0.0/8"]]
      )
      assert.deepStrictEqual(config.plugins, [
        { package: "yoi-workspace-plugin-example", isolation: "process", position: 1 }
      ])
    })
  )

  it.effect("adding and removing leaves a hand-written file byte-identical", () =>
    Effect.gen(function* () {
      const before = `\uFEFF# ours\r\n\r\n[[ runtimes . remote ]] # odd\r\n  id   = 'a'\r\n  endpoint = "http://127.0.0.1:1"\r\n\r\n[x]\r\ny = [ 1, # one\r\n 2 ]`
      const { store, text } = yield* over(before)
      yield* store.add(entry("b"))
      yield* store.update("b", { display_name: "B" })
      yield* store.remove("b")
      assert.strictEqual(yield* text, before)
    })
  )

  it.effect("a change by hand since the read is refused, is kept, and is seen by the next read", () =>
    Effect.gen(function* () {
      const { path, store, text } = yield* over("a = 1\n")
      const { revision } = yield* store.read
      const byHand = `[[runtimes.remote]]\nid = "hand"\nendpoint = "http://127.0.0.1:9"\n`
      yield* promise(() => fs.writeFile(path, byHand))
      assert.strictEqual((yield* Effect.flip(store.add(entry("b"), revision)))._tag, "config_changed")
      assert.strictEqual(yield* text, byHand)
      assert.deepStrictEqual(
        (yield* store.read).connections.map(({ id }) => id as string),
        ["hand"]
      )
    })
  )

  it.effect("of two stores over one file exactly one wins", () =>
    Effect.gen(function* () {
      const { open, store } = yield* over("")
      const other = yield* open
      const { revision } = yield* store.read
      yield* store.add(entry("one"), revision)
      assert.strictEqual((yield* Effect.flip(other.add(entry("two"), revision)))._tag, "config_changed")
      assert.strictEqual((yield* other.read).connections.length, 1)
    })
  )

  it.effect("forms that cannot be edited are read, and refused with a sentence", () =>
    Effect.gen(function* () {
      for (const before of [
        `runtimes.remote = [ { id = "a", endpoint = "http://127.0.0.1:1" } ]\n`,
        `[runtimes]\nremote = [{ id = "a", endpoint = "http://127.0.0.1:1" }]\n`,
        `runtimes = { remote = [{ id = "a", "endpoint" = 'http://127.0.0.1:1' }] }`
      ]) {
        const { store, text } = yield* over(before)
        assert.strictEqual((yield* store.read).connections.length, 1)
        for (const write of [store.add(entry("b")), store.update("a", { display_name: "A" }), store.remove("a")]) {
          const problem = yield* Effect.flip(write)
          assert.strictEqual(problem._tag, "config_unwritable")
          assert.include(problem.detail, "[[runtimes.remote]]")
        }
        assert.strictEqual(yield* text, before)
      }
    })
  )

  it.effect(
    "hostile and odd files give a clear answer without their content and are not touched",
    () =>
      Effect.gen(function* () {
        const corpus: ReadonlyArray<readonly [string, string | Uint8Array]> = [
          ["not_toml", `id = "hunter2`],
          ["not_toml", `hunter2 = 1\nhunter2 = 2`],
          ["not_toml", `[a]\n[a]`],
          ["not_toml", `<html>hunter2</html>`],
          ["not_toml", `{"json": "hunter2"}`],
          ["not_toml", `[[runtimes.remote]]\nid = hunter2`],
          ["not_toml", `[[runtimes.remote]]\n[runtimes.remote]`],
          ["not_toml", `a = [1, "hunter2", }]`],
          ["not_toml", "a = 1\rb = 2"],
          ["unsupported_form", `[runtimes.remote]\nid = "hunter2"`],
          ["unsupported_form", `runtimes = "hunter2"`],
          ["unsupported_form", `runtimes.remote = [1, "hunter2", { id = 1 }]`],
          ["too_deep", `a = ${"[".repeat(100_000)}`],
          ["too_deep", `a = ${"{ a = ".repeat(100_000)}`],
          ["too_deep", `${"a.".repeat(100_000)}a = 1`],
          ["value_too_long", `a = "${"hunter2".repeat(20_000)}"`],
          ["too_many_entries", "[[runtimes.remote]]\n".repeat(1001)],
          ["too_large", "# hunter2\n".repeat(1_000_000)],
          ["contains_nul", "a = 1\u0000hunter2"],
          ["contains_nul", Buffer.from("a = 1\n", "utf16le")],
          ["invalid_utf8", Buffer.from([0x61, 0x20, 0x3d, 0x20, 0x22, 0xc3, 0x28, 0x22])],
          ["invalid_utf8", Buffer.from([0x61, 0x3d, 0x22, 0xed, 0xa0, 0x80, 0x22])]
        ]
        for (const [reason, content] of corpus) {
          const { dir, path, store } = yield* over(content)
          const config = yield* store.read
          assert.deepStrictEqual([config.readable, config.writable, config.refusal?.reason], [false, false, reason])
          assert.deepStrictEqual([config.connections, config.egress], [[], { allow: [] }])
          assert.strictEqual(config.diagnostics[0]?.code, `config_${reason}`)
          assert.notMatch(JSON.stringify(config), /hunter2|toml-config-/)
          const problem = yield* Effect.flip(store.add(entry("b")))
          assert.deepStrictEqual([problem._tag, problem.context.reason], ["config_unwritable", reason])
          assert.isTrue(Buffer.from(content as string).equals(yield* promise(() => fs.readFile(path))))
          assert.deepStrictEqual(yield* promise(() => fs.readdir(dir)), ["config.toml"])
        }
      }),
    30_000
  )

  it.effect("a folder or a dangling link in the file's place is told and not touched", () =>
    Effect.gen(function* () {
      const { path, store } = yield* over()
      yield* promise(() => fs.mkdir(path))
      assert.strictEqual((yield* store.read).refusal?.reason, "is_directory")
      yield* promise(() => fs.rmdir(path).then(() => fs.symlink(`${path}.gone`, path)))
      assert.strictEqual((yield* store.read).refusal?.reason, "dangling_symlink")
      assert.strictEqual((yield* Effect.flip(store.add(entry("a"))))._tag, "config_unwritable")
      assert.isTrue((yield* promise(() => fs.lstat(path))).isSymbolicLink())
    })
  )

  it.effect(
    "a file at the bounds is read and edited",
    () =>
      Effect.gen(function* () {
        const one = (n: number) => `[[runtimes.remote]]\nid = "r${n}"\nendpoint = "http://127.0.0.1:1"\n\n`
        const entries = Array.from({ length: 999 }, (_, n) => one(n)).join("")
        const comment = `# ${"x".repeat(997)}\n`
        const before = entries + comment.repeat(Math.floor((MAX_FILE_BYTES - entries.length - 100) / comment.length))
        const { store, text } = yield* over(before)
        assert.strictEqual((yield* store.read).connections.length, 999)
        yield* store.add(entry("last"))
        assert.strictEqual((yield* Effect.flip(store.add(entry("one-more")))).context.reason, "too_many_entries")
        yield* store.remove("last")
        assert.strictEqual(yield* text, before)
      }),
    30_000
  )

  it.effect("keys of a prototype are data", () =>
    Effect.gen(function* () {
      const { store } = yield* over(
        `[server.__proto__]\nlisten = "x:1"\n[limits]\n__proto__ = 5\n[[runtimes.source]]\nid = "__proto__"\nkind = "mock"\n[[runtimes.source]]\nid = "constructor"\nkind = "mock"\noptions = { __proto__ = { polluted = true } }\n`
      )
      const config = yield* store.read
      assert.deepStrictEqual(
        config.connections.map(({ id }) => id as string),
        ["constructor"]
      )
      assert.isUndefined(config.server.listen)
      assert.isUndefined(({} as Record<string, unknown>)["polluted"])
      assert.isTrue(Object.hasOwn(config.limits, "__proto__"))
    })
  )

  it.effect("a file that others may write is told", () =>
    Effect.gen(function* () {
      const { path, store } = yield* over("")
      yield* promise(() => fs.chmod(path, 0o664))
      assert.strictEqual((yield* store.read).diagnostics[0]?.code, "config_mode_loose")
      yield* promise(() => fs.chmod(path, 0o644))
      assert.deepStrictEqual((yield* store.read).diagnostics, [])
    })
  )

  it.effect("the number of diagnostics is bounded", () =>
    Effect.gen(function* () {
      const { store } = yield* over(`[limits]\n${Array.from({ length: 500 }, (_, n) => `k${n} = 0`).join("\n")}\n`)
      const { diagnostics } = yield* store.read
      assert.strictEqual(diagnostics.length, 100)
      assert.strictEqual(diagnostics.at(-1)?.message, "There are 401 more findings in the config file.")
    })
  )

  it.effect("options that TOML cannot hold are refused as part of the request", () =>
    Effect.gen(function* () {
      const { store, text } = yield* over("a = 1\n")
      const withNull = Result.getOrThrow(Connection.decodeEntry({ id: "a", kind: "mock", options: { a: null } }))
      const problem = yield* Effect.flip(store.add(withNull))
      assert.strictEqual(problem._tag, "invalid_request")
      assert.strictEqual(yield* text, "a = 1\n")
    })
  )

  it.effect("names that try to leave their quotes change nothing else", () =>
    Effect.gen(function* () {
      const { store, text } = yield* over('[server]\nlisten = "127.0.0.1:1"\n')
      const display_name = `"] [egress] allow = ["0.0.0.0/0" #'''`
      yield* store.add({ ...entry("quoted"), display_name })
      const config = yield* store.read
      assert.strictEqual(config.connections[0]?.display_name, display_name)
      assert.deepStrictEqual([config.egress, config.server], [{}, { listen: "127.0.0.1:1" }])
      assert.isTrue(Result.isSuccess(TomlDocument.parse(yield* text)))
    })
  )
})
