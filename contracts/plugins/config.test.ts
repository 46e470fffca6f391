/** Connections of a plugin's kind, driven through the settings API: form, draft test, adding, changing, applying, removing, export. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Server from "../settings/SettingsServer.ts"
import { install, pathOf, simple } from "./PluginFolder.ts"

const { root } = Server

const plugins = `[[plugins]]\npath = "${pathOf("example")}"\n`

/** A backend with the plugin loaded; `config` comes after the plugin's entry. */
const world = Effect.fnUntraced(function* (config = "", source = simple("example")) {
  const folder = yield* Server.workspace
  install(folder, "example", source)
  yield* Server.writeConfig(folder, plugins + config)
  return yield* Server.serve(folder)
})

const example = (id: string, more: object = {}) => ({ id, kind: "example", ...more })

const pointers = (answer: Server.Answer) =>
  answer.body.errors.map(({ code, pointer }: Server.Body) => `${pointer} ${code}`)

it.live("the kind is listed with a form whose members have titles, and refuses what it does not name", () =>
  Effect.gen(function* () {
    const { call } = yield* world()
    const { kinds } = (yield* call("GET", `${root}/kinds`)).body
    const kind = kinds.find((it: Server.Body) => it.kind === "example")
    assert.deepStrictEqual(kind, {
      kind: "example",
      label: "Example",
      description: "A kind for tests.",
      endpoint: "none",
      options_schema: {
        type: "object",
        properties: {
          greeting: { type: "string", title: "Greeting", description: "What it says.", maxLength: 20 },
          api_key_ref: { type: "string", title: "Api key ref" }
        },
        additionalProperties: false
      },
      secret_fields: ["token_ref", "api_key_ref"]
    })
    for (const it of kinds) {
      for (const [name, member] of Object.entries<Server.Body>(it.options_schema.properties ?? {})) {
        assert.isNotEmpty(member.title, `${it.kind}.${name}`)
        if (it.kind !== "example") assert.isNotEmpty(member.description ?? "", `${it.kind}.${name}`)
      }
    }
  }).pipe(Effect.scoped)
)

it.live("a connection is added under runtimes.source, changed, applied, removed, and the file is as it was", () =>
  Effect.gen(function* () {
    const before = `# mine\n[[runtimes.source]]   # by hand\nid = "kept"\nkind = "example"\nmine = 1 # kept\n`
    const { add, call, folder, view } = yield* world(before)
    const text = Server.readConfig(folder)
    const added = yield* add(example("a", { display_name: "A", options: { greeting: "hello" } }), "?apply=true")
    assert.strictEqual(added.status, 201)
    assert.deepInclude(added.body.connection, { kind: "example", active: true, options: { greeting: "hello" } })
    assert.include(
      Server.readConfig(folder),
      `[[runtimes.source]]\nid = "a"\nkind = "example"\ndisplay_name = "A"\noptions = { greeting = "hello" }\n`
    )
    assert.include(Server.readConfig(folder), text.trimEnd())
    assert.strictEqual((yield* call("GET", "/api/runtimes/a")).body.runtime.kind, "example")

    const etag = (yield* call("GET", root)).etag ?? ""
    const changed = yield* call("PATCH", `${root}/a`, { body: { options: { greeting: "bye" } }, ifMatch: etag })
    assert.strictEqual(changed.status, 200)
    assert.include(Server.readConfig(folder), `options = { greeting = "bye" }`)
    assert.strictEqual((yield* call("PATCH", `${root}/a`, { body: {}, ifMatch: etag })).status, 412)
    assert.isTrue((yield* view("a")).restart_required)
    const applied = yield* call("POST", `${root}/apply`)
    assert.deepStrictEqual(applied.body.applied, { added: [], removed: [], changed: ["a"] })
    assert.isFalse((yield* view("a")).restart_required)

    assert.strictEqual((yield* call("DELETE", `${root}/a?apply=true`)).status, 200)
    assert.strictEqual(Server.readConfig(folder), text)
    assert.strictEqual((yield* call("GET", "/api/runtimes/a")).status, 404)
    assert.strictEqual((yield* call("GET", "/api/runtimes/kept")).status, 200)
  }).pipe(Effect.scoped)
)

it.live("options that do not fit are refused with pointers, in a draft, when added and when changed", () =>
  Effect.gen(function* () {
    const { add, call, folder } = yield* world()
    const bad = example("a", { options: { greeting: 3, canary: 1 } })
    const expected = ["/options/canary unexpected", "/options/greeting wrong_type"]
    const text = Server.readConfig(folder)
    for (const answer of [yield* add(bad), yield* call("POST", `${root}/test`, { body: bad })]) {
      assert.strictEqual(answer.status, 400)
      assert.strictEqual(answer.body.code, "invalid_request")
      assert.deepStrictEqual(pointers(answer).toSorted(), expected)
    }
    yield* add(example("a"))
    const changed = yield* call("PATCH", `${root}/a`, { body: { options: { greeting: "x".repeat(21) } } })
    assert.deepStrictEqual(pointers(changed), ["/options/greeting invalid"])
    assert.notStrictEqual(Server.readConfig(folder), text)
  }).pipe(Effect.scoped)
)

