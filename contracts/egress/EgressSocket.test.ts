/** The guarded WebSocket against peers that behave and peers that do not. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Redacted, Result } from "effect"
import { TestClock } from "effect/testing"
import { createHash } from "node:crypto"
import type { Socket } from "node:net"
import { inspect } from "node:util"
import { gzipSync } from "node:zlib"
import * as EgressClient from "../../src/adapters/egress/EgressClient.ts"
import type { EgressReason } from "../../src/adapters/egress/EgressFailure.ts"
import * as EgressSocket from "../../src/adapters/egress/EgressSocket.ts"
import type { TargetOptions } from "../../src/adapters/egress/EgressTarget.ts"
import * as SocketHandshake from "../../src/adapters/egress/SocketHandshake.ts"
import * as SocketInbox from "../../src/adapters/egress/SocketInbox.ts"
import { authority, certificate } from "../support/Certificates.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import * as ScriptedPeer from "../support/ScriptedPeer.ts"
import { client } from "./egressWorld.ts"

const open = (url: string, options: Partial<EgressSocket.OpenOptions> = {}, target?: TargetOptions) =>
  Effect.gen(function* () {
    const egress = yield* EgressClient.EgressClient
    const address = yield* egress.check(url, target)
    return yield* EgressSocket.open(address, { path: "/events", ...options })
  })

/** Accepts the upgrade that `head` asks for. */
const accept = (socket: Socket, head: string, headers = "") => {
  const key = /sec-websocket-key: (.*)\r\n/i.exec(head)?.[1] ?? ""
  const digest = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64")
  return socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n` +
      `sec-websocket-accept: ${digest}\r\n${headers}\r\n`
  )
}

/** One unmasked frame. */
const frame = (opcode: number, payload: string | Buffer = "", fin = true) => {
  const body = Buffer.from(payload)
  const first = (fin ? 0x80 : 0) | opcode
  if (body.length < 126) return Buffer.concat([Buffer.from([first, body.length]), body])
  const head = Buffer.alloc(10)
  head[0] = first
  head[1] = 127
  head.writeBigUInt64BE(BigInt(body.length), 2)
  return Buffer.concat([head, body])
}

const TEXT = 1
const BINARY = 2
const CLOSE = 8
const PING = 9

const closeFrame = (code: number, reason: string) => {
  const body = Buffer.alloc(2 + Buffer.byteLength(reason))
  body.writeUInt16BE(code)
  body.write(reason, 2)
  return frame(CLOSE, body)
}

/** Upgrades everyone and then sends `bytes`. */
const sending = (...bytes: ReadonlyArray<Buffer>) =>
  ScriptedPeer.make((socket, head) => {
    accept(socket, head)
    for (const one of bytes) socket.write(one)
  })

/** Opens a socket, takes until its end, and returns what came and why it ended. */
const drain = (port: number, options?: Partial<EgressSocket.OpenOptions>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const socket = yield* open(`http://127.0.0.1:${port}`, options)
      const frames: Array<string> = []
      const end = yield* Effect.flip(Effect.forever(Effect.map(socket.take, (batch) => frames.push(...batch))))
      return { frames, end }
    })
  )

