/** What becomes of a call when the peer or the network misbehaves: a typed reason, and nothing left open. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"
import type { Socket } from "node:net"
import { gzipSync } from "node:zlib"
import * as EgressClient from "../../src/adapters/egress/EgressClient.ts"
import * as EgressExchange from "../../src/adapters/egress/EgressExchange.ts"
import type { EgressFailure } from "../../src/adapters/egress/EgressFailure.ts"
import * as EgressPool from "../../src/adapters/egress/EgressPool.ts"
import { authority, certificate } from "../support/Certificates.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import * as ScriptedPeer from "../support/ScriptedPeer.ts"
import { client, clientResolving, get } from "./egressWorld.ts"

/** Real time, because undici's timers are; short, because nothing else is waited for. */
const QUICK = { timeouts: { headers_timeout_ms: 60, body_idle_timeout_ms: 60 } }

const BODY = JSON.stringify({ runtime: { runtime_id: "rt-1" } })
const ANSWER = ScriptedPeer.answer(BODY, "content-type: application/json\r\n")

const fails = (url: string, options?: Parameters<typeof get>[1]) => Effect.flip(get(url, options))

const tagOf = (outcome: Result.Result<unknown, EgressFailure>) =>
  Result.isFailure(outcome) ? outcome.failure.reason._tag : "answered"

/** The reason with which a peer's raw bytes are refused; the connection must not stay open. */
const against = (respond: (socket: Socket) => void, options?: Parameters<typeof get>[1]) =>
  Effect.gen(function* () {
    const peer = yield* ScriptedPeer.make(respond)
    const failed = yield* fails(`http://127.0.0.1:${peer.port}`, options)
    assert.isTrue(failed.sent)
    yield* peer.drained
    return failed.reason
  })