it.live("a draft is tested without being written", () =>
  Effect.gen(function* () {
    const { call, folder } = yield* world()
    const text = Server.readConfig(folder)
    const { body, status } = yield* call("POST", `${root}/test`, { body: example("draft") })
    assert.strictEqual(status, 200)
    assert.strictEqual(body.observed.runtime_id, "draft")
    assert.strictEqual(body.observed.display_name, "Example runtime")
    assert.deepInclude(
      body.steps.find((it: Server.Body) => it.step === "http"),
      { status: "pass" }
    )
    assert.strictEqual(Server.readConfig(folder), text)
  }).pipe(Effect.scoped)
)

it.live("raw secrets are refused in options, by name and in members that hold a reference, and are not repeated", () =>
  Effect.gen(function* () {
    const { add, folder } = yield* world()
    const text = Server.readConfig(folder)
    for (const [options, pointer] of [
      [{ api_key: "sk-live-canary" }, "/options/api_key raw_secret"],
      [{ api_key_ref: "sk-live-canary" }, "/options/api_key_ref raw_secret"],
      [{ api_key_ref: "canary:x" }, "/options/api_key_ref unknown_scheme"],
      [{ api_key_ref: "file:/etc/shadow" }, "/options/api_key_ref outside_allowed_folders"]
    ] as const) {
      const answer = yield* add(example("a", { options }))
      assert.strictEqual(answer.status, 400, pointer)
      assert.include(pointers(answer), pointer)
      assert.notInclude(answer.text, "canary")
    }
    assert.strictEqual(Server.readConfig(folder), text)
    assert.strictEqual((yield* add(example("a", { options: { api_key_ref: "env:KEY" } }))).status, 201)
  }).pipe(Effect.scoped)
)

it.live("a raw secret that somebody wrote into the file is neither shown nor exported", () =>
  Effect.gen(function* () {
    const written = `[[runtimes.source]]\nid = "a"\nkind = "example"\noptions = { api_key_ref = "sk-live-canary", greeting = "hi" }\n[[runtimes.source]]\nid = "b"\nkind = "absent"\noptions = { key_ref = "sk-live-canary" }\n`
    const { call, view } = yield* world(written)
    assert.deepStrictEqual((yield* view("a")).options, { greeting: "hi" })
    const failure = (yield* view("a")).diagnostics[0]
    assert.strictEqual(failure.code, "invalid_request")
    for (const path of [root, `${root}/export`]) assert.notInclude((yield* call("GET", path)).text, "canary")
  }).pipe(Effect.scoped)
)

it.live("the export starts another workspace with the same connections", () =>
  Effect.gen(function* () {
    const { add, call } = yield* world()
    yield* add(example("a", { display_name: "名", token_ref: "env:A", options: { greeting: 'q"\\' } }))
    const { text } = yield* call("GET", `${root}/export`)
    assert.include(text, "[[runtimes.source]]")
    const second = yield* world(text)
    const shown = yield* second.view("a")
    assert.deepInclude(shown, {
      kind: "example",
      display_name: "名",
      token_ref: "env:A",
      options: { greeting: 'q"\\' },
      active: true
    })
  }).pipe(Effect.scoped)
)

it.live("a plugin that cannot be loaded is told in the list, its connections stay in the file, and others go on", () =>
  Effect.gen(function* () {
    const connections = `[[runtimes.source]]\nid = "a"\nkind = "example"\n[[runtimes.source]]\nid = "m"\nkind = "mock"\n`
    const { call, folder, list, view } = yield* world(connections, `throw new Error("canary")`)
    const { diagnostics } = yield* list
    assert.deepStrictEqual(
      diagnostics.map((it: Server.Body) => it.code),
      ["plugin_threw"]
    )
    assert.isFalse((yield* view("a")).active)
    assert.strictEqual((yield* view("a")).diagnostics[0].code, "invalid_request")
    assert.strictEqual((yield* call("GET", "/api/runtimes/m")).status, 200)
    assert.strictEqual((yield* call("GET", "/readyz")).status, 200)
    assert.include(Server.readConfig(folder), 'kind = "example"')
  }).pipe(Effect.scoped)
)

it.live("a change of the plugins in the file is said to need a restart", () =>
  Effect.gen(function* () {
    const { folder, list } = yield* world()
    assert.deepStrictEqual((yield* list).diagnostics, [])
    yield* Server.writeConfig(folder, "")
    assert.deepStrictEqual(
      (yield* list).diagnostics.map((it: Server.Body) => it.code),
      ["plugins_changed"]
    )
  }).pipe(Effect.scoped)
)

it.live("a secret that only the file may name is not led elsewhere through the API by other options", () =>
  Effect.gen(function* () {
    const written = `[[runtimes.source]]\nid = "a"\nkind = "example"\ntoken_ref = "file:/srv/elsewhere"\noptions = { api_key_ref = "file:/srv/other" }\n`
    const { call, folder } = yield* world(written)
    const text = Server.readConfig(folder)
    const changed = yield* call("PATCH", `${root}/a`, {
      body: { options: { api_key_ref: "file:/srv/other", greeting: "x" } }
    })
    assert.strictEqual(changed.status, 400)
    assert.include(["/token_ref outside_allowed_folders"], pointers(changed)[0])
    assert.strictEqual(Server.readConfig(folder), text)
    assert.strictEqual((yield* call("PATCH", `${root}/a`, { body: { display_name: "Named" } })).status, 200)
  }).pipe(Effect.scoped)
)