describe("egress socket: opening", () => {
  it.effect("the upgrade carries the token, our Host and no offer to compress", () =>
    Effect.gen(function* () {
      const peer = yield* sending(frame(TEXT, "hello"))
      const socket = yield* open(`http://runtime.test:${peer.port}/base`, {
        path: "/v1/events?cursor=a",
        bearer: Redacted.make("secret-token"),
        headers: { "x-trace": "1" }
      })
      assert.deepStrictEqual(yield* socket.take, ["hello"])
      const head = peer.requests[0] ?? ""
      assert.match(head, /^GET \/base\/v1\/events\?cursor=a HTTP\/1\.1\r\n/)
      assert.match(head, new RegExp(`\r\nhost: runtime\\.test:${peer.port}\r\n`, "i"))
      assert.include(head, "authorization: Bearer secret-token\r\n")
      assert.include(head, "x-trace: 1\r\n")
      assert.notMatch(head, /sec-websocket-extensions|cookie|origin/i)
    }).pipe(Effect.provide(client()))
  )

  it.effect("a peer may choose an offered subprotocol or none, but no other", () =>
    Effect.gen(function* () {
      const choices = ["sec-websocket-protocol: worker-events.v1\r\n", "", "sec-websocket-protocol: other\r\n"]
      const peer = yield* ScriptedPeer.make((socket, head, number) => accept(socket, head, choices[number]))
      const url = `http://127.0.0.1:${peer.port}`
      const options = { protocols: ["worker-events.v1"] }
      assert.strictEqual((yield* open(url, options)).protocol, "worker-events.v1")
      assert.strictEqual((yield* open(url, options)).protocol, "")
      const refused = yield* Effect.flip(open(url, options))
      assert.strictEqual(refused._tag === "EgressFailure" ? refused.reason._tag : refused._tag, "protocol")
    }).pipe(Effect.provide(client()))
  )

  it.effect("an ordinary answer is UpgradeRefused with its status and body, which no log shows", () =>
    Effect.gen(function* () {
      const body = '{"error":{"code":"unauthorized"}}'
      const peer = yield* ScriptedPeer.make((socket) => socket.write(ScriptedPeer.answer(body, "", "401 Unauthorized")))
      const refused = yield* Effect.flip(open(`http://127.0.0.1:${peer.port}`))
      if (refused._tag !== "UpgradeRefused") return assert.fail(refused._tag)
      assert.deepStrictEqual([refused.status, refused.truncated], [401, false])
      assert.strictEqual(Buffer.from(Redacted.value(refused.body)).toString(), body)
      assert.notInclude(inspect(refused) + JSON.stringify(refused), "unauthorized")
      yield* peer.drained
    }).pipe(Effect.provide(client()))
  )

  it.effect("an endless refusal is cut at its cap", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => {
        socket.write("HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n")
        const pump = () => {
          while (!socket.destroyed && socket.write(`10000\r\n${"x".repeat(0x10000)}\r\n`));
        }
        socket.on("drain", pump)
        pump()
      })
      const refused = yield* Effect.flip(open(`http://127.0.0.1:${peer.port}`))
      if (refused._tag !== "UpgradeRefused") return assert.fail(refused._tag)
      assert.isTrue(refused.truncated)
      assert.strictEqual(Redacted.value(refused.body).length, SocketHandshake.MAX_REFUSAL_BYTES)
      yield* peer.drained
    }).pipe(Effect.provide(client()))
  )

  it.effect("a redirect, a compressed refusal and a wrong handshake are told apart", () =>
    Effect.gen(function* () {
      const canary = yield* ScriptedPeer.make(() => undefined)
      const answers = [
        ScriptedPeer.answer("", `location: http://127.0.0.1:${canary.port}/\r\n`, "302 Found"),
        ScriptedPeer.answer("", "location: http://169.254.169.254/\r\n", "307 Temporary Redirect"),
        ScriptedPeer.answer(gzipSync("{}").toString("latin1"), "content-encoding: gzip\r\n", "400 Bad Request"),
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: x\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: Upgrade\r\n\r\n",
        "garbage\r\n\r\n"
      ]
      const peer = yield* ScriptedPeer.make((socket, _head, number) => socket.write(answers[number] ?? "", "latin1"))
      for (const expected of ["redirect", "redirect", "encoded", "protocol", "protocol", "protocol"]) {
        const failed = yield* Effect.flip(open(`http://127.0.0.1:${peer.port}`))
        assert.strictEqual(failed._tag === "EgressFailure" ? failed.reason._tag : failed._tag, expected)
      }
      assert.strictEqual(canary.accepted(), 0)
      yield* peer.drained
    }).pipe(Effect.provide(client()))
  )

  it.effect("a compression that was not offered is refused", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket, head) =>
        accept(socket, head, "sec-websocket-extensions: permessage-deflate; server_max_window_bits=99\r\n")
      )
      const failed = yield* Effect.flip(open(`http://127.0.0.1:${peer.port}`))
      assert.strictEqual(failed._tag === "EgressFailure" ? failed.reason._tag : failed._tag, "protocol")
    }).pipe(Effect.provide(client()))
  )

  it.effect("the policy, TLS and header rules are those of a request", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket, head) => accept(socket, head), { tls: certificate("good") })
      const url = `https://runtime.test:${peer.port}`
      const untrusted = yield* Effect.flip(open(url))
      assert.deepStrictEqual(untrusted._tag === "EgressFailure" && untrusted.reason, {
        _tag: "tls",
        fault: "untrusted"
      })
      assert.strictEqual((yield* open(url, {}, { ca: authority })).protocol, "")
      const refused = yield* Effect.flip(open(`http://bad.test:${peer.port}`))
      assert.strictEqual(refused._tag === "EgressFailure" && refused.reason._tag, "policy")
      for (const options of [{ bearer: Redacted.make("a\r\nb") }, { headers: { cookie: "a=b" } }]) {
        const invalid = yield* Effect.flip(open(url, options, { ca: authority }))
        assert.strictEqual(invalid._tag === "EgressFailure" && invalid.reason._tag, "header_invalid")
      }
      assert.strictEqual(peer.requests.length, 1)
    }).pipe(Effect.provide(client({}, (name) => [name === "bad.test" ? "169.254.169.254" : "127.0.0.1"])))
  )

  it.effect("a peer that never answers the upgrade ends at the deadline, and nothing stays open", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.write("HTTP/1.1 101 Sw"))
      const opening = yield* Effect.forkChild(Effect.flip(Effect.scoped(open(`http://127.0.0.1:${peer.port}`))))
      yield* peer.arrived
      yield* TestClock.adjust(EgressSocket.DEFAULT_OPEN_DEADLINE_MS)
      const failed = yield* Fiber.join(opening)
      assert.deepStrictEqual(failed._tag === "EgressFailure" && failed.reason, { _tag: "deadline" })
      yield* peer.drained
    }).pipe(Effect.provide(client()))
  )

  it.effect("interrupting an upgrade closes its connection", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make(() => undefined)
      for (let round = 0; round < 20; round++) {
        const opening = yield* Effect.forkChild(Effect.scoped(open(`http://127.0.0.1:${peer.port}`)))
        yield* peer.arrived
        yield* Fiber.interrupt(opening)
        yield* peer.drained
      }
      assert.strictEqual(peer.accepted(), 20)
    }).pipe(Effect.provide(client()))
  )
})

