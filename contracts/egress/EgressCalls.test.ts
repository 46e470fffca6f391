/** What a call may carry and show, and that neither its end nor its target's leaves anything behind. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import type { Socket } from "node:net"
import { inspect } from "node:util"
import * as EgressClient from "../../src/adapters/egress/EgressClient.ts"
import * as EgressExchange from "../../src/adapters/egress/EgressExchange.ts"
import { failure } from "../../src/adapters/egress/EgressFailure.ts"
import * as EgressPool from "../../src/adapters/egress/EgressPool.ts"
import { certificate } from "../support/Certificates.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import * as ScriptedPeer from "../support/ScriptedPeer.ts"
import { client, clientResolving, get } from "./egressWorld.ts"

const BODY = JSON.stringify({ runtime: { runtime_id: "rt-1" } })
const ANSWER = ScriptedPeer.answer(BODY, "content-type: application/json\r\n")

const fails = (url: string, options?: Parameters<typeof get>[1]) => Effect.flip(get(url, options))

describe("egress calls", () => {
  it.effect("no failure shows an address, a name or a token, however it is printed", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.resetAndDestroy())
      const secure = yield* ScriptedPeer.make(() => undefined, { tls: certificate("wrong") })
      const bearer = Redacted.make("canary-token-1")
      const egress = yield* EgressClient.EgressClient
      const target = yield* egress.target(`http://canary-host.test:${peer.port}/canary-path`)
      const shown: Array<unknown> = [target]
      for (const url of [
        `http://canary-host.test:${peer.port}/canary-path`,
        `https://canary-host.test:${secure.port}`,
        "http://canary-host.test:1",
        "http://canary-user:canary-pw@canary-host.test/",
        "http://canary-bad.test",
        "http://canary-none.test"
      ]) {
        shown.push(yield* fails(url, { bearer, headers: { "x-canary": "canary-header" } }))
      }
      shown.push(yield* fails("http://a.test", { bearer: Redacted.make("canary token\r\n") }))
      shown.push(failure({ _tag: "internal" }, false, new Error("canary")))
      for (const one of shown) {
        const text = [inspect(one, { depth: 20, showHidden: false }), JSON.stringify(one), String(one)].join("\n")
        assert.notMatch(text.replaceAll(/at .*/g, ""), /canary(?!")|127\.0\.0\.1|169\.254/, text)
        assert.notInclude(text, String(peer.port))
        if (one instanceof Error) assert.isAbove(one.message.length, 10)
      }
    }).pipe(
      Effect.provide(
        client({}, (name) =>
          name === "canary-bad.test" ? ["169.254.169.254"] : name === "canary-none.test" ? [] : ["127.0.0.1"]
        )
      )
    )
  )

  it.effect("a header, token or path that would begin another line is refused before anything connects", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write(ANSWER))
      const url = `http://127.0.0.1:${peer.port}`
      const bad = ["a\r\nx: y", "a\nb", "a\rb", "a\u0000b", "a\u007fb", "ä", "\u2028", "a\u0001"]
      for (const value of bad) {
        const header = yield* fails(url, { headers: { "x-name": value } })
        assert.deepStrictEqual(header.reason, { _tag: "header_invalid", header: "x-name" })
        const name = yield* fails(url, { headers: { [value]: "v" } })
        assert.deepStrictEqual(name.reason, { _tag: "header_invalid", header: "?" })
        const token = yield* fails(url, { bearer: Redacted.make(value) })
        assert.deepStrictEqual(token.reason, { _tag: "header_invalid", header: "authorization" })
        assert.deepStrictEqual((yield* fails(url, { path: `/${value}` })).reason, { _tag: "path_invalid" })
      }
      for (const path of ["", "a", "http://other/", "/a b", "/a#b", "/../x", "/a/%2e%2E/b", "/a/.", "/a/..?b"]) {
        assert.deepStrictEqual((yield* fails(url, { path })).reason, { _tag: "path_invalid" }, path)
      }
      assert.strictEqual(peer.accepted(), 0)
    }).pipe(Effect.provide(client()))
  )

  it.effect("cookies, credentials, hop-by-hop headers and a Host of the caller's are refused", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write(ANSWER))
      for (const header of [
        "cookie",
        "host",
        "origin",
        "referer",
        "authorization",
        "proxy-authorization",
        "connection",
        "transfer-encoding",
        "content-length",
        "accept-encoding",
        "upgrade",
        "te",
        "x-forwarded-for",
        "sec-websocket-key"
      ]) {
        const failed = yield* fails(`http://127.0.0.1:${peer.port}`, { headers: { [header]: "1" } })
        assert.deepStrictEqual(failed.reason, { _tag: "header_invalid", header })
      }
      assert.strictEqual(peer.accepted(), 0)
    }).pipe(Effect.provide(client()))
  )

  it.effect("a cookie that the peer sets is neither handed out nor sent back", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) =>
        socket.write(ScriptedPeer.answer("", "set-cookie: session=1\r\nset-cookie: b=2\r\n"))
      )
      const egress = yield* EgressClient.EgressClient
      const target = yield* egress.target(`http://127.0.0.1:${peer.port}/base/`)
      const call = egress.request({ target, method: "GET", path: "/x?y=1", bearer: Redacted.make("t") })
      assert.isUndefined((yield* call).headers["set-cookie"])
      yield* call
      for (const head of peer.requests) {
        assert.notMatch(head, /cookie/i)
        assert.match(head, /^GET \/base\/x\?y=1 HTTP\/1\.1\r\n/)
        assert.include(head, "accept-encoding: identity\r\n")
        assert.include(head, "authorization: Bearer t\r\n")
      }
    }).pipe(Effect.provide(client()))
  )

  it.effect(
    "1 920 calls interrupted in the middle of a body leave no connection and no stuck call",
    () =>
      Effect.gen(function* () {
        const peer = yield* ScriptedPeer.make((socket, head) =>
          socket.write(head.includes("/whole") ? ANSWER : "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
        )
        const egress = yield* EgressClient.EgressClient
        const target = yield* egress.target(`http://127.0.0.1:${peer.port}`)
        const half = egress.request({ target, method: "GET", path: "/half" })
        for (let round = 0; round < 30; round++) {
          const calls = yield* Effect.forEach(Array.from({ length: 64 }), () => Effect.forkChild(half))
          for (let one = 0; one < 64; one++) yield* peer.arrived
          yield* Fiber.interruptAll(calls)
          yield* peer.drained
        }
        assert.strictEqual(peer.requests.length, 1_920)
        const after = yield* Effect.forEach(
          Array.from({ length: 64 }),
          () => egress.request({ target, method: "GET", path: "/whole" }),
          { concurrency: "unbounded" }
        )
        assert.isTrue(after.every((answer) => answer.status === 200))
        assert.strictEqual(Redacted.value(target.connections).running, 0)
      }).pipe(Effect.provide(client())),
    30_000
  )

  it.effect("interrupting a call that waits for a connection ends no connection", () =>
    Effect.gen(function* () {
      let answerAll = () => undefined as void
      const held: Array<Socket> = []
      const peer = yield* ScriptedPeer.make((socket) => {
        held.push(socket)
      })
      answerAll = () => held.splice(0).forEach((socket) => socket.write(ANSWER))
      const egress = yield* EgressClient.EgressClient
      const target = yield* egress.target(`http://127.0.0.1:${peer.port}`)
      const call = egress.request({ target, method: "GET", path: "/" })
      const running = yield* Effect.forEach(Array.from({ length: EgressPool.MAX_CONNECTIONS }), () =>
        Effect.forkChild(call)
      )
      for (const _ of running) yield* peer.arrived
      const waiting = yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.forkChild(call))
      yield* Effect.yieldNow
      assert.strictEqual(Redacted.value(target.connections).waiting.size, 100)
      yield* Fiber.interruptAll(waiting)
      assert.strictEqual(Redacted.value(target.connections).waiting.size, 0)
      answerAll()
      for (const fiber of running) yield* Fiber.join(fiber)
      const last = yield* Effect.forkChild(call)
      yield* peer.arrived
      answerAll()
      yield* Fiber.join(last)
      assert.strictEqual(peer.requests.length, EgressPool.MAX_CONNECTIONS + 1)
      assert.strictEqual(peer.accepted(), EgressPool.MAX_CONNECTIONS)
      assert.strictEqual(peer.open(), EgressPool.MAX_CONNECTIONS)
    }).pipe(Effect.provide(client()))
  )

  it.effect("calls beyond the connections wait, and all are answered over those connections", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write(ANSWER))
      const egress = yield* EgressClient.EgressClient
      const target = yield* egress.target(`http://127.0.0.1:${peer.port}`)
      const answers = yield* Effect.forEach(
        Array.from({ length: EgressPool.MAX_CONNECTIONS * 4 }),
        () => egress.request({ target, method: "GET", path: "/" }),
        { concurrency: "unbounded" }
      )
      assert.isTrue(answers.every((answer) => answer.status === 200))
      assert.isAtMost(peer.accepted(), EgressPool.MAX_CONNECTIONS)
    }).pipe(Effect.provide(client()))
  )

  it.effect("a target that ends while a call connects ends the call as closed and unsent", () =>
    Effect.gen(function* () {
      const egress = yield* EgressClient.EgressClient
      const call = yield* Effect.scoped(
        Effect.gen(function* () {
          const target = yield* egress.target("http://slow.test")
          return yield* Effect.forkDetach(Effect.flip(egress.request({ target, method: "POST", path: "/" })), {
            startImmediately: true
          })
        })
      )
      const failed = yield* Fiber.join(call)
      assert.deepStrictEqual([failed.reason, failed.sent], [{ _tag: "closed" }, false])
    }).pipe(Effect.provide(clientResolving(() => Effect.never)))
  )

  it.effect("one call too many at one target is saturated, and another target is not", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make(() => undefined)
      const good = yield* ScriptedPeer.make((socket) => socket.write(ANSWER))
      const egress = yield* EgressClient.EgressClient
      const target = yield* egress.target(`http://127.0.0.1:${peer.port}`)
      const call = egress.request({ target, method: "GET", path: "/" })
      const calls = yield* Effect.forEach(Array.from({ length: EgressExchange.MAX_CALLS }), () =>
        Effect.forkChild(call)
      )
      yield* Effect.yieldNow
      const failed = yield* Effect.flip(call)
      assert.deepStrictEqual(
        [failed.reason, failed.sent],
        [{ _tag: "saturated", limit: EgressExchange.MAX_CALLS }, false]
      )
      assert.strictEqual((yield* get(`http://127.0.0.1:${good.port}`)).status, 200)
      yield* Fiber.interruptAll(calls)
    }).pipe(Effect.provide(client()))
  )

  it.effect("the end of a target closes its connections and its calls", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make(() => undefined)
      const egress = yield* EgressClient.EgressClient
      const [call, target] = yield* Effect.scoped(
        Effect.gen(function* () {
          const target = yield* egress.target(`http://127.0.0.1:${peer.port}`)
          const call = yield* Effect.forkDetach(Effect.flip(egress.request({ target, method: "GET", path: "/" })))
          yield* peer.arrived
          return [call, target] as const
        })
      )
      const running = yield* Fiber.join(call)
      assert.deepStrictEqual([running.reason, running.sent], [{ _tag: "closed" }, true])
      const later = yield* Effect.flip(egress.request({ target, method: "GET", path: "/" }))
      assert.deepStrictEqual([later.reason, later.sent], [{ _tag: "closed" }, false])
      yield* peer.drained
    }).pipe(Effect.provide(client()))
  )

  it.effect("the end of a target ends a full queue of calls, and those that waited were not sent", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make(() => undefined)
      const egress = yield* EgressClient.EgressClient
      const calls = yield* Effect.scoped(
        Effect.gen(function* () {
          const target = yield* egress.target(`http://127.0.0.1:${peer.port}`)
          const call = Effect.flip(egress.request({ target, method: "POST", path: "/" }))
          const calls = yield* Effect.forEach(Array.from({ length: EgressExchange.MAX_CALLS }), () =>
            Effect.forkDetach(call)
          )
          for (let one = 0; one < EgressPool.MAX_CONNECTIONS; one++) yield* peer.arrived
          return calls
        })
      )
      const failed = yield* Effect.forEach(calls, Fiber.join)
      assert.isTrue(failed.every((one) => one.reason._tag === "closed"))
      assert.strictEqual(failed.filter((one) => one.sent).length, EgressPool.MAX_CONNECTIONS)
      assert.strictEqual(peer.requests.length, EgressPool.MAX_CONNECTIONS)
    }).pipe(Effect.provide(client()))
  )

  it.effect("the deadline counts the wait for a connection, and then nothing was sent", () =>
    Effect.gen(function* () {
      const proxy = yield* FaultProxy.make(9)
      yield* proxy.set({ _tag: "blackhole" })
      const call = yield* Effect.forkChild(fails(`https://127.0.0.1:${proxy.port}`, { deadline_ms: 1_000 }))
      while ((yield* proxy.counts).open === 0) yield* Effect.promise(() => new Promise(setImmediate))
      yield* TestClock.adjust("1100 millis")
      const failed = yield* Fiber.join(call)
      assert.deepStrictEqual([failed.reason, failed.sent], [{ _tag: "deadline" }, false])
      yield* proxy.drained
    }).pipe(Effect.provide(client()))
  )
})
