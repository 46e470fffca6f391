/** Ids and endpoints that somebody means ill or odd by, through the API and the command line: refused, or one written form. */
import * as fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { command } from "./CommandLine.ts"
import * as Server from "./SettingsServer.ts"
import { remote, root } from "./SettingsServer.ts"

/** None of these may name a connection. */
const ids: ReadonlyArray<string> = [
  "",
  " ",
  "a b",
  "a\tb",
  "a\nb",
  "a\r\nset-cookie: x",
  "a\u0000",
  "\u001b[31ma",
  "\u0430dmin",
  "раypal",
  "Ａ",
  "a\u0301",
  "a\u200bb",
  "a\u202eb",
  "\ufeffa",
  "a\ud800",
  "é",
  "名前",
  "١",
  ".",
  "..",
  "../a",
  "a/../b",
  "a/b",
  "a\\b",
  "a%2fb",
  "%2e%2e",
  "a.b",
  "a:b",
  "a@b",
  "a#b",
  "a?b",
  "a;b",
  'a"b',
  "a'b",
  "a]b",
  "$(id)",
  "`id`",
  "{{a}}",
  "<script>",
  "_a",
  "x".repeat(97),
  "x".repeat(10_000)
]

const label63 = "x".repeat(63)

/** As the endpoint is refused: by the one word for what is wrong with it. */
const endpoints: ReadonlyArray<readonly [endpoint: string, fault: string]> = [
  ["", "not_http"],
  ["example.org", "not_http"],
  ["//example.org", "not_http"],
  ["javascript:alert(1)", "not_http"],
  ["javascript://%0aalert(1)", "not_http"],
  ["file:///etc/passwd", "not_http"],
  ["data:text/html,x", "not_http"],
  ["ftp://example.org", "not_http"],
  ["gopher://example.org", "not_http"],
  ["ws://example.org", "not_http"],
  ["unix:/run/x.sock", "not_http"],
  ["http:/example.org", "not_http"],
  ["http:example.org", "not_http"],
  ["http://", "invalid_host"],
  ["http:///x", "invalid_host"],
  ["http://:80", "invalid_host"],
  ["http://user@example.org", "userinfo"],
  ["http://user:canary@example.org", "userinfo"],
  ["http://@example.org", "userinfo"],
  ["http://example.org%40evil.org", "invalid_host"],
  ["http://example.org#@evil.org", "fragment"],
  ["http://example.org?@evil.org", "query"],
  ["http://example.org?", "query"],
  ["http://example.org#", "fragment"],
  ["http://example.org?token=canary", "query"],
  ["http://example.org\\@evil.org", "invalid_character"],
  ["http:\\\\example.org", "invalid_character"],
  ["http://example.org /x", "invalid_character"],
  [" http://example.org", "invalid_character"],
  ["http://example.org\n", "invalid_character"],
  ["http://exa\tmple.org", "invalid_character"],
  ["http://example.org\u0000", "invalid_character"],
  ["http://ex\u0430mple.org", "invalid_character"],
  ["http://example。org", "invalid_character"],
  ["http://①②⑦.⓪.⓪.①", "invalid_character"],
  ["http://xn--", "invalid_host"],
  ["http://2130706433", "invalid_host"],
  ["http://0x7f000001", "invalid_host"],
  ["http://0x7f.1", "invalid_host"],
  ["http://017700000001", "invalid_host"],
  ["http://0177.0.0.1", "invalid_host"],
  ["http://127.1", "invalid_host"],
  ["http://127.0.0.1.", "invalid_host"],
  ["http://127.0.0.256", "invalid_host"],
  ["http://127.0.0.1.1", "invalid_host"],
  ["http://example.org.", "invalid_host"],
  ["http://example..org", "invalid_host"],
  ["http://.example.org", "invalid_host"],
  ["http://-a.example.org", "invalid_host"],
  ["http://a-.example.org", "invalid_host"],
  ["http://%31%32%37.0.0.1", "invalid_host"],
  ["http://[::1", "invalid_host"],
  ["http://::1", "invalid_host"],
  ["http://[fe80::1%25eth0]", "invalid_host"],
  ["http://[fe80::1%eth0]", "invalid_host"],
  ["http://[v1.x]", "invalid_host"],
  ["http://[::ffff:1.2.3]", "invalid_host"],
  [`http://${"x".repeat(64)}.org`, "invalid_host"],
  [`http://${"x".repeat(300)}`, "invalid_host"],
  [`http://${Array(4).fill(label63).join(".")}`, "invalid_host"],
  ["http://example.org:0", "invalid_port"],
  ["http://example.org:", "invalid_port"],
  ["http://example.org:65536", "invalid_port"],
  ["http://example.org:99999999999", "invalid_port"],
  ["http://example.org:-1", "invalid_host"],
  ["http://example.org:80a", "invalid_host"],
  ["http://example.org/..", "invalid_path"],
  ["http://example.org/a/../b", "invalid_path"],
  ["http://example.org/%2e%2E/b", "invalid_path"],
  [`http://example.org/${"x".repeat(2_048)}`, "too_long"]
]

