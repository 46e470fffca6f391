/** `connections …` and `secret …` as a script sees them: exit codes, and standard output that is an answer or nothing. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ScriptedPeer from "../support/ScriptedPeer.ts"
import { command } from "./CommandLine.ts"
import * as Api from "./ScriptedApi.ts"
import * as Server from "./SettingsServer.ts"

const endpoint = "http://127.0.0.1:48111"
const main = fileURLToPath(new URL("../../src/app/main.ts", import.meta.url))

const world = Effect.map(Server.workspace, (folder) => {
  const on = (...args: ReadonlyArray<string>) => command("connections", ...args, "--workspace", folder)
  return {
    folder,
    on,
    /** The answer as JSON; standard output has to be one document and nothing else. */
    json: (...args: ReadonlyArray<string>) =>
      Effect.map(on(...args, "--json"), ({ code, stdout }) => ({ code, body: JSON.parse(stdout) as Server.Body }))
  }
})

describe("connections on the file", () => {
  it.live("adds, lists, edits, exports and removes, and the file is the same as before", () =>
    Effect.gen(function* () {
      const { folder, json, on } = yield* world
      yield* Server.writeConfig(folder, "# mine\n")
      const added = yield* json("add", "a", "--endpoint", endpoint, "--display-name", "A", "--token-ref", "local:t")
      assert.deepInclude(added.body.connection, { id: "a", endpoint, credential: "unresolvable" })
      assert.deepStrictEqual([added.code, added.body.restart_required], [0, true])
      const [listed] = (yield* json("list")).body.connections
      assert.deepInclude(listed, { id: "a", display_name: "A", token_ref: "local:t" })
      for (const observed of ["active", "status", "facts"]) assert.isFalse(Object.hasOwn(listed, observed))
      const edited = yield* json(
        "edit",
        "a",
        "--endpoint",
        `${endpoint}/x/`,
        "--unset",
        "display_name",
        "--unset",
        "token_ref"
      )
      assert.deepInclude(edited.body.connection, { display_name: "a", endpoint: `${endpoint}/x`, credential: "none" })
      assert.strictEqual((yield* on("export")).stdout, `[[runtimes.remote]]\nid = "a"\nendpoint = "${endpoint}/x"\n`)
      assert.strictEqual((yield* json("remove", "a")).code, 0)
      assert.strictEqual(Server.readConfig(folder), "# mine\n")
    }).pipe(Effect.scoped)
  )

  it.live("a file that is no TOML fails with a sentence and is not written over", () =>
    Effect.gen(function* () {
      const { folder, json } = yield* world
      yield* Server.writeConfig(folder, "[[")
      const { body, code } = yield* json("add", "a", "--endpoint", endpoint)
      assert.deepStrictEqual([code, body.code], [1, "config_unwritable"])
      assert.strictEqual((yield* json("export")).code, 1)
      assert.isFalse((yield* json("list")).body.writable)
      assert.strictEqual(Server.readConfig(folder), "[[")
    }).pipe(Effect.scoped)
  )

  it.live("exit codes tell wrong usage, conflict, failure and incompatibility apart", () =>
    Effect.gen(function* () {
      const { json, on } = yield* world
      yield* on("add", "a", "--endpoint", endpoint)
      const peer = yield* Api.make({ ...Api.good, "GET /v1/runtime": Api.html() })
      const expected: ReadonlyArray<readonly [code: number, said: string, args: ReadonlyArray<string>]> = [
        [4, "runtime_id_taken", ["add", "a", "--endpoint", endpoint]],
        [4, "runtime_built_in", ["remove", "backend-internal"]],
        [4, "runtime_built_in", ["add", "backend-internal", "--endpoint", endpoint]],
        [2, "invalid_endpoint", ["add", "b", "--endpoint", "ftp://x"]],
        [2, "invalid_runtime_id", ["add", "b c", "--endpoint", endpoint]],
        [2, "invalid_request", ["add", "b", "--endpoint", endpoint, "--token-ref", "ghp:canary"]],
        [2, "invalid_request", ["add", "b", "--kind", "mock", "--options", '{"token":"canary"}']],
        [2, "invalid_request", ["add", "b", "--kind", "hologram"]],
        [1, "connection_not_found", ["edit", "nobody", "--display-name", "x"]],
        [1, "connection_not_found", ["remove", "nobody"]],
        [1, "connection_not_found", ["test", "nobody"]]
      ]
      for (const [code, said, args] of expected) {
        const refused = yield* json(...args)
        assert.deepStrictEqual([refused.code, refused.body.code], [code, said], args.join(" "))
        assert.notInclude(JSON.stringify(refused.body), "canary")
      }
      const dead = yield* json("test", "a")
      assert.deepStrictEqual([dead.code, dead.body.id, dead.body.compatible], [3, "a", false])
      const foreign = yield* json("test", "--endpoint", `http://127.0.0.1:${peer.port}`)
      assert.deepStrictEqual([foreign.code, foreign.body.compatible], [3, false])
      assert.strictEqual((yield* json("test", "--kind", "mock")).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("wrong usage is one line on standard error, nothing on standard output, and repeats no secret", () =>
    Effect.gen(function* () {
      const { on } = yield* world
      for (const args of [
        ["add"],
        ["add", "a", "--endpoint", endpoint, "--token", "canary"],
        ["add", "a", "--endpoint", endpoint, "--token=canary"],
        ["add", "a", "--endpoint", endpoint, "canary"],
        ["add", "a", "--endpoint", endpoint, "--tokne", "canary"],
        ["add", "a", "--endpoint", endpoint, "--tokne=canary"],
        ["add", "a", "--endpoint", endpoint, "--options", "canary"],
        ["add", "a", "--endpoint", endpoint, "--apply"],
        ["edit", "a"],
        ["edit", "a", "--unset", "endpoint"],
        ["test"],
        ["apply"],
        ["list", "--access-token-ref", "env:X"],
        ["list", "--url", "canary"],
        ["list", "--url", "http://user:canary@127.0.0.1"],
        ["list", "--url", endpoint, "--access-token-ref", "canary"]
      ]) {
        const { code, stderr, stdout } = yield* on(...args)
        assert.deepStrictEqual([code, stdout], [2, ""], args.join(" "))
        assert.match(stderr, /^[^\n]+\n$/, args.join(" "))
        assert.notInclude(stderr, "canary", args.join(" "))
      }
    }).pipe(Effect.scoped)
  )

  it.live("a test for people has a line for each step as it ends, and the verdict", () =>
    Effect.gen(function* () {
      const { on } = yield* world
      const { code, stderr, stdout } = yield* on("test", "--endpoint", endpoint)
      assert.strictEqual(code, 3)
      assert.strictEqual(stderr, "")
      assert.match(stdout, /^ok\s+policy[^]*FAIL {2}tcp[^]*runtime_unreachable\.refused[^]*Not compatible: tcp/)
    }).pipe(Effect.scoped)
  )
})

describe("connections on a backend that runs", () => {
  it.live("does the same as on the file, and applies", () =>
    Effect.gen(function* () {
      const server = yield* Server.fresh()
      const json = (...args: ReadonlyArray<string>) =>
        Effect.map(command("connections", ...args, "--json", "--url", server.url), ({ code, stdout }) => ({
          code,
          body: JSON.parse(stdout) as Server.Body
        }))
      assert.isTrue((yield* json("add", "m", "--kind", "mock")).body.restart_required)
      assert.strictEqual((yield* json("add", "m", "--kind", "mock")).code, 4)
      assert.deepStrictEqual((yield* json("apply")).body.applied.added, ["m"])
      const [, listed] = (yield* json("list")).body.connections
      assert.deepInclude(listed, { id: "m", active: true })
      const tested = yield* json("test", "m")
      assert.deepStrictEqual([tested.code, tested.body.compatible, tested.body.id], [0, true, "m"])
      assert.strictEqual((yield* json("test", "--endpoint", endpoint)).code, 3)
      assert.isFalse((yield* json("edit", "m", "--display-name", "M", "--apply")).body.restart_required)
      assert.include((yield* json("export")).body.toml, 'display_name = "M"')
      const options = '{"workers":[{"worker_id":"w-1"}]}'
      assert.strictEqual((yield* json("edit", "m", "--options", options, "--apply")).code, 0)
      const held = yield* json("remove", "m", "--apply")
      assert.deepStrictEqual([held.code, held.body.code], [4, "runtime_in_use"])
      assert.strictEqual((yield* json("remove", "m", "--apply", "--force")).code, 0)
      assert.strictEqual((yield* json("remove", "backend-internal")).code, 4)
    }).pipe(Effect.scoped)
  )

  it.live("what is no backend, or not there, is said in one line", () =>
    Effect.gen(function* () {
      const page = yield* Api.make({ "*": Api.html() })
      const elsewhere = yield* Api.make({ "*": Api.html() })
      const location = `location: http://127.0.0.1:${elsewhere.port}/\r\n`
      const redirect = yield* Api.make({ "*": ScriptedPeer.answer("", location, "302 Found") })
      for (const port of [48_111, page.port, redirect.port]) {
        const { code, stderr, stdout } = yield* command("connections", "list", "--url", `http://127.0.0.1:${port}`)
        assert.deepStrictEqual([code, stdout], [1, ""])
        assert.match(stderr, /^[^\n]*--url[^\n]*\n$/)
      }
      assert.lengthOf(elsewhere.requests, 0)
    }).pipe(Effect.scoped)
  )
})

describe("secret", () => {
  const secret = (folder: string, args: ReadonlyArray<string>, input: string) => {
    const { status, stderr, stdout } = spawnSync(process.execPath, [main, "secret", ...args, "--workspace", folder], {
      input,
      encoding: "utf8"
    })
    return { code: status, stdout, stderr }
  }

  it.live(
    "takes a value from standard input, never shows it, and a test of the connection sends it",
    () =>
      Effect.gen(function* () {
        const { folder, on } = yield* world
        assert.deepStrictEqual(secret(folder, ["set", "local:tok"], "canary-9\n"), {
          code: 0,
          stdout: "",
          stderr: "Stored as local:tok.\n"
        })
        const listed = yield* command("secret", "list", "--workspace", folder)
        assert.deepStrictEqual([listed.code, listed.stdout], [0, "local:tok\n"])
        const peer = yield* Api.make(Api.good)
        const tested = yield* on(
          "test",
          "--endpoint",
          `http://127.0.0.1:${peer.port}`,
          "--token-ref",
          "local:tok",
          "--json"
        )
        assert.strictEqual(tested.code, 0)
        assert.include(peer.requests[0], "Bearer canary-9")
        assert.notInclude(tested.stdout + tested.stderr, "canary-9")
        const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((it) => it.isFile())
        for (const file of files) {
          assert.notInclude(fs.readFileSync(join(file.parentPath, file.name), "latin1"), "canary-9", file.name)
        }
      }).pipe(Effect.scoped),
    20_000
  )

  it.live(
    "refuses what is no secret, without repeating it",
    () =>
      Effect.gen(function* () {
        const { folder } = yield* world
        const refused = secret(folder, ["set", "local:a"], "canary\ncanary")
        assert.deepStrictEqual([refused.code, refused.stdout], [2, ""])
        assert.match(refused.stderr, /^[^\n]+\n$/)
        assert.notInclude(refused.stderr, "canary")
        for (const args of [
          ["set", "local:a", "canary"],
          ["set", "local:a", "--value", "canary"],
          ["set", "canary"],
          ["set", "local:../canary"],
          ["remove", "canary"]
        ]) {
          const { code, stderr, stdout } = yield* command("secret", ...args, "--workspace", folder)
          assert.deepStrictEqual([code, stdout], [2, ""], args.join(" "))
          assert.notInclude(stderr, "canary")
        }
        assert.strictEqual((yield* command("secret", "remove", "local:none", "--workspace", folder)).code, 1)
        assert.isFalse(fs.existsSync(join(folder, ".yoi/secrets")))
      }).pipe(Effect.scoped),
    20_000
  )
})