describe("egress socket: frames", () => {
  it.effect("frames that come in the same packet as the upgrade are not lost", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket, head) => {
        socket.cork()
        accept(socket, head)
        socket.write(Buffer.concat([frame(TEXT, "1"), frame(TEXT, "2"), closeFrame(1000, "")]))
        socket.uncork()
      })
      const { frames, end } = yield* drain(peer.port)
      assert.deepStrictEqual(frames, ["1", "2"])
      assert.strictEqual(end._tag === "SocketClosed" && end.code, 1000)
    }).pipe(Effect.provide(client()))
  )

  it.effect("a close frame gives its code and reason after the last text", () =>
    Effect.gen(function* () {
      for (const code of [1001, 1012, 1013, 4400, 4401, 4429]) {
        const peer = yield* sending(frame(TEXT, "last"), closeFrame(code, "try later"))
        const { frames, end } = yield* drain(peer.port)
        assert.deepStrictEqual(frames, ["last"])
        if (end._tag !== "SocketClosed") return assert.fail(end._tag)
        assert.deepStrictEqual([end.code, Redacted.value(end.reason)], [code, "try later"])
        assert.notInclude(inspect(end), "try later")
        yield* peer.drained
      }
    }).pipe(Effect.provide(client()))
  )

  it.effect("a connection that ends without a close frame is reset", () =>
    Effect.gen(function* () {
      const peer = yield* sending(frame(TEXT, "x"))
      const proxy = yield* FaultProxy.make(peer.port)
      const socket = yield* open(`http://127.0.0.1:${proxy.port}`)
      yield* socket.take
      yield* proxy.cut
      const end = yield* Effect.flip(socket.take)
      assert.deepStrictEqual(end._tag === "EgressFailure" && end.reason, { _tag: "reset" })
    }).pipe(Effect.provide(client()))
  )

  for (const [what, bytes, reason] of [
    ["a frame over the cap", [frame(TEXT, "x".repeat(1024 * 1024 + 1))], "too_large"],
    ["a frame that announces 1 EiB", [Buffer.from([0x81, 127, 0x10, 0, 0, 0, 0, 0, 0, 0])], "too_large"],
    [
      "fragments over the cap together",
      [frame(TEXT, "x".repeat(700_000), false), frame(0, "x".repeat(700_000))],
      "too_large"
    ],
    [
      "a flood of fragments",
      [frame(TEXT, "", false), ...Array.from({ length: 2000 }, () => frame(0, "a", false))],
      "too_large"
    ],
    ["a flood of empty frames", [Buffer.concat(Array.from({ length: 20_000 }, () => frame(TEXT)))], "too_large"],
    ["a flood of pings", [Buffer.concat(Array.from({ length: 5_000 }, () => frame(PING)))], "too_large"],
    ["a binary frame", [frame(BINARY, "x")], "protocol"],
    ["invalid UTF-8", [frame(TEXT, Buffer.from([0xff, 0xfe]))], "protocol"],
    ["a masked frame", [Buffer.from([0x81, 0x81, 1, 2, 3, 4, 5])], "protocol"],
    ["a reserved bit", [Buffer.from([0xc1, 0x01, 0x61])], "protocol"],
    ["a reserved opcode", [Buffer.from([0x83, 0x00])], "protocol"],
    ["a close code that does not exist", [closeFrame(999, "")], "protocol"]
  ] as const) {
    it.effect(`${what} ends the socket as ${reason}`, () =>
      Effect.gen(function* () {
        const peer = yield* sending(...bytes)
        const { end } = yield* drain(peer.port)
        assert.strictEqual(end._tag === "EgressFailure" ? end.reason._tag : end._tag, reason)
        yield* peer.drained
      }).pipe(Effect.provide(client()))
    )
  }

  it.effect(
    "a peer faster than its reader is held back, and nothing is lost or reordered",
    () =>
      Effect.gen(function* () {
        const total = 20_000
        let sent = 0
        const payload = "x".repeat(1_000)
        const peer = yield* ScriptedPeer.make((socket, head) => {
          accept(socket, head)
          const pump = () => {
            while (sent < total) if (!socket.write(frame(TEXT, `${sent++}:${payload}`))) return
            socket.write(closeFrame(1000, ""))
          }
          socket.on("drain", pump)
          pump()
        })
        const socket = yield* open(`http://127.0.0.1:${peer.port}`)
        // The peer is stuck when a turn of the loop brings nothing new.
        let before = -1
        while (before !== sent) {
          before = sent
          for (let turn = 0; turn < 50; turn++) yield* Effect.promise(() => new Promise(setImmediate))
        }
        assert.isBelow(sent, total)
        const first = yield* socket.take
        assert.isAtMost(first.length, SocketInbox.FLOOD_FRAMES)
        let next = 0
        const check = (batch: ReadonlyArray<string>) => {
          for (const text of batch) assert.isTrue(text.startsWith(`${next++}:`))
        }
        check(first)
        const end = yield* Effect.flip(Effect.forever(Effect.map(socket.take, check)))
        assert.strictEqual(end._tag, "SocketClosed")
        assert.strictEqual(next, total)
      }).pipe(Effect.provide(client())),
    30_000
  )

  it.effect("what is sent arrives masked and whole, and sending after the end is closed", () =>
    Effect.gen(function* () {
      const received: Array<Buffer> = []
      const peer = yield* ScriptedPeer.make((socket, head) => {
        accept(socket, head)
        socket.removeAllListeners("data")
        socket.on("data", (chunk) => {
          received.push(chunk)
          socket.write(closeFrame(1000, ""))
        })
      })
      const socket = yield* open(`http://127.0.0.1:${peer.port}`)
      yield* socket.send("hello")
      yield* Effect.flip(socket.take)
      const bytes = received[0] ?? Buffer.alloc(0)
      assert.deepStrictEqual([bytes[0], bytes[1]], [0x81, 0x85])
      const text = bytes.subarray(6, 11).map((byte, at) => byte ^ (bytes[2 + (at % 4)] ?? 0))
      assert.strictEqual(Buffer.from(text).toString(), "hello")
      assert.deepStrictEqual((yield* Effect.flip(socket.send("x"))).reason, { _tag: "closed" })
    }).pipe(Effect.provide(client()))
  )

  it.effect("sending to a peer that does not read is saturated at the cap", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket, head) => {
        accept(socket, head)
        socket.pause()
      })
      const socket = yield* open(`http://127.0.0.1:${peer.port}`)
      const send = Effect.result(socket.send("x".repeat(512 * 1024)))
      let refused: EgressReason | undefined
      // The loopback's buffers take a few MiB before any of it has to wait.
      for (let one = 0; one < 64 && refused === undefined; one++) {
        const sending = yield* Effect.forkChild(send, { startImmediately: true })
        yield* Effect.promise(() => new Promise(setImmediate))
        const exit = sending.pollUnsafe()
        if (exit !== undefined && Exit.isSuccess(exit) && Result.isFailure(exit.value)) {
          refused = exit.value.failure.reason
        }
      }
      assert.deepStrictEqual(refused, { _tag: "saturated", limit: EgressSocket.MAX_OUTBOUND_BYTES })
    }).pipe(Effect.provide(client()))
  )
})

