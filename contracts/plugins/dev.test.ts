/** `plugin dev`: a save is in use at once, connections go on, and a broken save changes nothing and is explained. */
import * as fs from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Server from "../settings/SettingsServer.ts"
import * as OutOfTree from "./OutOfTree.ts"
import { imports } from "./PluginFolder.ts"

const main = fileURLToPath(new URL("../../src/app/main.ts", import.meta.url))
const { root } = Server

/** A kind whose runtime is called so; `more` goes before the definition. */
const source = (name: string, more = "", schema = "{}") => `${imports}${more}
export default definePromiseSource({
  kind: "written", apiVersion, label: ${JSON.stringify(name)}, description: "A kind that is being written.",
  endpoint: "none", options: { type: "object", properties: ${schema}, additionalProperties: false },
  secretFields: [], capabilities: {},
  connect: () => ({
    describe: async () => ({ display_name: ${JSON.stringify(name)} }),
    list: async () => ({ items: [], next_cursor: null }),
    get: async () => { throw problem("worker_not_found") }
  })
})
`

/** Saved as an editor does: beside it, then in its place. */
const save = (folder: string, text: string) => {
  fs.writeFileSync(join(folder, "src/next"), text, { mode: 0o600 })
  fs.renameSync(join(folder, "src/next"), join(folder, "src/index.mjs"))
}

const world = Effect.fnUntraced(function* (text: string, config?: string) {
  const folder = yield* Server.workspace
  fs.mkdirSync(join(folder, "src"))
  fs.writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "written", exports: "./src/index.mjs" }))
  save(folder, text)
  if (config !== undefined) yield* Server.writeConfig(folder, config)
  const program = yield* Effect.acquireRelease(
    Effect.sync(() =>
      OutOfTree.launch(folder, process.execPath, [main, "plugin", "dev", folder, "--listen", "127.0.0.1:0"])
    ),
    ({ stop }) => Effect.promise(() => stop())
  )
  const url = yield* Effect.promise(() => program.says("stdout", /http:\S+/))
  const call = Server.send(url)
  const says = (stream: "stdout" | "stderr", wanted: RegExp) => Effect.promise(() => program.says(stream, wanted))
  const label = Effect.map(call("GET", `${root}/kinds`), ({ body }) => {
    const found = body.kinds.find(({ kind }: Server.Body) => kind === "written")
    return found?.label as string | undefined
  })
  /** What the runtime behind the connection says of itself now. */
  const runtime = Effect.map(
    call("POST", `${root}/a/test`),
    ({ body }) => body.observed?.display_name as string | undefined
  )
  return { call, folder, label, program, runtime, says }
})

const connection = { id: "a", kind: "written" }

it.live("a save is in use at once, and its connections go on without being touched", () =>
  Effect.gen(function* () {
    const { call, folder, label, runtime, says } = yield* world(source("First"))
    assert.strictEqual((yield* call("POST", `${root}?apply=true`, { body: connection })).status, 201)
    assert.strictEqual(yield* runtime, "First")
    const text = Server.readConfig(folder)
    save(folder, source("Second"))
    yield* says("stdout", /Loaded: the kind written\.[^]*Loaded: the kind written\./)
    assert.strictEqual(yield* label, "Second")
    assert.strictEqual(yield* runtime, "Second")
    assert.strictEqual((yield* call("GET", "/api/runtimes/a")).status, 200)
    assert.strictEqual(Server.readConfig(folder), text)
  }).pipe(Effect.scoped)
)

it.live(
  "a broken save keeps the last good one, says what is wrong in its own words, and the next good one is used",
  () =>
    Effect.gen(function* () {
      const { call, folder, label, runtime, says } = yield* world(source("First"))
      yield* call("POST", `${root}?apply=true`, { body: connection })
      for (const [broken, expected] of [
        [source("Broken", "const x = (;"), /Not loaded, and nothing has changed: [^]*index\.mjs:3[^]*SyntaxError/],
        [source("Broken", `throw new Error("the author's words")`), /Error: the author's words/],
        [source("Broken").replace(`"written"`, `"ssh"`), /The kind ssh exists already/],
        [
          source("Broken").replace(`"written", apiVersion,`, `"written", apiVersion: 99,`),
          /version 99 of the plugin API/
        ]
      ] as const) {
        save(folder, broken)
        yield* says("stderr", expected)
        assert.strictEqual(yield* label, "First")
        assert.strictEqual(yield* runtime, "First")
      }
      save(folder, source("Good again"))
      yield* says("stdout", /Loaded: the kind written\.[^]*Loaded: the kind written\./)
      assert.strictEqual(yield* runtime, "Good again")
    }).pipe(Effect.scoped)
)

it.live("what cannot be loaded at the start is explained, and its connections come with the save that repairs it", () =>
  Effect.gen(function* () {
    const config = `[[runtimes.source]]\nid = "a"\nkind = "written"\n`
    const { call, folder, label, runtime, says } = yield* world(`throw new Error("not yet")`, config)
    yield* says("stderr", /not yet/)
    assert.isUndefined(yield* label)
    save(folder, source("Repaired"))
    yield* says("stdout", /Loaded: the kind written\./)
    assert.strictEqual(yield* runtime, "Repaired")
    assert.strictEqual((yield* call("GET", "/api/runtimes/a")).status, 200)
  }).pipe(Effect.scoped)
)

it.live("a connection whose options the new form refuses is named", () =>
  Effect.gen(function* () {
    const { call, folder, says } = yield* world(source("First", "", `{ depth: { type: "integer" } }`))
    yield* call("POST", `${root}?apply=true`, { body: { ...connection, options: { depth: 1 } } })
    save(folder, source("Second"))
    yield* says("stderr", /^a: The options do not fit the kind\./m)
  }).pipe(Effect.scoped)
)
