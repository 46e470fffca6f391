/** What a plugin does wrong beside the backend costs its own connections, for a moment, and is said in words. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Logger, Redacted, References, Scope, Stream } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { EventHub, WorkerRef } from "../../src/domain/EventHub.ts"
import * as FormSchema from "../../src/domain/plugin/FormSchema.ts"
import { mark } from "../../src/domain/plugin/Definition.ts"
import type { Steps } from "../../src/domain/ConnectionTest.ts"
import type * as Problem from "../../src/domain/Problem.ts"
import { RequestId } from "../../src/domain/RequestId.ts"
import { RuntimeRegistry } from "../../src/domain/RuntimeRegistry.ts"
import type { RuntimeSource } from "../../src/domain/RuntimeSource.ts"
import * as Bounds from "../../src/app/plugins/isolatedBounds.ts"
import { hiddenText } from "../../src/app/plugins/isolatedOutput.ts"
import { HubWatcher } from "../event-hub/HubWatcher.ts"
import { durable } from "./isolation.fixture.ts"
import * as IsolationWorld from "./IsolationWorld.ts"

type Source = RuntimeSource["Service"]
type World = Effect.Success<ReturnType<typeof IsolationWorld.world>>

const said = (content: string) => ({ kind: "user", content }) as const

const worded = ({ _tag, context: { reason } }: Problem.Problem) => `${_tag}.${reason ?? ""}`

/** A durable runtime with a worker. */
const opened = Effect.fnUntraced(function* ({ connect }: World, options: Readonly<Record<string, string>> = {}) {
  const root = yield* IsolationWorld.folder
  const source = yield* connect("iso-1", "durable", { root, ...options }, "test:token")
  const { answer } = yield* source.create({}, {})
  return { source, worker_id: answer.worker_id }
})

const idle = Effect.fnUntraced(function* (source: Source, worker_id: Parameters<Source["get"]>[0]) {
  while ((yield* source.get(worker_id)).state === "busy") yield* Effect.sleep(5)
})

/** What a connection is told while the host goes down, and that it is served again without anybody's doing. */
const survives = (level: Bounds.Level, command: string, ends: string, bounds: Partial<Bounds.Bounds> = {}) =>
  Effect.gen(function* () {
    const world = yield* IsolationWorld.world(level, { ...IsolationWorld.quick, ...bounds })
    const { source, worker_id } = yield* opened(world)
    const before = world.lives()
    const stream = yield* Effect.forkScoped(Effect.flip(Stream.runDrain(source.events(worker_id, undefined))))
    const answer = yield* Effect.flip(source.input(worker_id, said(command), {}))
    assert.include(
      ["runtime_unreachable.answer_lost", "runtime_timeout.", "runtime_timeout.answer_late"],
      worded(answer)
    )
    assert.strictEqual(worded(yield* Fiber.join(stream)), "runtime_unreachable.host_lost")
    yield* world.again(before)
    assert.strictEqual((yield* Effect.eventually(source.get(worker_id))).worker_id, worker_id)
    const [first] = world.told[0] ?? []
    assert.strictEqual(first?.code, "plugin_restarting")
    assert.include(first?.message ?? "", ends)
    assert.deepStrictEqual(world.told.at(-1), [])
  }).pipe(Effect.scoped)

/** A module of a plugin that goes wrong. */
const moduleOf = (text: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "isolation-module-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    ),
    (folder) => {
      const file = join(folder, "index.mjs")
      writeFileSync(file, text, { mode: 0o600 })
      return file
    }
  )

