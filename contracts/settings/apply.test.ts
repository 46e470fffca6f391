/** Written, live and observed, kept apart: what a restart, an apply and a crash make of a change. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Process from "../backend/BackendProcess.ts"
import * as Api from "./ScriptedApi.ts"
import * as Server from "./SettingsServer.ts"
import { mock, remote, root } from "./SettingsServer.ts"

const outcome = ({ body, status }: Server.Answer) => `${status} ${body?.code ?? ""}`.trim()
const none = { added: [], removed: [], changed: [] }
const busy = (id: string, more: object = {}) => mock(id, { options: { workers: [{ worker_id: "w-1" }] }, ...more })
const blockersOf = ({ body }: Server.Answer) =>
  body.blockers.map(({ kind, runtime_id, worker_id }: Server.Body) => `${kind} ${runtime_id}/${worker_id}`)

/** Opens an event stream and keeps it open until the scope closes. */
const watch = (url: string, runtime: string, worker: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const ended = new AbortController()
      const response = await fetch(`${url}/api/runtimes/${runtime}/workers/${worker}/events`, { signal: ended.signal })
      const reader = response.body!.getReader()
      await reader.read()
      return { ended, reader }
    }),
    ({ ended }) => Effect.sync(() => ended.abort())
  )

describe("apply", () => {
  it.live("a saved change is pending until it is applied, and then nothing is", () =>
    Effect.gen(function* () {
      const { add, call, list, view } = yield* Server.fresh()
      yield* add(mock("a"))
      assert.deepStrictEqual((yield* list).pending, { ...none, added: ["a"] })
      const applied = yield* call("POST", `${root}/apply`)
      assert.deepStrictEqual(applied.body, {
        applied: { ...none, added: ["a"] },
        restart_required: false,
        diagnostics: []
      })
      assert.deepInclude(yield* view("a"), { active: true, restart_required: false })
      assert.strictEqual((yield* call("GET", "/api/runtimes/a")).body.runtime.status, "running")
      assert.deepStrictEqual((yield* call("POST", `${root}/apply`)).body.applied, none)
    }).pipe(Effect.scoped)
  )

  it.live("a restart makes it live too", () =>
    Effect.gen(function* () {
      const first = yield* Server.fresh()
      yield* first.add(mock("a"))
      yield* first.stop
      const second = yield* Server.serve(first.folder)
      assert.deepInclude(yield* second.view("a"), { active: true, restart_required: false })
      assert.isFalse((yield* second.list).restart_required)
    }).pipe(Effect.scoped)
  )

  it.live("with apply=true every kind of change is live at once", () =>
    Effect.gen(function* () {
      const { add, call, view } = yield* Server.fresh()
      const added = yield* add(mock("a"), "?apply=true")
      assert.deepStrictEqual([added.status, added.body.restart_required], [201, false])
      assert.deepInclude(added.body.connection, { active: true, restart_required: false })
      const edited = yield* call("PATCH", `${root}/a?apply=true`, { body: { display_name: "New" } })
      assert.isFalse(edited.body.restart_required)
      assert.strictEqual((yield* call("GET", "/api/runtimes/a")).body.runtime.display_name, "New")
      assert.isFalse((yield* call("DELETE", `${root}/a?apply=true`)).body.restart_required)
      assert.isUndefined(yield* view("a"))
      assert.strictEqual(outcome(yield* call("GET", "/api/runtimes/a")), "404 runtime_not_found")
    }).pipe(Effect.scoped)
  )

  it.live("running workers and open streams hold a removal back by name, and then nothing changes", () =>
    Effect.gen(function* () {
      const { add, call, folder, list, url } = yield* Server.fresh()
      yield* add(busy("a"), "?apply=true")
      yield* watch(url, "a", "w-1")
      const text = Server.readConfig(folder)
      const refused = yield* call("DELETE", `${root}/a?apply=true`)
      assert.strictEqual(outcome(refused), "409 runtime_in_use")
      assert.deepStrictEqual(blockersOf(refused), ["worker a/w-1", "stream a/w-1"])
      assert.strictEqual(Server.readConfig(folder), text)
      assert.deepStrictEqual((yield* list).pending, none)
    }).pipe(Effect.scoped)
  )

  it.live("without apply a delete is written, and the apply is what is held back, as a whole", () =>
    Effect.gen(function* () {
      const { add, call, list } = yield* Server.fresh()
      yield* add(busy("a"), "?apply=true")
      yield* add(mock("b"))
      assert.isTrue((yield* call("DELETE", `${root}/a`)).body.restart_required)
      const refused = yield* call("POST", `${root}/apply`)
      assert.deepStrictEqual(blockersOf(refused), ["worker a/w-1"])
      assert.deepStrictEqual((yield* list).pending, { added: ["b"], removed: ["a"], changed: [] })
      assert.strictEqual((yield* call("GET", "/api/runtimes/a")).status, 200)
      assert.strictEqual((yield* call("GET", "/api/runtimes/b")).status, 404)
    }).pipe(Effect.scoped)
  )

  it.live("a write with apply is not written while another pending change is held back", () =>
    Effect.gen(function* () {
      const { add, call, folder } = yield* Server.fresh()
      yield* add(busy("a"), "?apply=true")
      yield* call("DELETE", `${root}/a`)
      const text = Server.readConfig(folder)
      assert.strictEqual(outcome(yield* add(mock("b"), "?apply=true")), "409 runtime_in_use")
      assert.strictEqual(Server.readConfig(folder), text)
    }).pipe(Effect.scoped)
  )

  it.live("force takes it away all the same, and its streams end", () =>
    Effect.gen(function* () {
      const { add, call, list, url } = yield* Server.fresh()
      yield* add(busy("a"), "?apply=true")
      const { reader } = yield* watch(url, "a", "w-1")
      assert.strictEqual((yield* call("DELETE", `${root}/a?apply=true&force=true`)).status, 200)
      yield* Effect.promise(async () => {
        while (!(await reader.read()).done);
      })
      assert.deepStrictEqual((yield* list).pending, none)
      assert.strictEqual((yield* call("GET", "/api/runtimes/a")).status, 404)
    }).pipe(Effect.scoped)
  )

  it.live("ended workers hold nothing back, and neither does a runtime that cannot be asked", () =>
    Effect.gen(function* () {
      const { add, call } = yield* Server.fresh()
      yield* add(busy("a"), "?apply=true")
      yield* call("POST", "/api/runtimes/a/workers/w-1/stop")
      assert.strictEqual((yield* call("DELETE", `${root}/a?apply=true`)).status, 200)
      yield* add(remote("dead"), "?apply=true")
      assert.strictEqual((yield* call("DELETE", `${root}/dead?apply=true`)).status, 200)
    }).pipe(Effect.scoped)
  )

  it.live("another name interrupts nobody; another place does", () =>
    Effect.gen(function* () {
      const worker = { "GET /v1/workers": Api.ok({ workers: [Api.worker] }) }
      const peer = yield* Api.make({ ...Api.good, ...worker })
      const { add, call } = yield* Server.fresh()
      yield* add({ id: "a", endpoint: `http://127.0.0.1:${peer.port}` }, "?apply=true")
      const renamed = yield* call("PATCH", `${root}/a?apply=true`, { body: { display_name: "B" } })
      assert.strictEqual(renamed.status, 200)
      const moved = yield* call("PATCH", `${root}/a?apply=true`, { body: { endpoint: "http://127.0.0.1:48111" } })
      assert.deepStrictEqual(blockersOf(moved), ["worker a/w-1"])
    }).pipe(Effect.scoped)
  )

  it.live("blockers are found behind a first page of ended workers", () =>
    Effect.gen(function* () {
      const ended = Array.from({ length: 250 }, (_, index) => ({ worker_id: `a-${index}`, end: "stopped" }))
      const workers = [...ended, { worker_id: "z-last" }]
      const { add, call } = yield* Server.fresh()
      yield* add(mock("a", { options: { workers } }), "?apply=true")
      const all = Effect.map(call("GET", "/api/runtimes/a/workers?state=idle"), ({ body }) => body.items.length)
      yield* Effect.repeat(all, { until: (idle) => idle === 1 })
      const refused = yield* call("DELETE", `${root}/a?apply=true`)
      assert.deepStrictEqual(blockersOf(refused), ["worker a/z-last"])
    }).pipe(Effect.scoped)
  )

  it.live("an entry that cannot work costs itself: the rest goes live, and the answer says why it did not", () =>
    Effect.gen(function* () {
      const { call, folder, list, view } = yield* Server.fresh()
      yield* Server.writeConfig(
        folder,
        '[[runtimes.source]]\nid = "odd"\nkind = "hologram"\n[[runtimes.source]]\nid = "m"\nkind = "mock"\n'
      )
      const { body } = yield* call("POST", `${root}/apply`)
      assert.deepStrictEqual(body.applied, { ...none, added: ["m"] })
      assert.strictEqual(body.restart_required, false)
      assert.match(body.diagnostics[0].message, /^odd: /)
      assert.deepInclude(yield* view("m"), { active: true })
      assert.deepStrictEqual((yield* list).pending, none)
    }).pipe(Effect.scoped)
  )

  it.live("a live runtime stays as it is when its change cannot be made live", () =>
    Effect.gen(function* () {
      const { add, call, folder, view } = yield* Server.fresh()
      yield* add(mock("m"), "?apply=true")
      yield* Server.writeConfig(folder, '[[runtimes.source]]\nid = "m"\nkind = "hologram"\n')
      assert.strictEqual((yield* call("POST", `${root}/apply`)).body.restart_required, true)
      assert.strictEqual((yield* call("GET", "/api/runtimes/m")).body.runtime.kind, "mock")
      assert.deepInclude(yield* view("m"), { active: true, restart_required: true })
    }).pipe(Effect.scoped)
  )

  it.live("what is observed never reaches the file, nor does a test", () =>
    Effect.gen(function* () {
      const peer = yield* Api.make({ ...Api.good, "GET /v1/runtime": Api.problem("401 Unauthorized", "unauthorized") })
      const { add, call, folder, view } = yield* Server.fresh()
      const draft = { id: "a", endpoint: `http://127.0.0.1:${peer.port}` }
      yield* call("POST", `${root}/test`, { body: draft })
      yield* add(draft, "?apply=true")
      const text = Server.readConfig(folder)
      const tested = yield* call("POST", `${root}/a/test`)
      assert.isFalse(tested.body.compatible)
      assert.strictEqual(tested.body.id, "a")
      assert.deepInclude(yield* view("a"), { status: "auth_failed", credential: "rejected" })
      assert.strictEqual(Server.readConfig(folder), text)
    }).pipe(Effect.scoped)
  )

  it.live("a rejected credential is not said of one that was changed since", () =>
    Effect.gen(function* () {
      const peer = yield* Api.make({ ...Api.good, "GET /v1/runtime": Api.problem("401 Unauthorized", "unauthorized") })
      const { add, call, view } = yield* Server.fresh()
      yield* add({ id: "a", endpoint: `http://127.0.0.1:${peer.port}`, token_ref: "env:PATH" }, "?apply=true")
      yield* call("POST", `${root}/a/test`)
      assert.strictEqual((yield* view("a")).credential, "rejected")
      yield* call("PATCH", `${root}/a`, { body: { token_ref: "env:HOME" } })
      assert.strictEqual((yield* view("a")).credential, "resolvable")
    }).pipe(Effect.scoped)
  )

  it.live("a test told step by step has every step as a line, and the report as the last", () =>
    Effect.gen(function* () {
      const { call } = yield* Server.fresh()
      const answer = yield* call("POST", `${root}/test?stream=true`, { body: mock("a") })
      assert.strictEqual(answer.headers.get("content-type"), "application/x-ndjson")
      const lines = answer.text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
      assert.deepStrictEqual(
        lines.slice(0, -1).map(({ step }) => step),
        lines.at(-1).report.steps
      )
      assert.lengthOf(lines, 12)
      const refused = yield* call("POST", `${root}/test?stream=true`, { body: mock("a", { options: { x: 1 } }) })
      assert.strictEqual(outcome(refused), "400 invalid_request")
    }).pipe(Effect.scoped)
  )

  it.live("a kill between the write and the apply leaves a file that the next start makes live and explains", () =>
    Effect.gen(function* () {
      const folder = yield* Server.workspace
      const first = yield* Effect.promise(() => Process.start({ folder }))
      const send = Server.send(first.url)
      yield* send("POST", root, { body: mock("a") })
      yield* send("POST", root, { body: remote("b", { token_ref: "env:NOT_SET_ANYWHERE" }) })
      first.kill("SIGKILL")
      yield* Effect.promise(() => first.ended)
      const second = yield* Server.serve(folder)
      assert.deepInclude(yield* second.view("a"), { active: true, restart_required: false })
      assert.deepInclude(yield* second.view("b"), { active: true, credential: "unresolvable", restart_required: false })
      assert.deepStrictEqual((yield* second.list).pending, none)
      assert.strictEqual((yield* second.add(mock("c"))).status, 201)
    }).pipe(Effect.scoped)
  )
})
