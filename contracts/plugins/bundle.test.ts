/** The program as the package ships it, a bundle: what it starts is found, and what plugins import is the program's own. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { assert, beforeAll, describe, it } from "vitest"
import { agentProfile, processesWith, scripted } from "../executors/ExecutorWorld.ts"
import { type Body, type Sent, send } from "../settings/SettingsServer.ts"
import { eventually } from "../worker-runtime-process/runtimeProcess.ts"
import * as OutOfTree from "./OutOfTree.ts"

const folder = OutOfTree.makeFolder()
let program = ""

beforeAll(async () => {
  program = await OutOfTree.install(folder)
}, 120_000)

const place = (...path: ReadonlyArray<string>) => join(folder, "node_modules/yoi-workspace", ...path)
const run = (...args: ReadonlyArray<string>) => OutOfTree.run(folder, process.execPath, [program, ...args])

/** Leaves a list of all modules that were loaded, at the end of the process. */
const watcher = `
import { registerHooks } from "node:module"
import { writeFileSync } from "node:fs"
const loaded = []
registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
process.on("exit", () => writeFileSync(process.env.LOADED, JSON.stringify(loaded)))
`

/** Modules that a command loads, without Node's own and the watcher. */
const modulesOf = async (name: string, ...args: ReadonlyArray<string>) => {
  const hooks = join(folder, `${name}.mjs`)
  const list = join(folder, `${name}.json`)
  writeFileSync(hooks, watcher)
  const started = OutOfTree.launch(folder, process.execPath, [`--import=${hooks}`, program, ...args], { LOADED: list })
  if (args[0] === "serve") await started.says("stdout", /http:\S+/)
  const { code, stderr, stdout } = args[0] === "serve" ? await started.stop() : await started.ended
  assert.strictEqual(code, 0, stderr)
  const urls = JSON.parse(readFileSync(list, "utf8")) as ReadonlyArray<string>
  return { stdout, urls: urls.filter((it) => it.startsWith("file:") && !it.endsWith(`${name}.mjs`)) }
}