describe("egress faults: connecting", () => {
  it.effect("nobody listening is refused, and nothing was sent", () =>
    Effect.gen(function* () {
      const proxy = yield* FaultProxy.make(9)
      yield* proxy.set({ _tag: "refuse" })
      const failed = yield* fails(`http://127.0.0.1:${proxy.port}`, { method: "POST", body: "{}" })
      assert.deepStrictEqual(failed.reason, { _tag: "refused" })
      assert.strictEqual(failed.code, "ECONNREFUSED")
      assert.isFalse(failed.sent)
    }).pipe(Effect.provide(client()))
  )

  it.effect("a name without an address is dns", () =>
    Effect.gen(function* () {
      const failed = yield* fails("http://nowhere.invalid")
      assert.deepStrictEqual([failed.reason, failed.sent], [{ _tag: "dns" }, false])
    }).pipe(Effect.provide(client({}, () => [])))
  )

  it.effect("a resolver that does not answer is dns after the step's time", () =>
    Effect.gen(function* () {
      const call = yield* Effect.forkChild(fails("http://slow.test", { deadline_ms: 60_000 }))
      yield* TestClock.adjust("3 seconds")
      const failed = yield* Fiber.join(call)
      assert.deepStrictEqual([failed.reason, failed.sent], [{ _tag: "dns" }, false])
    }).pipe(Effect.provide(clientResolving(() => Effect.never)))
  )

  it.effect("of an answer of any length only the first 16 addresses are looked at", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write(ANSWER))
      assert.strictEqual((yield* get(`http://sixteen.test:${peer.port}`)).status, 200)
      const failed = yield* fails(`http://seventeen.test:${peer.port}`)
      assert.strictEqual(failed.reason._tag, "policy")
    }).pipe(
      Effect.provide(
        client({}, (name) => [
          ...Array.from({ length: name === "sixteen.test" ? 15 : 16 }, () => "169.254.169.254"),
          "127.0.0.1"
        ])
      )
    )
  )

  it.effect("a call that is interrupted while it connects is never sent", () => {
    const gate = Deferred.makeUnsafe<void>()
    return Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write(ANSWER))
      const egress = yield* EgressClient.EgressClient
      const target = yield* egress.target(`http://gate.test:${peer.port}`)
      const call = yield* Effect.forkChild(egress.request({ target, method: "POST", path: "/abandoned" }), {
        startImmediately: true
      })
      yield* Fiber.interrupt(call)
      yield* Deferred.succeed(gate, undefined)
      yield* egress.request({ target, method: "GET", path: "/wanted" })
      assert.deepStrictEqual(
        peer.requests.map((head) => head.split(" ")[1]),
        ["/wanted"]
      )
    }).pipe(Effect.provide(clientResolving(() => Effect.as(Deferred.await(gate), ["127.0.0.1"]))))
  })

  it.effect("a target answers again after its peer was away", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write(ANSWER))
      const proxy = yield* FaultProxy.make(peer.port)
      const egress = yield* EgressClient.EgressClient
      const target = yield* egress.target(`http://127.0.0.1:${proxy.port}`)
      const call = Effect.result(egress.request({ target, method: "GET", path: "/" }))
      assert.strictEqual(tagOf(yield* call), "answered")
      yield* proxy.set({ _tag: "refuse" })
      yield* proxy.drained
      assert.include(["refused", "reset"], tagOf(yield* call))
      yield* proxy.set({ _tag: "none" })
      assert.strictEqual(tagOf(yield* call), "answered")
    }).pipe(Effect.provide(client()))
  )

  it.effect("a peer that never finishes TLS is cut after the step's time", () =>
    Effect.gen(function* () {
      const proxy = yield* FaultProxy.make(9)
      yield* proxy.set({ _tag: "blackhole" })
      const call = yield* Effect.forkChild(fails(`https://127.0.0.1:${proxy.port}`, { deadline_ms: 60_000 }))
      while ((yield* proxy.counts).open === 0) yield* Effect.yieldNow
      yield* Effect.promise(() => new Promise(setImmediate))
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual((yield* Fiber.join(call)).reason, { _tag: "tls", fault: "handshake" })
      yield* proxy.drained
    }).pipe(Effect.provide(client()))
  )

  for (const [name, fault] of [
    ["self", "self_signed"],
    ["expired", "expired"],
    ["wrong", "name_mismatch"]
  ] as const) {
    it.effect(`a certificate that is ${fault} is told as such, and no request leaves`, () =>
      Effect.gen(function* () {
        const peer = yield* ScriptedPeer.make((socket) => socket.write(ANSWER), { tls: certificate(name) })
        for (const host of ["127.0.0.1", "runtime.test"]) {
          const failed = yield* fails(`https://${host}:${peer.port}`, { ca: authority })
          assert.deepStrictEqual([failed.reason, failed.sent], [{ _tag: "tls", fault }, false])
        }
        assert.strictEqual(peer.requests.length, 0)
        yield* peer.drained
      }).pipe(Effect.provide(client()))
    )
  }

  it.effect("a certificate of an unknown authority is untrusted, of a named one it answers", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write(ANSWER), { tls: certificate("good") })
      for (const host of ["127.0.0.1", "runtime.test", "localhost"]) {
        const failed = yield* fails(`https://${host}:${peer.port}`)
        assert.deepStrictEqual(failed.reason, { _tag: "tls", fault: "untrusted" })
        assert.strictEqual((yield* get(`https://${host}:${peer.port}`, { ca: authority })).status, 200)
      }
      const other = yield* fails(`https://other.test:${peer.port}`, { ca: authority })
      assert.deepStrictEqual(other.reason, { _tag: "tls", fault: "name_mismatch" })
    }).pipe(Effect.provide(client()))
  )

  it.effect("the environment cannot turn certificate checks off", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write(ANSWER), { tls: certificate("self") })
      yield* Effect.acquireRelease(
        Effect.sync(() => (process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0")),
        () => Effect.sync(() => delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"])
      )
      const failed = yield* fails(`https://127.0.0.1:${peer.port}`)
      assert.deepStrictEqual(failed.reason, { _tag: "tls", fault: "self_signed" })
    }).pipe(Effect.provide(client()))
  )

  it.effect("TLS to a peer that speaks plain text is a failed handshake", () =>
    Effect.gen(function* () {
      const peer = yield* FaultProxy.make((yield* ScriptedPeer.make(() => undefined)).port)
      yield* peer.set({ _tag: "reset", after: 0 })
      const failed = yield* fails(`https://127.0.0.1:${peer.port}`)
      assert.include(["tls", "reset"], failed.reason._tag)
      assert.isFalse(failed.sent)
    }).pipe(Effect.provide(client()))
  )
})

