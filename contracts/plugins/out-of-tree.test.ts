/** A plugin as a stranger makes it: written by the packed product, packed itself, and run by a backend that has never seen its sources. */
import * as fs from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type Body, type Sent, send } from "../settings/SettingsServer.ts"
import * as OutOfTree from "./OutOfTree.ts"

const root = "/api/settings/runtime-connections"
const folder = OutOfTree.makeFolder()
const plugin = join(folder, "plugin")
const token = "a-token-of-the-stranger"
const secret = { ACME_TOKEN: token }
let program = ""
let tarball = ""

beforeAll(async () => {
  program = await OutOfTree.install(folder)
  const written = await OutOfTree.run(folder, process.execPath, [program, "plugin", "new", "acme", "--dir", plugin])
  assert.strictEqual(written.code, 0, written.stderr)
  await OutOfTree.install(plugin, ["typescript", "@types/node"])
}, 120_000)

it("as it was written it is short, names exact versions only, and its own tests pass", async () => {
  const source = fs.readFileSync(join(plugin, "src/index.ts"), "utf8")
  assert.isAtMost(source.trimEnd().split("\n").length, 150)
  const { devDependencies } = JSON.parse(fs.readFileSync(join(plugin, "package.json"), "utf8")) as Body
  for (const version of Object.values<string>(devDependencies)) assert.match(version, /^[0-9.]+$/)
  const { code, stdout } = await OutOfTree.run(plugin, "npm", ["test"])
  assert.strictEqual(code, 0, stdout)
  assert.include(stdout, "reaches the tier core")
  assert.match(stdout, /fail 0/)
})

it("the check passes at every isolation, types included", async () => {
  const { code, stdout } = await OutOfTree.run(plugin, "npm", [
    "run",
    "-s",
    "check",
    "--",
    "--isolation",
    "all",
    "--json"
  ])
  const report = JSON.parse(stdout) as Body
  assert.strictEqual(code, 0, stdout)
  assert.deepInclude(report.findings[0], { check: "types", severity: "ok" })
  assert.deepStrictEqual(
    report.conformance.map(({ isolation, kind, tier, totals }: Body) => [kind, isolation, tier, totals.failed]),
    ["none", "worker", "process"].map((level) => ["acme", level, "core", 0])
  )
})

describe("packed and installed beside a config file", () => {
  let endpoint = ""
  let stopFake: (() => Promise<unknown>) | undefined

  beforeAll(async () => {
    const packing = await OutOfTree.run(plugin, "npm", ["pack", "--silent"])
    assert.strictEqual(packing.code, 0, packing.stderr)
    tarball = join(plugin, packing.stdout.trim().split("\n").at(-1) ?? "")
    const fake = OutOfTree.launch(plugin, process.execPath, ["test/fakeServer.ts"], secret)
    endpoint = await fake.says("stdout", /http:\S+/)
    stopFake = fake.stop
  }, 60_000)

  afterAll(async () => {
    await stopFake?.()
  })

  for (const isolation of ["none", "worker", "process"]) {
    it(`its kind is in the settings and its workers work, at isolation ${isolation}`, async () => {
      const workspace = join(folder, `workspace-${isolation}`)
      fs.mkdirSync(join(workspace, ".yoi"), { recursive: true, mode: 0o700 })
      await OutOfTree.unpack(tarball, join(workspace, ".yoi"), "yoi-plugin-acme")
      assert.isFalse(fs.existsSync(join(workspace, ".yoi/node_modules/yoi-plugin-acme/src")))
      const config = `[[plugins]]\npackage = "yoi-plugin-acme"\nisolation = "${isolation}"\n`
      const file = join(workspace, ".yoi/workspace-backend.local.toml")
      fs.writeFileSync(file, config, { mode: 0o600 })
      const backend = OutOfTree.launch(
        folder,
        process.execPath,
        [program, "serve", "--workspace", workspace, "--listen", "127.0.0.1:0"],
        secret
      )
      const url = await backend.says("stdout", /http:\S+/)
      const call = (method: string, path: string, sent?: Sent) => Effect.runPromise(send(url)(method, path, sent))

      const { kinds } = (await call("GET", `${root}/kinds`)).body
      const kind = kinds.find((it: Body) => it.kind === "acme")
      assert.deepInclude(kind, { label: "Acme", endpoint: "required", secret_fields: ["token_ref"] })
      assert.deepInclude(kind.options_schema.properties.model, { title: "Model", enum: ["fast", "careful"] })

      const draft = { id: "a", kind: "acme", endpoint, token_ref: "env:ACME_TOKEN", options: { project: isolation } }
      const refused = await call("POST", root, { body: { ...draft, options: { model: "slow" } } })
      assert.strictEqual(refused.status, 400)
      assert.strictEqual(refused.body.errors[0].pointer, "/options/model")
      const tested = await call("POST", `${root}/test`, { body: draft })
      assert.strictEqual(tested.status, 200)
      assert.deepInclude(
        tested.body.steps.find((it: Body) => it.step === "auth"),
        { status: "pass" }
      )

      assert.strictEqual((await call("POST", root, { body: draft })).status, 201)
      const applied = await call("POST", `${root}/apply`)
      assert.deepStrictEqual(applied.body.applied, { added: ["a"], removed: [], changed: [] })
      const workers = "/api/runtimes/a/workers"
      const { worker } = (await call("POST", workers, { body: { display_name: "First" } })).body
      assert.deepInclude(worker, { display_name: "First", state: "idle", kind: "acme" })
      const said = await call("POST", `${workers}/${worker.worker_id}/input`, { body: { content: "hello" } })
      assert.deepInclude(said.body.ack, { state: "busy", transcript_sequence: 1 })
      for (;;) {
        const { transcript } = (await call("GET", `${workers}/${worker.worker_id}/transcript`)).body
        if (transcript.total_items < 2) continue
        assert.deepInclude(transcript.items[1], { role: "assistant", content: "You said: hello" })
        break
      }
      assert.strictEqual((await call("POST", `${workers}/${worker.worker_id}/stop`)).body.ack.state, "stopped")

      const changed = await call("PATCH", `${root}/a?apply=true`, { body: { options: { project: "another" } } })
      assert.strictEqual(changed.status, 200)
      assert.deepStrictEqual((await call("GET", workers)).body.items, [])
      assert.strictEqual((await call("DELETE", `${root}/a?apply=true`)).status, 200)
      assert.strictEqual(fs.readFileSync(file, "utf8"), config)
      const { code, stderr, stdout } = await backend.stop()
      assert.strictEqual(code, 0)
      assert.notInclude(stdout + stderr, token)
    })
  }
})
