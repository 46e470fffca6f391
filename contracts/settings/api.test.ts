/** The settings API through the real server: what is written, refused, tagged and shown. */
import * as fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Server from "./SettingsServer.ts"
import { mock, remote, root } from "./SettingsServer.ts"

const outcome = ({ body, status }: Server.Answer) => `${status} ${body?.code ?? ""}`.trim()

const toml = (id: string, more = "") =>
  `[[runtimes.remote]]\nid = "${id}"\nendpoint = "http://127.0.0.1:48111"\n${more}`

describe("settings API", () => {
  it.live("a workspace without a file has the built-in runtime and nothing to write over", () =>
    Effect.gen(function* () {
      const { call } = yield* Server.fresh()
      const { body, etag, status } = yield* call("GET", root)
      assert.strictEqual(status, 200)
      assert.match(etag ?? "", /^"[^"]+"$/)
      assert.deepStrictEqual(
        body.connections.map((it: Server.Body) => [it.id, it.origin, it.editable, it.deletable, it.active]),
        [["backend-internal", "built_in", false, false, true]]
      )
      for (const secret of ["endpoint", "token_ref"]) assert.isFalse(Object.hasOwn(body.connections[0], secret))
      assert.deepStrictEqual([body.restart_required, body.writable, body.diagnostics], [false, true, []])
    }).pipe(Effect.scoped)
  )

  it.live("adding writes the file and nothing else, and answers with the new tag", () =>
    Effect.gen(function* () {
      const { add, call, folder, view } = yield* Server.fresh()
      const before = (yield* call("GET", root)).etag
      const added = yield* add(remote("a", { display_name: "A", token_ref: "env:NOT_SET_ANYWHERE" }))
      assert.strictEqual(added.status, 201)
      assert.deepInclude(added.body.connection, {
        id: "a",
        kind: "remote_http",
        origin: "file",
        endpoint: "http://127.0.0.1:48111",
        token_ref: "env:NOT_SET_ANYWHERE",
        credential: "unresolvable",
        active: false,
        restart_required: true,
        status: "unknown"
      })
      assert.isTrue(added.body.restart_required)
      assert.notStrictEqual(added.etag, before)
      assert.strictEqual(added.etag, (yield* call("GET", root)).etag)
      assert.include(Server.readConfig(folder), 'token_ref = "env:NOT_SET_ANYWHERE"')
      assert.strictEqual(fs.statSync(Server.configPath(folder)).mode & 0o777, 0o600)
      assert.strictEqual((yield* call("GET", "/api/runtimes/a")).status, 404)
      assert.isFalse((yield* view("a")).active)
    }).pipe(Effect.scoped)
  )

  it.live("adding and deleting leaves the file as it was, byte for byte", () =>
    Effect.gen(function* () {
      const text = `# ours\r\n${toml("kept").replaceAll("\n", "\r\n")}\r\n[unknown]\r\nx = 1 # y`
      const { add, call, folder } = yield* Server.fresh(text)
      assert.strictEqual((yield* add(remote("a"))).status, 201)
      assert.notStrictEqual(Server.readConfig(folder), text)
      assert.strictEqual((yield* call("DELETE", `${root}/a`)).status, 200)
      assert.strictEqual(Server.readConfig(folder), text)
    }).pipe(Effect.scoped)
  )

  const refused: ReadonlyArray<readonly [name: string, body: unknown, outcome: string, pointer?: string]> = [
    ["a missing id", { endpoint: "http://x" }, "400 invalid_request", "/id"],
    ["an id outside the grammar", remote("a b"), "400 invalid_runtime_id", "/id"],
    ["a missing endpoint", { id: "a" }, "400 invalid_endpoint", "/endpoint"],
    ["an endpoint that is not http", { id: "a", endpoint: "ftp://x" }, "400 invalid_endpoint", "/endpoint"],
    ["an endpoint of another type", { id: "a", endpoint: 7 }, "400 invalid_request", "/endpoint"],
    ["an unknown member", remote("a", { colour: "red" }), "400 invalid_request", "/colour"],
    ["a raw token", remote("a", { token: "canary-1" }), "400 invalid_request", "/token"],
    [
      "a raw password in options",
      remote("a", { options: { password: "canary-1" } }),
      "400 invalid_request",
      "/options/password"
    ],
    [
      "a bearer token by any spelling",
      remote("a", { "Bearer-Token": "canary-1" }),
      "400 invalid_request",
      "/Bearer-Token"
    ],
    ["a token in place of its name", remote("a", { token_ref: "canary-1" }), "400 invalid_request", "/token_ref"],
    ["a reference of an unknown scheme", remote("a", { token_ref: "canary:1" }), "400 invalid_request", "/token_ref"],
    ["a reference to any file", remote("a", { token_ref: "file:/etc/passwd" }), "400 invalid_request", "/token_ref"],
    [
      "a reference to the store",
      remote("a", { token_ref: "file:.yoi/secrets/store.key" }),
      "400 invalid_request",
      "/token_ref"
    ],
    [
      "a reference to the config file",
      remote("a", { token_ref: "file:.yoi/workspace-backend.local.toml" }),
      "400 invalid_request",
      "/token_ref"
    ],
    [
      "a reference into the data folder",
      remote("a", { token_ref: "file:.yoi/data/x" }),
      "400 invalid_request",
      "/token_ref"
    ],
    [
      "the folder of tokens itself",
      remote("a", { token_ref: "file:.yoi/tokens" }),
      "400 invalid_request",
      "/token_ref"
    ],
    [
      "a display name with a control character",
      remote("a", { display_name: "a\u0007" }),
      "400 invalid_request",
      "/display_name"
    ],
    [
      "a display name of 81 characters",
      remote("a", { display_name: "x".repeat(81) }),
      "400 invalid_request",
      "/display_name"
    ],
    ["the kind embedded", { id: "a", kind: "embedded" }, "400 invalid_request", "/kind"],
    ["a kind that nobody knows", { id: "a", kind: "hologram" }, "400 invalid_request", "/kind"],
    [
      "options that do not fit the kind",
      mock("a", { options: { latency_ms: -1 } }),
      "400 invalid_request",
      "/options/latency_ms"
    ],
    ["the id of the built-in runtime", remote("backend-internal"), "409 runtime_built_in"],
    ["an id that is taken", remote("kept"), "409 runtime_id_taken"],
    ["an id that a broken entry has", remote("broken"), "409 runtime_id_taken"]
  ]
  it.live("a request is refused by code and pointer, without its values, and leaves the file alone", () =>
    Effect.gen(function* () {
      const text = `${toml("kept")}\n[[runtimes.remote]]\nid = "broken"\nendpoint = "nonsense"\n`
      const { add, call, folder } = yield* Server.fresh(text)
      for (const [name, body, expected, pointer] of refused) {
        const answers = [yield* add(body as object)]
        // A draft is held to the same rules, except that it takes no id away.
        if (expected.startsWith("400")) answers.push(yield* call("POST", `${root}/test`, { body }))
        for (const answer of answers) {
          assert.strictEqual(outcome(answer), expected, name)
          assert.strictEqual(answer.headers.get("content-type"), "application/problem+json", name)
          if (pointer !== undefined)
            assert.include(
              answer.body.errors.map((it: Server.Body) => it.pointer),
              pointer,
              name
            )
          assert.notInclude(answer.text, "canary", name)
          assert.notInclude(answer.text, folder, name)
        }
        if (/raw|bearer/.test(name)) assert.include(answers[0]?.body.detail, "token_ref", name)
      }
      assert.strictEqual(Server.readConfig(folder), text)
    }).pipe(Effect.scoped)
  )

  it.live("an edit changes what it names, null takes a member away, and the same rules hold", () =>
    Effect.gen(function* () {
      const { call, view } = yield* Server.fresh(toml("a", 'display_name = "A"\nfuture = 1\n'))
      const edit = (body: object) => call("PATCH", `${root}/a`, { body })
      assert.strictEqual((yield* edit({ display_name: "B" })).body.connection.display_name, "B")
      assert.strictEqual((yield* edit({ display_name: null })).body.connection.display_name, "a")
      assert.strictEqual(
        (yield* edit({ endpoint: "HTTP://LocalHost:80/" })).body.connection.endpoint,
        "http://localhost"
      )
      for (const [body, expected] of [
        [{ endpoint: null }, "400 invalid_endpoint"],
        [{ id: "b" }, "400 invalid_request"],
        [{ kind: "mock" }, "400 invalid_request"],
        [{ secret: "canary" }, "400 invalid_request"],
        [{ token_ref: "file:/root/.ssh/id_ed25519" }, "400 invalid_request"]
      ] as const) {
        assert.strictEqual(outcome(yield* edit(body)), expected)
      }
      assert.strictEqual(outcome(yield* call("PATCH", `${root}/nobody`, { body: {} })), "404 connection_not_found")
      assert.strictEqual((yield* view("a")).endpoint, "http://localhost")
    }).pipe(Effect.scoped)
  )

  it.live("a reference that somebody wrote into the file stays, but is not sent anywhere else", () =>
    Effect.gen(function* () {
      const { call } = yield* Server.fresh(toml("a", 'token_ref = "file:/srv/token"\n'))
      const edit = (body: object) => call("PATCH", `${root}/a`, { body })
      assert.strictEqual((yield* edit({ display_name: "B" })).status, 200)
      assert.strictEqual(outcome(yield* edit({ endpoint: "http://127.0.0.1:10" })), "400 invalid_request")
    }).pipe(Effect.scoped)
  )

  it.live("the built-in runtime is neither edited, nor deleted, nor tested", () =>
    Effect.gen(function* () {
      const { call } = yield* Server.fresh()
      const path = `${root}/backend-internal`
      assert.strictEqual(outcome(yield* call("PATCH", path, { body: { display_name: "x" } })), "409 runtime_built_in")
      for (const query of ["", "?apply=true", "?apply=true&force=true"]) {
        assert.strictEqual(outcome(yield* call("DELETE", path + query)), "409 runtime_built_in")
      }
      assert.strictEqual(outcome(yield* call("POST", `${path}/test`)), "409 runtime_built_in")
    }).pipe(Effect.scoped)
  )

  it.live("a write names what it saw: strong tags in a list or *, and 412 for anything else", () =>
    Effect.gen(function* () {
      const { add, call, folder } = yield* Server.fresh(toml("kept"))
      const etag = (yield* call("GET", root)).etag ?? ""
      const text = Server.readConfig(folder)
      for (const [ifMatch, expected] of [
        ['"stale"', "412 config_changed"],
        ['"stale", "older"', "412 config_changed"],
        [`W/${etag}`, "412 config_changed"],
        [etag.replaceAll('"', ""), "400 invalid_request"],
        ['"open', "400 invalid_request"],
        ["*, *", "400 invalid_request"]
      ] as const) {
        assert.strictEqual(outcome(yield* add(remote("a"), "", { ifMatch })), expected, ifMatch)
        assert.strictEqual(outcome(yield* call("PATCH", `${root}/kept`, { body: {}, ifMatch })), expected, ifMatch)
        assert.strictEqual(outcome(yield* call("DELETE", `${root}/kept`, { ifMatch })), expected, ifMatch)
        assert.strictEqual(outcome(yield* call("POST", `${root}/apply`, { ifMatch })), expected, ifMatch)
      }
      assert.strictEqual(Server.readConfig(folder), text)
      const first = yield* add(remote("a"), "", { ifMatch: `"stale" , ${etag}` })
      assert.strictEqual(first.status, 201)
      assert.strictEqual((yield* add(remote("b"), "", { ifMatch: "*" })).status, 201)
      assert.strictEqual(outcome(yield* add(remote("c"), "", { ifMatch: first.etag ?? "" })), "412 config_changed")
    }).pipe(Effect.scoped)
  )

  it.live("of many that write at once on what they saw, one wins", () =>
    Effect.gen(function* () {
      const { add, call, list } = yield* Server.fresh()
      const etag = (yield* call("GET", root)).etag ?? ""
      const ids = Array.from({ length: 8 }, (_, index) => `r${index}`)
      const answers = yield* Effect.forEach(ids, (id) => add(remote(id), "", { ifMatch: etag }), { concurrency: 8 })
      assert.deepStrictEqual(answers.map(outcome).toSorted(), ["201", ...Array(7).fill("412 config_changed")])
      assert.lengthOf((yield* list).connections, 2)
    }).pipe(Effect.scoped)
  )

  it.live("a change made by hand is noticed, shown as pending, and makes an old tag stale", () =>
    Effect.gen(function* () {
      const { add, call, folder, list } = yield* Server.fresh(toml("a"))
      const etag = (yield* call("GET", root)).etag ?? ""
      yield* Server.writeConfig(folder, `${toml("a", 'display_name = "New"\n')}\n${toml("b")}`)
      const seen = yield* list
      assert.deepStrictEqual(seen.pending, { added: ["b"], removed: [], changed: ["a"] })
      assert.isTrue(seen.restart_required)
      assert.strictEqual(outcome(yield* add(remote("c"), "", { ifMatch: etag })), "412 config_changed")
      yield* Server.writeConfig(folder, "")
      assert.deepStrictEqual((yield* list).pending, { added: [], removed: ["a"], changed: [] })
    }).pipe(Effect.scoped)
  )

  it.live("a file that is not TOML is shown, not written over, and takes nothing live away", () =>
    Effect.gen(function* () {
      const { add, call, folder, list } = yield* Server.fresh(toml("a"))
      yield* Server.writeConfig(folder, "[[runtimes.remote\nid = ")
      const seen = yield* list
      assert.isFalse(seen.writable)
      assert.strictEqual(seen.diagnostics[0].severity, "error")
      assert.match(seen.diagnostics[0].message, /^Line \d/)
      assert.deepStrictEqual(seen.pending, { added: [], removed: [], changed: [] })
      assert.strictEqual(outcome(yield* add(remote("b"))), "409 config_unwritable")
      assert.strictEqual(outcome(yield* call("POST", `${root}/apply?force=true`)), "409 config_unwritable")
      assert.strictEqual(Server.readConfig(folder), "[[runtimes.remote\nid = ")
      assert.strictEqual((yield* call("GET", "/api/runtimes/a")).status, 200)
    }).pipe(Effect.scoped)
  )

  it.live("a bad entry costs itself, with line and key, and can be deleted", () =>
    Effect.gen(function* () {
      const { call, list } = yield* Server.fresh(`${toml("a")}\n[[runtimes.remote]]\nid = "bad"\nendpoint = "nope"\n`)
      const seen = yield* list
      assert.deepStrictEqual(
        seen.connections.map((it: Server.Body) => [it.id, it.active]),
        [
          ["backend-internal", true],
          ["a", true]
        ]
      )
      assert.match(seen.diagnostics[0].message, /^Line 7: "endpoint"/)
      assert.isFalse(seen.restart_required)
      assert.strictEqual((yield* call("DELETE", `${root}/bad`)).status, 200)
      assert.deepStrictEqual((yield* list).diagnostics, [])
    }).pipe(Effect.scoped)
  )

  it.live("an entry of a kind that nobody knows is listed with the reason, and a restart is not asked for", () =>
    Effect.gen(function* () {
      const { list, view } = yield* Server.fresh('[[runtimes.source]]\nid = "odd"\nkind = "hologram"\n')
      const odd = yield* view("odd")
      assert.deepStrictEqual(
        [odd.active, odd.restart_required, odd.diagnostics[0].code],
        [false, false, "invalid_request"]
      )
      assert.isFalse((yield* list).restart_required)
    }).pipe(Effect.scoped)
  )

  it.live("kinds are what a form is made of", () =>
    Effect.gen(function* () {
      const { call } = yield* Server.fresh()
      const { kinds } = (yield* call("GET", `${root}/kinds`)).body
      assert.includeMembers(
        kinds.map((it: Server.Body) => it.kind),
        ["remote_http", "mock"]
      )
      for (const kind of kinds) {
        assert.strictEqual(kind.options_schema.type, "object", kind.kind)
        assert.isNotEmpty(kind.label)
        assert.isNotEmpty(kind.description)
        assert.isArray(kind.secret_fields)
      }
    }).pipe(Effect.scoped)
  )

  it.live("the export is a config file: another workspace that starts with it has the same connections", () =>
    Effect.gen(function* () {
      const first = yield* Server.fresh()
      yield* first.add(remote("a", { display_name: 'A "quoted" \\ 名', token_ref: "local:a-token" }))
      yield* first.add(mock("m", { options: { latency_ms: 5, workers: [{ worker_id: "w-1", inputs: ["x\ny"] }] } }))
      const exported = yield* first.call("GET", `${root}/export`)
      assert.match(exported.headers.get("content-type") ?? "", /^application\/toml/)
      const second = yield* Server.fresh(exported.text)
      const persisted = (it: Server.Body) =>
        it.connections.map(({ display_name, endpoint, id, kind, options, token_ref }: Server.Body) => ({
          display_name,
          endpoint,
          id,
          kind,
          options,
          token_ref
        }))
      assert.deepStrictEqual(persisted(yield* second.list), persisted(yield* first.list))
      assert.strictEqual((yield* second.call("GET", `${root}/export`)).text, exported.text)
    }).pipe(Effect.scoped)
  )

  it.live("an id that cannot be is a connection that is not there", () =>
    Effect.gen(function* () {
      const { call } = yield* Server.fresh()
      for (const id of ["x".repeat(97), "%00", "a%2Fb", "%E2%80%AE"]) {
        assert.strictEqual(outcome(yield* call("DELETE", `${root}/${id}`)), "404 connection_not_found", id)
      }
    }).pipe(Effect.scoped)
  )
})
