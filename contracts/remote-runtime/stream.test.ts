/** What a runtime may do to an event stream, and what becomes of it: one row each, over real sockets. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { WebSocket } from "ws"
import * as RemoteStream from "../../src/adapters/remote-http/RemoteStream.ts"
import { WorkerId } from "../../src/domain/Identifiers.ts"
import type * as Problem from "../../src/domain/Problem.ts"
import type { SourceFrame } from "../../src/domain/RuntimeSource.ts"
import * as Snapshot from "../../src/domain/Snapshot.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import * as FieldRuntime from "../support/FieldRuntime.ts"
import * as ScriptedPeer from "../support/ScriptedPeer.ts"
import { egress, onPort } from "./remoteWorld.ts"

const hello = { kind: "hello", epoch: "e", heartbeat_ms: 15_000, retained_events: 10, head: "e.0" }
const worker_id = "worker-00000001"
const envelope = (event_id: string, event: string, data: unknown, cursor = `e.${Number.parseInt(event_id, 10)}`) => ({
  kind: "event",
  envelope: { cursor, event_id, worker_id, payload: { event, data } }
})
const snapshot = envelope("0", "snapshot", Snapshot.empty)

/** A runtime that speaks the current dialect; what it sends to a new watcher is the script's. */
const current = Effect.fnUntraced(function* (script: (socket: WebSocket) => void) {
  const runtime = yield* FieldRuntime.make({ protocol: RemoteStream.subprotocol })
  runtime.create()
  runtime.subscribe = (socket) => {
    socket.on("error", () => undefined)
    script(socket)
  }
  const source = yield* onPort(runtime.port)
  return { runtime, events: (cursor?: string) => source.events(WorkerId.make(worker_id), cursor) }
})

const sends =
  (...frames: ReadonlyArray<unknown>) =>
  (socket: WebSocket) => {
    for (const frame of frames) socket.send(typeof frame === "string" ? frame : JSON.stringify(frame))
  }

const failure = (stream: Stream.Stream<SourceFrame, Problem.Problem>) =>
  Effect.map(Effect.flip(Stream.runDrain(stream)), ({ _tag, context: { reason } }) =>
    reason === undefined ? _tag : `${_tag}, ${reason}`
  )

