/** Secrets that were planted at every place they can be at, and looked for in everything that comes out. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as LocalStore from "../../src/adapters/secrets/LocalStore.ts"
import * as Workspace from "../../src/app/cli/Workspace.ts"
import * as Process from "../backend/BackendProcess.ts"
import * as ScriptedPeer from "../support/ScriptedPeer.ts"
import { command } from "./CommandLine.ts"
import * as Api from "./ScriptedApi.ts"
import * as Server from "./SettingsServer.ts"
import { root } from "./SettingsServer.ts"

const canaries = {
  access: "canary-access-0f31c27d",
  env: "canary-env-7d20b8aa",
  file: "canary-file-91c4e0d2",
  local: "canary-local-3be6f915"
}

const all = Object.values(canaries)

/** A runtime that says everything it was told: the worst that an answer can do with a token. */
const echo = ScriptedPeer.make((socket, head) => {
  const status = head.includes("/v1/runtime ") ? "401 Unauthorized" : "500 Internal Server Error"
  const token = /authorization: *(.*)\r\n/i.exec(head)?.[1] ?? ""
  const body = JSON.stringify({ error: { code: "unauthorized", message: `${token} was refused`, details: { token } } })
  socket.write(ScriptedPeer.answer(body, `content-type: application/json\r\nx-token: ${token}\r\n`, status))
})

/** A runtime that works, so that the token is used on every path. */
const willing = Api.make({
  ...Api.good,
  "GET /v1/workers": Api.ok({ workers: [Api.worker] }),
  "GET /v1/workers/w-1": Api.ok({ worker: Api.worker })
})

const everyFile = (folder: string) =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((it) => it.isFile() && it.parentPath.split("/").at(-1) !== "tokens")
    .map((it) => [it.name, fs.readFileSync(join(it.parentPath, it.name), "latin1")] as const)

describe("planted secrets", () => {
  it.live(
    "are in no answer, log, error, process list, file or export, though every runtime was called with them",
    () =>
      Effect.gen(function* () {
        const folder = yield* Server.workspace
        const peers = [yield* echo, yield* willing]
        const refs = ["env:YOI_CANARY", "file:.yoi/tokens/canary", "local:canary"]
        yield* Effect.sync(() => {
          fs.mkdirSync(Workspace.tokenFolder(folder), { recursive: true, mode: 0o700 })
          fs.writeFileSync(join(Workspace.tokenFolder(folder), "canary"), canaries.file, { mode: 0o600 })
        })
        const store = Workspace.secretStore(folder)
        yield* LocalStore.set(store, "canary", Redacted.make(canaries.local)).pipe(
          Effect.andThen(LocalStore.set(store, "access", Redacted.make(canaries.access))),
          Effect.provide(NodeServices.layer)
        )
        const backend = yield* Effect.acquireRelease(
          Effect.promise(() =>
            Process.start({
              folder,
              config: '[server]\naccess_token_ref = "local:access"\n',
              env: { YOI_CANARY: canaries.env }
            })
          ),
          (it) => Effect.promise(() => it.stop())
        )
        const out: Array<readonly [where: string, text: string]> = []
        const headers = { authorization: `Bearer ${canaries.access}` }
        const send = (method: string, path: string, body?: object) =>
          Effect.map(
            Server.send(backend.url)(method, path, { headers, ...(body === undefined ? undefined : { body }) }),
            (answer) => {
              out.push([`${method} ${path}`, `${answer.text}${JSON.stringify([...answer.headers])}`])
              return answer
            }
          )
        const ids: Array<string> = []
        for (const [index, token_ref] of refs.entries()) {
          for (const [which, { port }] of peers.entries()) {
            const id = `r${index}-${which}`
            const draft = { id, endpoint: `http://127.0.0.1:${port}`, token_ref }
            yield* send("POST", `${root}/test`, draft)
            assert.strictEqual((yield* send("POST", `${root}?apply=true`, draft)).status, 201)
            ids.push(id)
          }
        }
        for (const id of ids) {
          yield* send("POST", `${root}/${id}/test`)
          yield* send("POST", `${root}/${id}/test?stream=true`)
          yield* send("GET", `/api/runtimes/${id}`)
          yield* send("GET", `/api/runtimes/${id}/workers`)
          yield* send("GET", `/api/runtimes/${id}/workers/w-1`)
          yield* send("GET", `/api/runtimes/${id}/workers/w-1/transcript`)
          yield* send("POST", `/api/runtimes/${id}/workers`, {})
          yield* send("PATCH", `${root}/${id}`, { token_ref: canaries.env })
          yield* send("PATCH", `${root}/${id}`, { token: canaries.env })
        }
        for (const path of [
          root,
          `${root}/export`,
          `${root}/kinds`,
          "/api/runtimes",
          "/api/workers",
          "/api/launch-options",
          "/api/openapi.json",
          "/api/nothing"
        ]) {
          yield* send("GET", path)
        }
        const tokens = peers.map(({ requests }) => requests.join(""))
        for (const secret of [canaries.env, canaries.file, canaries.local]) {
          for (const heard of tokens) assert.include(heard, secret)
        }
        const processes = spawnSync("ps", ["-eo", "args"], { encoding: "utf8" })
        out.push(["ps", processes.stdout])
        out.push(["cmdline", fs.readFileSync(`/proc/${backend.pid}/cmdline`, "utf8")])
        const flags = ["--url", backend.url, "--access-token-ref", "local:access", "--workspace", folder]
        for (const args of [["list"], ["list", "--json"], ["test", ids[0]!], ["test", ids[1]!, "--json"], ["export"]]) {
          const { stderr, stdout } = yield* command("connections", ...args, ...flags)
          out.push([args.join(" "), stdout + stderr])
          assert.isNotEmpty(stdout, args.join(" "))
        }
        out.push(["log", backend.written.stdout + backend.written.stderr])
        for (const [name, text] of everyFile(folder)) out.push([name, text])
        for (const [where, text] of out) {
          for (const canary of all) assert.notInclude(text, canary, where)
        }
        for (const { port } of peers) assert.notInclude(backend.written.stderr, String(port))
      }).pipe(Effect.scoped),
    30_000
  )
})