describe.skipIf(process.platform !== "linux")("a plugin in a process of its own", () => {
  /** After a command that is answered before anybody looks what it has done. */
  const contained = (command: string, ends: string, bounds: Partial<Bounds.Bounds>) =>
    Effect.gen(function* () {
      const world = yield* IsolationWorld.world("process", { ...IsolationWorld.quick, ...bounds })
      const { source, worker_id } = yield* opened(world)
      const before = world.lives()
      yield* Effect.exit(source.input(worker_id, said(command), {}))
      yield* world.again(before)
      assert.include(world.told[0]?.[0]?.message ?? "", ends)
    }).pipe(Effect.scoped)

  it.live("that fills memory outside of its heap is ended", () =>
    contained("/buffers", "used more memory than it may", { heapMb: 64, beyondHeapMb: 256 })
  )

  it.live("that starts more processes than it may is ended with all of them", () =>
    Effect.gen(function* () {
      yield* contained("/fork", "started more processes than it may", { processes: 4 })
      const left = readdirSync("/proc").filter((pid) => {
        try {
          return /^[0-9]+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("86399")
        } catch {
          return false
        }
      })
      assert.deepStrictEqual(left, [])
    })
  )
})

describe("a plugin at either level", () => {
  it.live("that is lost while nobody calls fails calls at once, and says that nothing was sent", () =>
    Effect.gen(function* () {
      const world = yield* IsolationWorld.world("worker", { backoffMs: 3_600_000, maxBackoffMs: 3_600_000 })
      const { source, worker_id } = yield* opened(world)
      yield* world.kill
      while (world.told.length === 0) yield* Effect.sleep(5)
      assert.strictEqual(
        worded(yield* Effect.flip(source.input(worker_id, said("x"), {}))),
        "runtime_unreachable.host_lost"
      )
      assert.strictEqual(worded(yield* Effect.flip(source.describe)), "runtime_unreachable.host_lost")
      // A connection that is made meanwhile is one to a runtime that is not there.
      const root = yield* IsolationWorld.folder
      const later = yield* world.connect("iso-2", "durable", { root })
      assert.strictEqual(worded(yield* Effect.flip(later.describe)), "runtime_unreachable.host_lost")
    }).pipe(Effect.scoped)
  )

  it.live("that is lost again and again is told as a loop, and is forgiven once it holds", () =>
    Effect.gen(function* () {
      const world = yield* IsolationWorld.world("worker", { ...IsolationWorld.quick, stableMs: 2_000 })
      for (let crash = 1; crash <= Bounds.loopCrashes; crash++) yield* world.restart
      assert.deepStrictEqual(
        world.told.flat().map(({ code }) => code),
        [...Array.from({ length: Bounds.loopCrashes - 1 }, () => "plugin_restarting"), "plugin_crash_loop"]
      )
      assert.include(world.told.at(-1)?.[0]?.message ?? "", `${Bounds.loopCrashes} times in a row`)
      while (world.told.at(-1)?.length !== 0) yield* Effect.sleep(20)
    }).pipe(Effect.scoped)
  )
})