/** What is taken, and the one form in which it is written. */
const normal: ReadonlyArray<readonly [written: string, form: string]> = [
  ["HTTP://EXAMPLE.org:80/", "http://example.org"],
  ["https://example.org:443", "https://example.org"],
  ["https://example.org:80/a//", "https://example.org:80/a"],
  ["http://[0:0:0:0:0:0:0:1]:8790", "http://[::1]:8790"],
  ["http://[::FFFF:127.0.0.1]", "http://[::ffff:7f00:1]"],
  ["http://xn--exmple-cua.org", "http://xn--exmple-cua.org"],
  [`http://${label63}.org`, `http://${label63}.org`],
  ["http://under_score:8080/base", "http://under_score:8080/base"]
]

const folderOnly = Effect.map(Server.workspace, (folder) => ({
  folder,
  add: (id: string, endpoint: string) =>
    command("connections", "add", `--endpoint=${endpoint}`, "--json", "--workspace", folder, "--", id)
}))

describe("hostile ids and endpoints", () => {
  it.live("no odd id is taken by the API, and no answer repeats one", () =>
    Effect.gen(function* () {
      const { add, call, folder } = yield* Server.fresh()
      for (const id of ids) {
        const refused = yield* add(remote(id))
        assert.deepStrictEqual([refused.status, refused.body.code], [400, "invalid_runtime_id"], JSON.stringify(id))
        if (id.length > 4) assert.notInclude(refused.text, JSON.stringify(id).slice(1, -1), JSON.stringify(id))
        const tested = yield* call("POST", `${root}/test`, { body: remote(id) })
        assert.strictEqual(tested.status, 400, JSON.stringify(id))
      }
      assert.isFalse(fs.existsSync(Server.configPath(folder)))
    }).pipe(Effect.scoped)
  )

  it.live("nor by the command line", () =>
    Effect.gen(function* () {
      const { add, folder } = yield* folderOnly
      for (const id of ids) {
        const { code } = yield* add(id, "http://example.org")
        assert.strictEqual(code, 2, JSON.stringify(id))
      }
      assert.isFalse(fs.existsSync(Server.configPath(folder)))
    }).pipe(Effect.scoped)
  )

  it.live("every odd endpoint is refused by the word for what is wrong with it, to the API and the command line", () =>
    Effect.gen(function* () {
      const server = yield* Server.fresh()
      const line = yield* folderOnly
      for (const [endpoint, fault] of endpoints) {
        const refused = yield* server.add(remote("a", { endpoint }))
        assert.deepStrictEqual(
          [refused.body.code, refused.body.errors],
          ["invalid_endpoint", [{ pointer: "/endpoint", code: fault }]],
          JSON.stringify(endpoint)
        )
        assert.notInclude(refused.text, "canary")
        const { code, stderr, stdout } = yield* line.add("a", endpoint)
        assert.deepStrictEqual([code, JSON.parse(stdout).errors[0].code], [2, fault], JSON.stringify(endpoint))
        assert.notInclude(stderr, "canary")
      }
      for (const folder of [server.folder, line.folder]) assert.isFalse(fs.existsSync(Server.configPath(folder)))
    }).pipe(Effect.scoped)
  )

  it.live("what is taken is written in one form, whichever way it came", () =>
    Effect.gen(function* () {
      const server = yield* Server.fresh()
      const line = yield* folderOnly
      for (const [index, [endpoint, form]] of normal.entries()) {
        const added = yield* server.add(remote(`r${index}`, { endpoint }))
        assert.strictEqual(added.body.connection.endpoint, form)
        assert.strictEqual((yield* line.add(`r${index}`, endpoint)).code, 0)
      }
      const blocks = (folder: string) => Server.readConfig(folder).match(/^endpoint = .*$/gm)
      const forms = normal.map(([, form]) => `endpoint = "${form}"`)
      assert.deepStrictEqual(blocks(server.folder), forms)
      assert.deepStrictEqual(blocks(line.folder), forms)
    }).pipe(Effect.scoped)
  )

  it.live("addresses that nobody may reach are refused by the test and stay unreached when they are live", () =>
    Effect.gen(function* () {
      const { add, call, view } = yield* Server.fresh()
      for (const endpoint of [
        "http://169.254.169.254",
        "http://[fe80::1]",
        "http://[::ffff:169.254.169.254]",
        "http://0.0.0.0:8790"
      ]) {
        const tested = yield* call("POST", `${root}/test`, { body: { id: "a", endpoint } })
        assert.strictEqual(tested.body.steps[0].status, "fail", endpoint)
        assert.match(tested.body.steps[0].code, /^egress_refused\./, endpoint)
      }
      yield* add({ id: "a", endpoint: "http://169.254.169.254" }, "?apply=true")
      const listed = yield* view("a")
      assert.deepStrictEqual([listed.active, listed.diagnostics[0].code], [false, "egress_refused"])
    }).pipe(Effect.scoped)
  )

  it.live("a display name is text in the file, whatever it holds", () =>
    Effect.gen(function* () {
      const { add, list } = yield* Server.fresh()
      const names = ['"]\\n[server]', "]] = x", '"""', "''' # x", "\\u0041", "名前 👩‍💻".replace("\u200d", ""), "a = 1"]
      for (const [index, display_name] of names.entries()) {
        assert.strictEqual((yield* add(remote(`r${index}`, { display_name }))).status, 201, display_name)
      }
      const shown = (yield* list).connections.slice(1).map((it: Server.Body) => it.display_name)
      assert.deepStrictEqual(shown, names)
    }).pipe(Effect.scoped)
  )
})