describe("what is loaded", () => {
  it("the version needs nothing but the file that answers", async () => {
    const { stdout, urls } = await modulesOf("version", "--version")
    const { version } = JSON.parse(readFileSync(place("package.json"), "utf8")) as Body
    assert.strictEqual(stdout, `yoi-workspace v${version}\n`)
    assert.isAtMost(urls.length, 4, urls.join("\n"))
  })

  it("a backend without plugins and connections is a few files, all of them in the bundle", async () => {
    mkdirSync(join(folder, "empty"))
    const { urls } = await modulesOf("serve", "serve", "--workspace", join(folder, "empty"), "--listen", "127.0.0.1:0")
    assert.isAtMost(urls.length, 40)
    // What no server needs at once is in files of its own.
    for (const name of ["rest", "isolated", "AcpExecutor", "pool"])
      assert.isFalse(
        urls.some((it) => it.endsWith(`/${name}.js`)),
        name
      )
    assert.deepStrictEqual(
      urls.filter((it) => !/\/yoi-workspace\/(bin|dist)\//.test(it)),
      []
    )
  })
})

/** Of `effect`, by each way that there is; `effect/Graph` is no part of the program. */
const plugin = `
import * as all from "effect"
import { Effect, Option, Schema } from "effect"
import * as Redacted from "effect/Redacted"
import * as Graph from "effect/Graph"
import { apiVersion, defineRuntimeSource } from "yoi-workspace/plugin"

const same = [all.Redacted.make === Redacted.make, all.Graph.directed === Graph.directed, Option === all.Option]

export default defineRuntimeSource({
  kind: "copies",
  apiVersion,
  label: "Copies",
  description: "Says whose effect it has. " + same.join(" "),
  endpoint: "none",
  options: Schema.Struct({}),
  secretFields: ["token_ref"],
  capabilities: {},
  connect: ({ token }) =>
    Effect.map(token, (it) => ({
      describe: Effect.succeed({ display_name: Redacted.value(it) === "seven77" ? "Right" : 7 }),
      list: () => Effect.succeed({ items: [], next_cursor: null }),
      get: () => Effect.die("there is no worker")
    }))
})
`

describe("plugins of the bundle", () => {
  for (const isolation of ["none", "worker", "process"]) {
    it(`at isolation ${isolation}, one that lies beside another copy of effect has the program's`, async () => {
      const workspace = join(folder, `plugins-${isolation}`)
      mkdirSync(join(workspace, ".yoi/node_modules/effect"), { recursive: true, mode: 0o700 })
      writeFileSync(join(workspace, ".yoi/node_modules/effect/package.json"), `{"name":"effect","main":"none.js"}`)
      writeFileSync(join(workspace, ".yoi/copies.mjs"), plugin, { mode: 0o600 })
      const config = `[[plugins]]\npath = "copies.mjs"\nisolation = "${isolation}"\n`
      writeFileSync(join(workspace, ".yoi/workspace-backend.local.toml"), config, { mode: 0o600 })
      const args = [program, "serve", "--workspace", workspace, "--listen", "127.0.0.1:0"]
      const backend = OutOfTree.launch(folder, process.execPath, args, { COPIES_TOKEN: "seven77" })
      const url = await backend.says("stdout", /http:\S+/)
      const call = (method: string, path: string, sent?: Sent) => Effect.runPromise(send(url)(method, path, sent))

      const connections = "/api/settings/runtime-connections"
      const { kinds } = (await call("GET", `${connections}/kinds`)).body
      const kind = kinds.find((it: Body) => it.kind === "copies")
      assert.strictEqual(kind?.description, "Says whose effect it has. true true true", backend.written.stderr)

      const body = { id: "a", kind: "copies", token_ref: "env:COPIES_TOKEN" }
      assert.strictEqual((await call("POST", `${connections}?apply=true`, { body })).status, 201)
      // Its connection opens by reading the token: what another copy has sealed could not be read.
      await eventually(
        async () => (await call("GET", "/api/runtimes")).body.items.find((it: Body) => it.runtime_id === "a")?.status,
        (status) => status === "running"
      )
      assert.strictEqual((await backend.stop()).code, 0)
    })
  }

  it("are not given an effect that the bundle was not built with", async () => {
    const other = join(folder, "other")
    cpSync(place(), join(other, "node_modules/yoi-workspace"), { recursive: true })
    mkdirSync(join(other, "node_modules/effect/dist"), { recursive: true })
    const manifest = { name: "effect", version: "4.0.9", type: "module", exports: { ".": "./dist/index.js" } }
    writeFileSync(join(other, "node_modules/effect/package.json"), JSON.stringify(manifest))
    writeFileSync(join(other, "node_modules/effect/dist/index.js"), "export {}")
    writeFileSync(join(other, "copies.mjs"), plugin, { mode: 0o600 })
    const command = [join(other, "node_modules/yoi-workspace/bin/yoi-workspace.mjs"), "plugin", "check"]
    const checked = await OutOfTree.run(other, process.execPath, [...command, join(other, "copies.mjs")])
    assert.strictEqual(checked.code, 1)
    assert.include(checked.stdout + checked.stderr, "is not the one of this program")
  })
})

describe("programs that the bundle starts", () => {
  it("the warden ends what a killed runtime has left", async () => {
    const name = `bundle-test-${process.pid}`
    const profiles = join(folder, "profiles.toml")
    const more = `mode = "session"\n[profiles.env.set]\nTEST_NAME = "${name}"`
    writeFileSync(profiles, scripted("setInterval(() => {}, 1000)", more), { mode: 0o600 })
    const args = [program, "runtime", "serve", "--bind", "127.0.0.1:0", "--profiles", profiles]
    const runtime = OutOfTree.launch(folder, process.execPath, args)
    const url = await runtime.says("stdout", /http:\S+/)
    const created = await fetch(`${url}/v1/workers`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ profile: { kind: "named", value: "p" } })
    })
    assert.strictEqual(created.status, 200)
    const count = async () => processesWith(name).length
    await eventually(count, (it) => it === 1)
    runtime.kill()
    await runtime.ended
    await eventually(count, (it) => it === 0)
  })

  it("an agent takes a turn", async () => {
    const profiles = join(folder, "agents.toml")
    writeFileSync(profiles, agentProfile(), { mode: 0o600 })
    const args = [program, "runtime", "serve", "--bind", "127.0.0.1:0", "--profiles", profiles]
    const runtime = OutOfTree.launch(folder, process.execPath, args)
    const workers = `${await runtime.says("stdout", /http:\S+/)}/v1/workers`
    const post = async (path: string, body: object) => {
      const headers = { "content-type": "application/json" }
      const response = await fetch(workers + path, { method: "POST", headers, body: JSON.stringify(body) })
      assert.strictEqual(response.status, 200, runtime.written.stderr)
      return (await response.json()) as Body
    }
    const { worker } = await post("", { profile: { kind: "named", value: "p" } })
    await post(`/${worker.worker_id}/input`, { kind: "user", content: "work" })
    await eventually(
      async () => (await (await fetch(`${workers}/${worker.worker_id}/transcript`)).text()).includes(`"assistant"`),
      (said) => said
    )
    assert.strictEqual((await runtime.stop()).code, 0)
  })

  it("a runtime in a process of its own is the bundle, too", async () => {
    const workspace = join(folder, "process")
    mkdirSync(workspace)
    const args = [program, "serve", "--workspace", workspace, "--listen", "127.0.0.1:0"]
    const backend = OutOfTree.launch(folder, process.execPath, args)
    const url = await backend.says("stdout", /http:\S+/)
    const call = (method: string, path: string, sent?: Sent) => Effect.runPromise(send(url)(method, path, sent))
    const body = { id: "own", kind: "process" }
    assert.strictEqual((await call("POST", "/api/settings/runtime-connections?apply=true", { body })).status, 201)
    await eventually(
      async () => (await call("POST", "/api/runtimes/own/workers", { body: { display_name: "First" } })).status,
      (status) => status === 201
    )
    assert.strictEqual((await backend.stop()).code, 0)
  })
})

it("the licences of what is bundled are in the package, and no module that nothing leads to", async () => {
  const text = readFileSync(place("dist/THIRD-PARTY-LICENSES.txt"), "utf8")
  for (const name of ["effect", "undici", "ws", "toml", "zod"])
    assert.match(text, new RegExp(`^${name} [0-9.]+ \\(`, "m"))
  assert.isFalse(existsSync(place("dist/app/backend")))
  assert.isAbove(readdirSync(place("dist/effect")).length, 100)
  const { code, stdout } = await run("--help")
  assert.strictEqual(code, 0)
  assert.include(stdout, "conformance")
})