for (const level of IsolationWorld.levels) {
  describe(`a plugin in a ${level}`, () => {
    it.live("that is ended in the middle of a watched turn is there again, and watchers miss nothing", () =>
      Effect.gen(function* () {
        const world = yield* IsolationWorld.world(level, IsolationWorld.quick)
        const { source, worker_id } = yield* opened(world)
        const domain = yield* Layer.build(
          EventHub.layer.pipe(Layer.provideMerge(RuntimeRegistry.layer), Layer.provide(SecureRandom.layerWebCrypto))
        )
        const hub = Context.get(domain, EventHub)
        yield* Context.get(domain, RuntimeRegistry).add(Effect.succeed(source))
        const watcher = new HubWatcher()
        yield* watcher.attach(hub, new WorkerRef({ runtime_id: source.id, worker_id }))
        yield* source.input(worker_id, said("before the end"), {})
        yield* idle(source, worker_id)
        yield* source.input(worker_id, said("/wait 60000 never said"), {})
        yield* world.restart
        yield* Effect.eventually(source.get(worker_id))
        yield* Effect.eventually(source.input(worker_id, said("after the end"), {}))
        yield* idle(source, worker_id)
        // Nothing listens there; that the way is open is what this shows.
        const refused = yield* Effect.flip(source.input(worker_id, said("/fetch"), {}))
        assert.strictEqual(worded(refused), "runtime_unreachable.refused")
        const page = yield* source.transcript(worker_id, {})
        const { transcript } = watcher.state
        assert.isAtMost(transcript.total_items, page.total_items)
        while (watcher.state.transcript.total_items < page.total_items) yield* Effect.sleep(5)
        watcher.sound()
        assert.deepStrictEqual(watcher.resyncs, [])
        assert.deepStrictEqual(
          watcher.state.transcript.items.map(({ content, sequence }) => [sequence, content]),
          page.items.map(({ content, sequence }) => [sequence, content])
        )
      }).pipe(Effect.scoped)
    )

    it.live("that lets nothing else happen is noticed, ended and started again", () =>
      survives(level, "/spin", "answered no more", { pingMs: 150 })
    )

    it.live("that uses up its memory is ended and started again", () =>
      survives(level, "/hog", "used more memory than it may", { heapMb: 48, pingMs: 20_000 })
    )

    it.live("that breaks off with an error nobody catches is started again", () =>
      survives(level, "/throw", level === "worker" ? "broke off" : "ended")
    )

    it.live("that goes wrong while it is loaded costs itself, and why is told without its words", () =>
      Effect.gen(function* () {
        const refused = (text: string, bounds: Partial<Bounds.Bounds> = {}) =>
          Effect.gen(function* () {
            const file = yield* moduleOf(text)
            const failure = yield* Effect.flip(IsolationWorld.world(level, bounds, file))
            assert.notInclude(JSON.stringify(failure), "canary")
            return failure._tag === "NotLoaded" ? failure.reason : failure._tag
          }).pipe(Effect.scoped)
        assert.strictEqual(yield* refused("process.exit(1)"), "exited")
        assert.strictEqual(yield* refused('throw new Error("canary")'), "threw")
        assert.strictEqual(yield* refused("for (;;);", { startMs: 2_000 }), "timeout")
        const hog = "const kept = []; for (;;) kept.push(new Array(1_000_000).fill(1.5))"
        assert.strictEqual(yield* refused(hog, { heapMb: 48 }), "memory")
        if (level === "process") {
          assert.strictEqual(yield* refused('process.kill(process.pid, "SIGKILL")'), "exited")
        }
      })
    )
  })

  describe(`a plugin that does well in a ${level}`, () => {
    const scope = Scope.makeUnsafe()
    const lines: Array<string> = []
    const logger = Logger.make(({ fiber, message }) => {
      const { line = "" } = fiber.getRef(References.CurrentLogAnnotations) as { readonly line?: string }
      lines.push(`${String(message)} ${line}`)
    })
    let world: World
    let source: Source
    let worker_id: Parameters<Source["get"]>[0]
    beforeAll(() =>
      Effect.gen(function* () {
        world = yield* IsolationWorld.world(level, {}, IsolationWorld.fixture, { allow_private: false })
        const made = yield* opened(world, { password_ref: "test:password" })
        source = made.source
        worker_id = made.worker_id
      }).pipe(Effect.provide(Logger.layer([logger])), Scope.provide(scope), Effect.runPromise)
    )
    afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

    const answered = Effect.fnUntraced(function* (content: string) {
      yield* source.input(worker_id, said(content), {})
      yield* idle(source, worker_id)
      const { items } = yield* source.transcript(worker_id, {})
      return items.at(-2)?.content ?? ""
    })

    it.live("gets the secrets that its connection names, and no other; its output is logged without them", () =>
      Effect.gen(function* () {
        const spaced = Array.from(IsolationWorld.secretText).join(" ")
        assert.include(yield* answered("/token"), spaced)
        assert.include(yield* answered("/password"), spaced)
        const foreign = yield* Effect.flip(source.input(worker_id, said("/foreign"), {}))
        assert.strictEqual(foreign._tag, "secret_unresolvable")
        while (lines.filter((line) => line.includes(`said ${hiddenText}`)).length < 2) yield* Effect.sleep(5)
        assert.notInclude(lines.join("\n"), IsolationWorld.secretText)
        const pid = world.pid()
        if (pid === undefined) return
        for (const file of ["cmdline", "environ"]) {
          assert.notInclude(readFileSync(`/proc/${pid}/${file}`, "utf8"), IsolationWorld.secretText)
        }
      })
    )

    it.live("knows the request that a call belongs to, in its log as well, and obeys the egress policy", () =>
      Effect.gen(function* () {
        const asked = Effect.provideService(answered("/request"), RequestId, "request-5d1e")
        assert.include(yield* asked, Array.from("request-5d1e").join(" "))
        const logged = (line: string) => line.includes("The plugin was asked.") && line.includes("request-5d1e")
        while (!lines.some(logged)) yield* Effect.sleep(5)
        assert.strictEqual((yield* Effect.flip(source.input(worker_id, said("/fetch"), {})))._tag, "egress_refused")
        const refused = yield* Effect.flip(source.input(worker_id, said("/no"), {}))
        assert.strictEqual(worded(refused), "worker_execution_rejected.not_today")
      })
    )

    it.live("brings its kinds as they are: form, secret members, rules for options", () =>
      Effect.gen(function* () {
        const kind = (yield* world.kinds.list).find((one) => one.kind === "durable")
        assert.deepStrictEqual(kind?.options_schema, FormSchema.of(durable.options))
        assert.deepStrictEqual(kind?.secretFields, durable.secretFields)
        const wrong = yield* Effect.flip(world.connect("iso-1", "durable", { root: "x", level: 12, extra: true }))
        assert.deepStrictEqual(wrong.context.errors?.map(({ pointer }) => pointer).toSorted(), [
          "/options/extra",
          "/options/level"
        ])
      }).pipe(Effect.scoped)
    )

    it.live("goes the way to a runtime in its host, step by step, as it would in the backend", () =>
      Effect.gen(function* () {
        const steps: Array<string> = []
        const record: Steps = {
          take: (step, effect, say) =>
            Effect.onExit(effect, (exit) =>
              Effect.sync(() => {
                if (Exit.isFailure(exit)) return void steps.push(`${step} failed`)
                const words = say(exit.value)
                steps.push(`${step} ${typeof words === "string" ? words : words.code}`)
              })
            ),
          skip: (step, code) => Effect.sync(() => void steps.push(`${step} ${code}`))
        }
        const entry = { id: source.id, kind: "distant", token_ref: "test:token" }
        const failure = yield* Effect.flip(world.kinds.reach(entry, record))
        assert.strictEqual(worded(failure), "runtime_unreachable.tls_expired")
        assert.deepStrictEqual(steps, ["url It is read.", "dns not_applicable", "tcp not_encrypted", "tls failed"])
      }).pipe(Effect.scoped)
    )

    it.live("is logged line by line within bounds, however much it says", () =>
      Effect.gen(function* () {
        yield* source.input(worker_id, said("/flood"), {})
        while (!lines.some((line) => line.includes("flood"))) yield* Effect.sleep(5)
        yield* idle(source, worker_id)
        yield* answered("hello")
        assert.isAtMost(lines.filter((line) => line.includes("flood")).length, Bounds.maxLines)
        for (const line of lines) assert.isAtMost(line.length, Bounds.maxLineLength + 100)
      })
    )

    it.live("answers for secret schemes, after a restart as well, and ends with its scope", () =>
      Effect.gen(function* () {
        const scheme = world.definitions.find((one) => one[mark] === "secret_scheme")
        assert.isTrue(scheme?.[mark] === "secret_scheme")
        if (scheme?.[mark] !== "secret_scheme") return
        const unasked = Effect.die(new Error("unasked"))
        const lookup = yield* scheme.open(undefined, { secret: () => unasked } as never)
        assert.strictEqual(Redacted.value(yield* lookup.resolve("one")), "isolated-one")
        yield* world.restart
        assert.strictEqual(Redacted.value(yield* lookup.resolve("two")), "isolated-two")
        const pid = world.pid()
        yield* Scope.close(scope, Exit.void)
        if (pid !== undefined) assert.throws(() => process.kill(pid, 0))
        assert.strictEqual(worded(yield* Effect.flip(source.describe)), "runtime_unreachable.host_lost")
      }).pipe(Effect.scoped)
    )
  })
}