describe("event stream: frames of the current dialect", () => {
  it.live("hello, snapshot, durable and transient events, bookmark, resync and end come through", () =>
    Effect.gen(function* () {
      const { events, runtime } = yield* current(
        sends(
          hello,
          snapshot,
          envelope("1", "user_message", { segments: [{ kind: "text", content: "hi" }], sequence: 1 }),
          envelope("1.1", "text_delta", { text: "h" }),
          envelope("2", "dream", { of: "sheep" }),
          { kind: "diagnostic", diagnostic: { code: "runtime.observation_only", message: "x" } },
          { kind: "weather" },
          { kind: "bookmark", cursor: "e.2" },
          { kind: "resync", reason: "of tomorrow", cursor: "f.0" },
          snapshot,
          { kind: "end", status: "cancelled" }
        )
      )
      const frames = yield* Stream.runCollect(events("e.0"))
      assert.deepStrictEqual(frames as ReadonlyArray<unknown>, [
        { kind: "snapshot", cursor: "e.0", snapshot: Snapshot.empty },
        {
          kind: "event",
          cursor: "e.1",
          event_id: "1",
          durable: true,
          seq: 1,
          event: { event: "user_message", data: { segments: [{ kind: "text", content: "hi" }], sequence: 1 } },
          json: '{"event":"user_message","data":{"segments":[{"kind":"text","content":"hi"}],"sequence":1}}'
        },
        {
          kind: "event",
          cursor: "e.1",
          event_id: "1.1",
          durable: false,
          event: { event: "text_delta", data: { text: "h" } },
          json: '{"event":"text_delta","data":{"text":"h"}}'
        },
        {
          kind: "event",
          cursor: "e.2",
          event_id: "2",
          durable: true,
          seq: 2,
          event: { event: "dream", data: { of: "sheep" } },
          json: '{"event":"dream","data":{"of":"sheep"}}'
        },
        { kind: "bookmark", cursor: "e.2" },
        { kind: "resync", reason: "expired" },
        { kind: "snapshot", cursor: "e.0", snapshot: Snapshot.empty },
        { kind: "end", state: "cancelled" }
      ])
      const { headers, line } = runtime.requests.find((it) => it.line.startsWith("WS"))!
      assert.strictEqual(line, `WS /v1/workers/${worker_id}/events/ws?cursor=e.0`)
      assert.strictEqual(headers["sec-websocket-protocol"], RemoteStream.subprotocol)
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("members that a runtime adds to an envelope go no further", () =>
    Effect.gen(function* () {
      const planted = `{"kind":"event","envelope":{"cursor":"e.1","event_id":"1","worker_id":"${worker_id}","payload":{"event":"dream","data":{},"runtime_id":"spoofed"},"payload":{"event":"dream","data":{}},"runtime_id":"spoofed"}}`
      const { events } = yield* current(sends(hello, snapshot, planted, { kind: "end", status: "stopped" }))
      const frames = yield* Stream.runCollect(events())
      assert.notInclude(JSON.stringify(frames), "spoofed")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`
  for (const [name, frames] of [
    ["a stream that does not say hello", [snapshot]],
    ["text that is not JSON", [hello, snapshot, "}{"]],
    ["JSON that is no object", [hello, snapshot, "42"]],
    ["an event without an envelope", [hello, snapshot, { kind: "event" }]],
    ["an event id that is no number", [hello, snapshot, envelope("one", "dream", {})]],
    ["an event id beyond what can be counted", [hello, snapshot, envelope("9".repeat(20), "dream", {})]],
    ["a snapshot that is a stub", [hello, envelope("0", "snapshot", { status: "idle" })]],
    ["a cursor without end", [hello, snapshot, envelope("1", "dream", {}, "c".repeat(2_000))]],
    ["an end that is none", [hello, snapshot, { kind: "end", status: "paused" }]],
    [
      "data that nests without end",
      [hello, snapshot, JSON.stringify(envelope("1", "dream", { at: "HERE" })).replace('"HERE"', deep)]
    ]
  ] as const) {
    it.live(`${name} breaks the stream`, () =>
      Effect.gen(function* () {
        const { events } = yield* current(sends(...frames))
        assert.strictEqual(yield* failure(events()), "runtime_protocol_error, stream")
      }).pipe(Effect.scoped, Effect.provide(egress))
    )
  }

  it.live("an event of another worker breaks the stream", () =>
    Effect.gen(function* () {
      const foreign = { ...snapshot, envelope: { ...snapshot.envelope, worker_id: "worker-2" } }
      const { events } = yield* current(sends(hello, foreign))
      assert.strictEqual(yield* failure(events()), "runtime_protocol_error, wrong_worker")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.live("a frame above the cap breaks the stream", () =>
    Effect.gen(function* () {
      const { events } = yield* current(sends(hello, "x".repeat(RemoteStream.maxFrameBytes + 1)))
      assert.strictEqual(yield* failure(events()), "runtime_protocol_error, too_large")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )
})

describe("event stream: endings", () => {
  for (const [code, expected] of [
    [1000, "runtime_unreachable, closed"],
    [1001, "runtime_unavailable, unavailable"],
    [1008, "runtime_protocol_error, stream"],
    [1011, "runtime_unreachable, closed"],
    [1012, "runtime_unavailable, unavailable"],
    [1013, "runtime_unavailable, unavailable"],
    [4400, "invalid_cursor"],
    [4401, "runtime_auth_failed, unauthorized"],
    [4404, "worker_not_found"],
    [4406, "operation_unsupported, unsupported"],
    [4408, "runtime_unreachable, closed"],
    [4429, "runtime_unavailable, unavailable"],
    [4999, "runtime_unreachable, closed"]
  ] as const) {
    it.live(`close code ${code} is ${expected}`, () =>
      Effect.gen(function* () {
        const { events } = yield* current((socket) => {
          sends(hello, snapshot)(socket)
          socket.close(code, "canary text of the peer")
        })
        assert.strictEqual(yield* failure(events()), expected)
      }).pipe(Effect.scoped, Effect.provide(egress))
    )
  }

  it.live("a connection that is cut is reset; what arrived before is delivered", () =>
    Effect.gen(function* () {
      const { runtime } = yield* current(sends(hello, snapshot, envelope("1", "dream", {})))
      const proxy = yield* FaultProxy.make(runtime.port)
      const through = yield* onPort(proxy.port)
      const seen: Array<string> = []
      const problem = yield* Effect.flip(
        Stream.runForEach(through.events(WorkerId.make(worker_id), undefined), (frame) => {
          seen.push(frame.kind)
          return frame.kind === "event" ? proxy.cut : Effect.void
        })
      )
      assert.strictEqual(problem.context.reason, "reset")
      assert.deepStrictEqual(seen, ["snapshot", "event"])
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.effect("a peer that falls silent is dead after 2.5 heartbeats", () =>
    Effect.gen(function* () {
      let open: () => void = () => undefined
      const opened = new Promise<void>((resolve) => (open = resolve))
      const { events } = yield* current((socket) => {
        sends(hello, snapshot)(socket)
        // The connection stands, and pings are swallowed with everything else.
        socket.pause()
        open()
      })
      const heard = yield* Effect.forkChild(Effect.flip(Stream.runDrain(events())))
      yield* Effect.promise(() => opened)
      while (heard.pollUnsafe() === undefined) {
        yield* Effect.promise(() => new Promise(setImmediate))
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual((yield* Fiber.join(heard)).context.reason, "stalled")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )
})

describe("event stream: refused upgrades", () => {
  const json = (status: string, code: string) =>
    ScriptedPeer.answer(JSON.stringify({ error: { code, message: "canary" } }), "connection: close\r\n", status)
  for (const [name, answer, expected] of [
    ["401", json("401 Unauthorized", "unauthorized"), "runtime_auth_failed, unauthorized"],
    ["403", json("403 Forbidden", "forbidden"), "runtime_auth_failed, forbidden"],
    ["404 worker", json("404 Not Found", "worker_not_found"), "worker_not_found"],
    ["404 route", json("404 Not Found", "not_found"), "operation_unsupported, no_route_in_api"],
    [
      "404 of something else",
      ScriptedPeer.answer("<h1>", "", "404 Not Found"),
      "runtime_protocol_error, not_a_runtime"
    ],
    ["400 cursor", json("400 Bad Request", "invalid_cursor"), "invalid_cursor"],
    ["405", json("405 Method Not Allowed", "method_not_allowed"), "operation_unsupported, no_method"],
    ["501", json("501 Not Implemented", "operation_unsupported"), "operation_unsupported, unsupported"],
    ["503", json("503 Service Unavailable", "runtime_unavailable"), "runtime_unavailable"],
    ["500", json("500 Internal Server Error", "internal"), "runtime_failed, failed"],
    ["200 with a page", ScriptedPeer.answer("<h1>"), "runtime_protocol_error, not_a_runtime"],
    ["redirect", ScriptedPeer.answer("", "location: /\r\n", "302 Found"), "runtime_protocol_error, redirect"],
    ["not HTTP", "220 ESMTP\r\n\r\n", "runtime_protocol_error, not_http"]
  ] as const) {
    it.live(`${name} is ${expected}`, () =>
      Effect.gen(function* () {
        const { events, runtime } = yield* current(() => undefined)
        runtime.upgradeAnswer = answer
        assert.strictEqual(yield* failure(events()), expected)
      }).pipe(Effect.scoped, Effect.provide(egress))
    )
  }
})
