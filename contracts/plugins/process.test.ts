/** The kind `process`: what it starts, keeps running, hides and ends. */
import { statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import * as ProcessSource from "../../src/adapters/process-runtime/ProcessSource.ts"
import type { Problem } from "../../src/domain/Problem.ts"
import * as BackendProcess from "../backend/BackendProcess.ts"
import * as Server from "../settings/SettingsServer.ts"
import { root as settings } from "../settings/SettingsServer.ts"
import * as World from "./ProcessWorld.ts"

const until = (holds: () => boolean) =>
  Effect.gen(function* () {
    while (!holds()) yield* Effect.sleep(5)
  })

const isGone = (pid: number) => {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

describe("a runtime process", () => {
  it.live("that is killed is started again over what it has stored, and says how often", () =>
    Effect.gen(function* () {
      const root = yield* World.folder
      const source = yield* World.connect(root)
      const first = yield* World.awake(source)
      const { answer } = yield* source.create({ display_name: "kept" }, {})
      const stream = yield* Effect.forkScoped(Effect.flip(Stream.runDrain(source.events(answer.worker_id, undefined))))
      const [pid] = World.runtimesOver(root)
      process.kill(pid!, "SIGKILL")
      yield* until(() => isGone(pid!))
      assert.strictEqual((yield* Fiber.join(stream))._tag, "runtime_unreachable")
      const second = yield* World.awake(source)
      assert.strictEqual(second.runtime_id, first.runtime_id)
      assert.strictEqual((yield* source.get(answer.worker_id)).display_name, "kept")
      const figures = second.capabilities?.[ProcessSource.capability] as unknown as ProcessSource.ProcessFigures
      assert.strictEqual(figures.restarts, 1)
      assert.isAbove(figures.rss_bytes ?? 0, 10_000_000)
      assert.isAbove(figures.cpu_ms ?? 0, 0)
      assert.isAtLeast(figures.uptime_ms ?? -1, 0)
      assert.deepStrictEqual(Object.keys(figures).toSorted(), ["cpu_ms", "restarts", "rss_bytes", "uptime_ms"])
    }).pipe(Effect.scoped)
  )

  it.live("ends in order with its connection, and the next connection finds its workers", () =>
    Effect.gen(function* () {
      const root = yield* World.folder
      const scope = yield* Scope.make()
      const source = yield* Scope.provide(World.connect(root), scope)
      yield* World.awake(source)
      const { answer } = yield* source.create({}, {})
      const [pid] = World.runtimesOver(root)
      // The next one is there already, as when a change of the connection is applied: it waits for its turn.
      const next = yield* World.connect(root)
      const waiting = yield* Effect.flip(next.describe)
      assert.deepStrictEqual([waiting._tag, waiting.context.reason], ["runtime_unavailable", "process_starting"])
      assert.deepStrictEqual(World.runtimesOver(root), [pid!])
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(isGone(pid!))
      yield* World.awake(next)
      assert.strictEqual((yield* next.get(answer.worker_id)).worker_id, answer.worker_id)
    }).pipe(Effect.scoped)
  )

  it.live(
    "shows its token to nobody: not in its arguments, not in its environment, and in no file once it serves",
    () =>
      Effect.gen(function* () {
        const root = yield* World.folder
        const source = yield* World.connect(root)
        yield* World.awake(source)
        const [pid] = World.runtimesOver(root)
        assert.isFalse(World.filesOf(root).includes(join(root, "process-1", "token")))
        assert.strictEqual(statSync(join(root, "process-1")).mode & 0o777, 0o700)
        const known = new Set(Object.keys(process.env))
        const given = World.textOf(`/proc/${pid}/environ`).split("\0")
        const added = given.map((entry) => entry.split("=")[0] ?? "").filter((name) => name !== "" && !known.has(name))
        assert.deepStrictEqual(
          added.filter((name) => !name.startsWith("NODE_CHANNEL_")),
          []
        )
        assert.match(World.textOf(`/proc/${pid}/cmdline`), /\0--token-ref=file:[^\0]+\0/)
        // Whoever has not got the token is refused, also on this machine.
        const listening = yield* World.portOf(pid!)
        const answer = yield* Effect.promise(() => fetch(`http://127.0.0.1:${listening}/v1/runtime`))
        assert.strictEqual(answer.status, 401)
      }).pipe(Effect.scoped)
  )

  it.live("takes its profiles from the file that the connection names", () =>
    Effect.gen(function* () {
      const root = yield* World.folder
      const text = `[[profiles]]\nid = "mine"\nlabel = "Mine"\nexecutor = "command"\ncommand = ["/bin/cat"]\n`
      writeFileSync(join(root, "mine.toml"), text, { mode: 0o600 })
      const source = yield* World.connect(root, { profiles: "mine.toml", memory_limit_mib: 256, log_level: "warn" })
      const { profiles } = yield* World.awake(source)
      assert.include(
        profiles.map(({ label }) => label),
        "Mine",
        "the profile of the file is offered"
      )
    }).pipe(Effect.scoped)
  )

  it.live("that cannot start is a typed problem without a path", () =>
    Effect.gen(function* () {
      const root = yield* World.folder
      const source = yield* World.connect(root, { profiles: "nowhere.toml", log_level: "error" })
      const starts = (problem: Problem) => problem.context.reason === "process_starting"
      const problem = yield* Effect.flip(Effect.retry(source.describe, { while: starts }))
      assert.deepStrictEqual([problem._tag, problem.context.reason], ["runtime_unreachable", "process_ended"])
      assert.notInclude(JSON.stringify(problem), root)
    }).pipe(Effect.scoped)
  )
})

describe("a backend with a runtime process", () => {
  const config = '[[runtimes.source]]\nid = "own"\nkind = "process"\n'

  it.live.each(["SIGTERM", "SIGKILL"] as const)("that ends by %s leaves no runtime behind", (signal) =>
    Effect.gen(function* () {
      const backend = yield* Effect.promise(() => BackendProcess.start({ config }))
      yield* Effect.addFinalizer(() => Effect.sync(() => BackendProcess.removeFolder(backend.folder)))
      const root = join(backend.folder, ".yoi/data/runtimes")
      yield* until(() => World.runtimesOver(root).length === 1)
      const [pid] = World.runtimesOver(root)
      backend.kill(signal)
      yield* Effect.promise(() => backend.ended)
      yield* until(() => isGone(pid!))
    }).pipe(Effect.scoped)
  )

  it.live("is made in the settings, is listed with its form, and hosts workers", () =>
    Effect.gen(function* () {
      const { add, call, folder } = yield* Server.fresh()
      const { body: kinds } = yield* call("GET", `${settings}/kinds`)
      const kind = kinds.kinds.find((it: Server.Body) => it.kind === "process")
      for (const said of [kind.label, kind.description]) assert.match(said, /\w/)
      for (const option of Object.values<Server.Body>(kind.options_schema.properties)) {
        assert.match(option.title, /\w/)
        assert.match(option.description, /\w/)
      }
      const refused = yield* add({ id: "own", kind: "process", options: { profiles: "../../etc/passwd" } })
      assert.deepStrictEqual([refused.status, refused.body.errors[0].pointer], [400, "/options/profiles"])
      const added = yield* add({ id: "own", kind: "process", options: { log_level: "warn" } }, "?apply=true")
      assert.strictEqual(added.status, 201)
      const create = call("POST", "/api/runtimes/own/workers", { body: { display_name: "w" } })
      const made = yield* Effect.repeat(create, { until: ({ status }) => status < 400 })
      assert.strictEqual(made.body.worker.kind, "process")
      const tested = yield* call("POST", `${settings}/own/test`)
      assert.isTrue(tested.body.compatible, tested.text)
      const shown = (yield* call("GET", "/api/runtimes")).text + tested.text
      for (const hidden of [folder, String(World.runtimesOver(join(folder, ".yoi"))[0])]) {
        assert.notInclude(shown, hidden)
      }
    }).pipe(Effect.scoped)
  )
})
