/** The kind `opencode`: what its server does, told in the words of workers, and what happens when events were missed. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import type { WorkerId } from "../../src/domain/Identifiers.ts"
import type { RuntimeSource, SourceFrame } from "../../src/domain/RuntimeSource.ts"
import * as Server from "../settings/SettingsServer.ts"
import { root as settings } from "../settings/SettingsServer.ts"
import * as OpencodeServer from "../support/OpencodeServer.ts"
import * as OpencodeSubject from "./OpencodeSubject.ts"

const password = "opencode-test-password-71"

const world = Effect.gen(function* () {
  const server = yield* OpencodeServer.make(password)
  const { connect, cut, fresh, proxy } = yield* OpencodeSubject.make({ port: server.port, password })
  return { server, source: yield* connect, cut, fresh, proxy }
})

const isIdle = (frame: SourceFrame) =>
  frame.kind === "event" && frame.event.event === "status" && frame.event.data.state === "idle"

/** What is told of one turn, without texts that grow. */
const turn = Effect.fnUntraced(function* (source: RuntimeSource["Service"], id: WorkerId, content: string) {
  const started = yield* Deferred.make<void>()
  const watched = Stream.tap(source.events(id, undefined), () => Deferred.succeed(started, undefined))
  const told = yield* Effect.forkScoped(Stream.runCollect(Stream.takeUntil(watched, isIdle)))
  yield* Deferred.await(started)
  yield* source.input(id, { kind: "user", content }, {})
  return (yield* Fiber.join(told)).flatMap((frame) => (frame.kind === "event" ? [frame.event] : []))
})

describe("an opencode session", () => {
  it.live("tells its thoughts and its tools as events of a worker", () =>
    Effect.gen(function* () {
      const { source } = yield* world
      const { answer } = yield* source.create({ profile: { kind: "named", value: "plan" } }, {})
      assert.deepStrictEqual(answer.profile, { kind: "named", value: "plan" })
      const told = yield* turn(source, answer.worker_id, "/tool")
      const grown = new Set(["text_delta", "thinking_delta"])
      const names = told.map(({ event }) => event).filter((name) => !grown.has(name))
      assert.strictEqual(
        names.join(),
        "user_message,status,tool_call_start,tool_call_done,tool_result,thinking_done,text_done,usage,run_end,status"
      )
      const result = told.find(({ event }) => event === "tool_result")
      assert.deepStrictEqual(result?.data, { id: "call_1", summary: "a.txt", output: "one", is_error: false })
      assert.isTrue(told.some(({ event }) => event === "thinking_delta"))
    }).pipe(Effect.scoped)
  )

  it.live("keeps of what a tool gives no more than an event may hold", () =>
    Effect.gen(function* () {
      const { source } = yield* world
      const { answer } = yield* source.create({}, {})
      const told = yield* turn(source, answer.worker_id, "/large-tool")
      const result = told.find(({ event }) => event === "tool_result")
      assert.deepStrictEqual(result?.data["output"], { omitted: true, length: OpencodeServer.largeOutput + 2 })
    }).pipe(Effect.scoped)
  )

  it.live("whose turn fails says so without a word of the model's provider, and takes the next input", () =>
    Effect.gen(function* () {
      const { source } = yield* world
      const { answer } = yield* source.create({}, {})
      const told = yield* turn(source, answer.worker_id, "/fail")
      assert.include(
        told.map(({ event }) => event),
        "error"
      )
      assert.notInclude(JSON.stringify(told), "canary-upstream")
      assert.strictEqual((yield* turn(source, answer.worker_id, "again")).at(-1)?.data.state, "idle")
    }).pipe(Effect.scoped)
  )

  it.live("shows what others say in it, and is gone when others remove it", () =>
    Effect.gen(function* () {
      const { server, source } = yield* world
      const { answer } = yield* source.create({}, {})
      const id = answer.worker_id
      const told = yield* Effect.forkScoped(Stream.runCollect(Stream.takeUntil(source.events(id, undefined), isIdle)))
      while ((yield* server.openStreams) === 0) yield* Effect.sleep(5)
      yield* server.say(id, "from the terminal")
      assert.include(JSON.stringify(yield* Fiber.join(told)), "from the terminal")
      assert.strictEqual((yield* source.get(id)).transcript_len, 2)
      yield* server.remove(id)
      assert.strictEqual((yield* Effect.flip(source.get(id)))._tag, "worker_not_found")
      assert.deepStrictEqual((yield* source.list({})).items, [])
    }).pipe(Effect.scoped)
  )

  it.live("is not pretended to have been watched while nobody could: a resync, and what was said meanwhile", () =>
    Effect.gen(function* () {
      const { cut, proxy, server, source } = yield* world
      const { answer } = yield* source.create({}, {})
      const id = answer.worker_id
      yield* turn(source, id, "before")
      const [snapshot] = yield* Stream.runCollect(Stream.take(source.events(id, undefined), 1))
      assert.strictEqual(snapshot?.kind, "snapshot")
      if (snapshot?.kind !== "snapshot") return
      const lost = yield* Effect.forkScoped(Effect.flip(Stream.runDrain(source.events(id, snapshot.cursor))))
      yield* proxy.set({ _tag: "refuse" })
      yield* cut
      assert.strictEqual((yield* Fiber.join(lost))._tag, "runtime_unreachable")
      yield* server.say(id, "meanwhile")
      yield* proxy.set({ _tag: "none" })
      const again = Stream.runCollect(Stream.take(source.events(id, snapshot.cursor), 2))
      const [resync, fresh] = yield* Effect.eventually(again)
      assert.deepStrictEqual(resync, { kind: "resync", reason: "epoch_changed" })
      assert.strictEqual(fresh?.kind, "snapshot")
      if (fresh?.kind !== "snapshot") return
      assert.isAbove(fresh.snapshot.transcript.total_items, 2)
      assert.isAbove(Number(fresh.snapshot.as_of), Number(snapshot.snapshot.as_of))
    }).pipe(Effect.scoped)
  )

  it.live("costs one stream of events, however many are watched, and none before", () =>
    Effect.gen(function* () {
      const { server, source } = yield* world
      yield* source.describe
      assert.strictEqual(yield* server.openStreams, 0)
      const made = yield* Effect.forEach(["a", "b", "c"], (display_name) => source.create({ display_name }, {}))
      for (const { answer } of made) {
        yield* Effect.forkScoped(Stream.runDrain(source.events(answer.worker_id, undefined)))
        yield* source.input(answer.worker_id, { kind: "user", content: "hello" }, {})
      }
      assert.strictEqual(yield* server.openStreams, 1)
    }).pipe(Effect.scoped)
  )
})