describe("egress faults: the answer", () => {
  it.effect("a reset at any byte of the answer is reset, and every connection is gone", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write(ANSWER))
      const proxy = yield* FaultProxy.make(peer.port)
      for (let after = 1; after < ANSWER.length; after++) {
        yield* proxy.set({ _tag: "reset", after })
        const failed = yield* fails(`http://127.0.0.1:${proxy.port}`)
        assert.deepStrictEqual([failed.reason, failed.sent], [{ _tag: "reset" }, true], `at byte ${after}`)
      }
      yield* proxy.drained
    }).pipe(Effect.provide(client()))
  )

  it.effect("an answer that ends early at any byte is reset, with a length and with chunks", () =>
    Effect.gen(function* () {
      const chunked = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`
      for (const text of [ANSWER, chunked]) {
        const peer = yield* ScriptedPeer.make((socket) => socket.write(text))
        const proxy = yield* FaultProxy.make(peer.port)
        for (let after = 1; after < text.length; after++) {
          yield* proxy.set({ _tag: "truncate", after })
          const failed = yield* fails(`http://127.0.0.1:${proxy.port}`)
          assert.deepStrictEqual([failed.reason, failed.sent], [{ _tag: "reset" }, true], `at byte ${after}`)
        }
      }
    }).pipe(Effect.provide(client()))
  )

  it.effect("an inverted byte in the status line is never an answer", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write(ANSWER))
      const proxy = yield* FaultProxy.make(peer.port)
      for (let at = 0; at < "HTTP/1.1 200".length; at++) {
        yield* proxy.set({ _tag: "corrupt", at })
        assert.deepStrictEqual((yield* fails(`http://127.0.0.1:${proxy.port}`)).reason, { _tag: "protocol" })
      }
    }).pipe(Effect.provide(client()))
  )

  it.effect("a peer that accepts and never answers is headers_timeout", () =>
    Effect.gen(function* () {
      const proxy = yield* FaultProxy.make(9)
      yield* proxy.set({ _tag: "blackhole" })
      const failed = yield* fails(`http://127.0.0.1:${proxy.port}`)
      assert.deepStrictEqual([failed.reason, failed.sent], [{ _tag: "headers_timeout" }, true])
      yield* proxy.drained
    }).pipe(Effect.provide(client(QUICK)))
  )

  it.effect("a peer that falls silent in the body is body_idle", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write(ANSWER))
      const proxy = yield* FaultProxy.make(peer.port)
      yield* proxy.set({ _tag: "stall", after: ANSWER.length - 3 })
      const failed = yield* fails(`http://127.0.0.1:${proxy.port}`)
      assert.deepStrictEqual([failed.reason, failed.sent], [{ _tag: "body_idle" }, true])
      yield* proxy.drained
    }).pipe(Effect.provide(client(QUICK)))
  )

  it.effect("a drip that never goes idle ends at the deadline of 5 s", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write(ScriptedPeer.answer("x".repeat(100_000))))
      const proxy = yield* FaultProxy.make(peer.port)
      yield* proxy.set({ _tag: "drip", bytes: 1, every_ms: 2 })
      const call = yield* Effect.forkChild(fails(`http://127.0.0.1:${proxy.port}`))
      yield* peer.arrived
      yield* TestClock.adjust(EgressExchange.DEFAULT_DEADLINE_MS - 1)
      assert.isUndefined(call.pollUnsafe())
      yield* TestClock.adjust("100 millis")
      const failed = yield* Fiber.join(call)
      assert.deepStrictEqual([failed.reason, failed.sent], [{ _tag: "deadline" }, true])
      yield* proxy.drained
    }).pipe(Effect.provide(client()))
  )

  it.effect("a delayed or slow answer inside the deadline is an answer", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write(ANSWER))
      const proxy = yield* FaultProxy.make(peer.port)
      for (const fault of [
        { _tag: "delay", ms: 20 },
        { _tag: "drip", bytes: 7, every_ms: 1 }
      ] as const) {
        yield* proxy.set(fault)
        assert.strictEqual(Buffer.from((yield* get(`http://127.0.0.1:${proxy.port}`)).body).toString(), BODY)
      }
    }).pipe(Effect.provide(client()))
  )

  it.effect("an announced body over the cap is too_large before it is read", () =>
    Effect.gen(function* () {
      const reason = yield* against((socket) =>
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${4 * 1024 * 1024 + 1}\r\n\r\n`)
      )
      assert.deepStrictEqual(reason, { _tag: "too_large", limit: 4 * 1024 * 1024 })
    }).pipe(Effect.provide(client()))
  )

  it.effect("an endless body is cut at the cap and not much later", () =>
    Effect.gen(function* () {
      let written = 0
      const chunk = Buffer.alloc(64 * 1024, 97)
      const reason = yield* against((socket) => {
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        const pump = () => {
          while (!socket.destroyed) {
            socket.write(`${chunk.length.toString(16)}\r\n`)
            socket.write(chunk)
            written += chunk.length
            if (!socket.write("\r\n")) return
          }
        }
        socket.on("drain", pump)
        pump()
      })
      assert.deepStrictEqual(reason, { _tag: "too_large", limit: EgressExchange.DEFAULT_MAX_RESPONSE_BYTES })
      // What two socket buffers of the loopback can hold beyond the cap.
      assert.isBelow(written, EgressExchange.DEFAULT_MAX_RESPONSE_BYTES + 32 * 1024 * 1024)
    }).pipe(Effect.provide(client()))
  )

  it.effect("a call's own cap holds, and a body of exactly the cap is an answer", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) =>
        socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`)
      )
      const url = `http://127.0.0.1:${peer.port}`
      assert.strictEqual((yield* get(url, { max_response_bytes: 5 })).body.length, 5)
      assert.deepStrictEqual((yield* fails(url, { max_response_bytes: 4 })).reason, { _tag: "too_large", limit: 4 })
    }).pipe(Effect.provide(client()))
  )

  it.effect("a head without end is too_large", () =>
    Effect.gen(function* () {
      const reason = yield* against((socket) => {
        socket.write("HTTP/1.1 200 OK\r\n")
        for (let i = 0; i < 64 && !socket.destroyed; i++) socket.write(`x-${i}: ${"y".repeat(1000)}\r\n`)
      })
      assert.deepStrictEqual(reason, { _tag: "too_large", limit: EgressPool.MAX_RESPONSE_HEAD_BYTES })
    }).pipe(Effect.provide(client()))
  )

  it.effect("a compressed bomb is refused at its head and never inflated", () =>
    Effect.gen(function* () {
      const bomb = gzipSync(Buffer.alloc(16 * 1024 * 1024))
      for (const coding of ["gzip", "br", "deflate", "zstd", "gzip, gzip", "GZIP"]) {
        const reason = yield* against((socket) => {
          socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: ${coding}\r\ncontent-length: ${bomb.length}\r\n\r\n`)
          socket.write(bomb)
        })
        assert.deepStrictEqual(reason, { _tag: "encoded" }, coding)
      }
      const transfer = yield* against((socket) =>
        socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`)
      )
      assert.include(["encoded", "protocol"], transfer._tag)
    }).pipe(Effect.provide(client()))
  )

  for (const [what, bytes] of [
    ["garbage", "\u0000\u0001garbage\r\n\r\n"],
    ["an SSH banner", "SSH-2.0-OpenSSH_9.6\r\n"],
    ["an upgrade nobody asked for", "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"],
    ["informational answers without end", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".repeat(64)],
    ["a status that does not exist", "HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n"]
  ] as const) {
    it.effect(`${what} is protocol`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* against((socket) => socket.write(bytes, "latin1")), { _tag: "protocol" })
      }).pipe(Effect.provide(client()))
    )
  }

  it.effect("an answer with two framings is never a body", () =>
    Effect.gen(function* () {
      for (const framing of ["content-length: 3", "transfer-encoding: chunked"]) {
        const reason = yield* against((socket) =>
          socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n${framing}\r\n\r\n0\r\n\r\n`)
        )
        assert.include(["protocol", "reset"], reason._tag)
      }
    }).pipe(Effect.provide(client()))
  )

  it.effect("an early hint before the answer is passed over", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write(`HTTP/1.1 103 Early Hints\r\n\r\n${ANSWER}`))
      assert.strictEqual((yield* get(`http://127.0.0.1:${peer.port}`)).status, 200)
    }).pipe(Effect.provide(client()))
  )

  it.effect("an error status is an answer with its body", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) =>
        socket.write(ScriptedPeer.answer('{"error":{}}', "", "404 Not Found"))
      )
      const answer = yield* get(`http://127.0.0.1:${peer.port}`)
      assert.deepStrictEqual([answer.status, Buffer.from(answer.body).toString()], [404, '{"error":{}}'])
    }).pipe(Effect.provide(client()))
  )
})