describe("egress socket: life and death", () => {
  it.effect("a peer that stays silent is pinged and then dead", () =>
    Effect.gen(function* () {
      const pings: Array<number> = []
      const peer = yield* ScriptedPeer.make((socket, head) => {
        accept(socket, head)
        socket.removeAllListeners("data")
        socket.on("data", (chunk) => pings.push((chunk[0] ?? 0) & 0x0f))
      })
      const socket = yield* open(`http://127.0.0.1:${peer.port}`)
      const end = yield* Effect.forkChild(Effect.flip(socket.take))
      yield* TestClock.adjust(EgressSocket.DEFAULT_DEAD_AFTER_MS - 1)
      assert.isUndefined(end.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      const failed = yield* Fiber.join(end)
      assert.deepStrictEqual(failed._tag === "EgressFailure" && failed.reason, { _tag: "body_idle" })
      yield* peer.drained
      assert.isTrue(pings.every((opcode) => opcode === PING))
    }).pipe(Effect.provide(client()))
  )

  it.effect("a peer that only answers pings lives", () =>
    Effect.gen(function* () {
      let pongs = 0
      const peer = yield* ScriptedPeer.make((socket, head) => {
        accept(socket, head)
        socket.removeAllListeners("data")
        socket.on("data", () => {
          pongs++
          socket.write(frame(10))
        })
      })
      const socket = yield* open(`http://127.0.0.1:${peer.port}`)
      const end = yield* Effect.forkChild(Effect.flip(socket.take))
      for (let tick = 0; tick < 30; tick++) {
        yield* TestClock.adjust(EgressSocket.DEFAULT_DEAD_AFTER_MS / 5)
        for (let turn = 0; turn < 20; turn++) yield* Effect.promise(() => new Promise(setImmediate))
      }
      assert.isUndefined(end.pollUnsafe())
      assert.isAbove(pongs, 10)
    }).pipe(Effect.provide(client()))
  )

  it.effect("a socket that its owner does not read is not taken for dead", () =>
    Effect.gen(function* () {
      let later: () => void = () => undefined
      const peer = yield* ScriptedPeer.make((socket, head) => {
        accept(socket, head)
        for (let n = 0; n < SocketInbox.PAUSE_AT_FRAMES; n++) socket.write(frame(TEXT, `${n}`))
        later = () => socket.write(frame(TEXT, "later"))
      })
      const socket = yield* open(`http://127.0.0.1:${peer.port}`)
      for (let turn = 0; turn < 50; turn++) yield* Effect.promise(() => new Promise(setImmediate))
      yield* TestClock.adjust(EgressSocket.DEFAULT_DEAD_AFTER_MS * 10)
      assert.strictEqual((yield* socket.take).length, SocketInbox.PAUSE_AT_FRAMES)
      later()
      assert.deepStrictEqual(yield* socket.take, ["later"])
    }).pipe(Effect.provide(client()))
  )

  it.effect("the end of the scope says goodbye with 1000 and ends the reader", () =>
    Effect.gen(function* () {
      const received: Array<Buffer> = []
      const peer = yield* ScriptedPeer.make((socket, head) => {
        accept(socket, head)
        socket.removeAllListeners("data")
        socket.on("data", (chunk) => {
          received.push(chunk)
          socket.end()
        })
      })
      const reader = yield* Effect.scoped(
        Effect.flatMap(open(`http://127.0.0.1:${peer.port}`), (socket) =>
          Effect.forkDetach(Effect.flip(socket.take), { startImmediately: true })
        )
      )
      const end = yield* Fiber.join(reader)
      assert.deepStrictEqual(end._tag === "EgressFailure" && end.reason, { _tag: "closed" })
      yield* peer.drained
      const bytes = Buffer.concat(received)
      const code = [2, 3].map((at) => (bytes[at + 4] ?? 0) ^ (bytes[at] ?? 0))
      assert.deepStrictEqual([bytes[0], Buffer.from(code).readUInt16BE()], [0x88, 1000])
    }).pipe(Effect.provide(client()))
  )
})