describe("a connection of the kind opencode", () => {
  it.live("is made in the settings with its form, tested step by step, and its sessions are workers", () =>
    Effect.gen(function* () {
      const server = yield* OpencodeServer.make(undefined)
      const { add, call } = yield* Server.fresh()
      const kinds = yield* call("GET", `${settings}/kinds`)
      const kind = kinds.body.kinds.find((it: Server.Body) => it.kind === "opencode")
      for (const said of [kind.label, kind.description]) assert.match(said, /\w/)
      for (const option of Object.values<Server.Body>(kind.options_schema.properties)) {
        assert.match(option.title, /\w/)
        assert.match(option.description, /\w/)
      }
      const entry = { id: "oc", kind: "opencode", endpoint: `http://127.0.0.1:${server.port}` }
      const refused = yield* add({ ...entry, options: { directory: "relative" } })
      assert.deepStrictEqual([refused.status, refused.body.errors[0].pointer], [400, "/options/directory"])
      assert.strictEqual((yield* add(entry, "?apply=true")).status, 201)
      const made = yield* call("POST", "/api/runtimes/oc/workers", { body: { display_name: "mine" } })
      assert.deepStrictEqual([made.status, made.body.worker?.kind], [201, "opencode"], made.text)
      assert.deepStrictEqual(server.sessions(), [made.body.worker.worker_id])
      const tested = yield* call("POST", `${settings}/oc/test`)
      assert.isTrue(tested.body.compatible, tested.text)
      const cancelled = yield* call("POST", `/api/runtimes/oc/workers/${made.body.worker.worker_id}/cancel`)
      assert.deepStrictEqual([cancelled.status, cancelled.body.code], [501, "operation_unsupported"])
      const stopped = yield* call("POST", `/api/runtimes/oc/workers/${made.body.worker.worker_id}/stop`)
      assert.strictEqual(stopped.body.ack.state, "stopped")
    }).pipe(Effect.scoped)
  )
})
