import { randomBytes } from "node:crypto"
import { createServer } from "node:http"
import { connect, type Socket } from "node:net"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, RcMap } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServer } from "effect/http/HttpServer"
import { TestClock } from "effect/testing"
import { EventLog } from "../../domain/EventLog.ts"
import type { Watch } from "../../domain/WatchStream.ts"
import * as EventSocket from "./EventSocket.ts"
import * as Fanout from "./Fanout.ts"
import { deadAfterHeartbeats, OpenStreams } from "./OpenStreams.ts"
import { heartbeatMs } from "./Frames.ts"
import { drainDeadlineMs } from "./StreamSession.ts"
import { serverOptions } from "./WebSockets.ts"

/** A worker that says what the test says. */
const makeWorker = () => {
  const log = new EventLog({ epoch: "e" })
  const watch: Watch<never> = (_cursor, watcher, onReset) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => log.attach(undefined, watcher, onReset)),
        (attached) => Effect.sync(attached.detach)
      ),
      (attached) => ({
        ...attached,
        epoch: log.epoch,
        retained_events: log.maxEvents,
        head: log.headCursor,
        ended: undefined
      })
    )
  return { log, watch }
}

const speaker = { prefix: "runtime", worker_id: "w" } as const

const routes = (watch: Watch<never>) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const streams = yield* OpenStreams
      const groups = yield* Fanout.makeGroups(
        (_: string, ...rest: Parameters<typeof watch>) => watch(...rest),
        () => speaker
      )
      return HttpRouter.add(
        "GET",
        "/events",
        EventSocket.respond({ speaker, cursor: undefined, watch, group: RcMap.get(groups, "w") }).pipe(
          Effect.provideService(OpenStreams, streams),
          Effect.orDie
        )
      )
    })
  )

const serve = (watch: Watch<never>) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      HttpRouter.serve(routes(watch), { disableLogger: true, disableListenLog: true }).pipe(
        Layer.provideMerge(
          NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1", websocket: serverOptions })
        ),
        Layer.provideMerge(OpenStreams.layer)
      )
    )
    const { address } = Context.get(context, HttpServer)
    return { port: "port" in address ? address.port : 0, streams: Context.get(context, OpenStreams) }
  })

/** Waits for something real to happen, however the test's clock stands. */
const until = (holds: () => boolean) =>
  Effect.promise(async () => {
    const deadline = performance.now() + 5_000
    while (!holds()) {
      if (performance.now() > deadline) throw new Error("never came")
      await new Promise((resolve) => setImmediate(resolve))
    }
  })

const client = (port: number) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/events`, ["worker-events.v1"])
      const frames: Array<{ readonly kind: string; readonly cursor?: string }> = []
      let code: number | undefined
      socket.addEventListener("message", ({ data }) => frames.push(JSON.parse(String(data))))
      socket.addEventListener("close", (event) => (code = event.code))
      return { socket, frames, code: () => code }
    }),
    ({ socket }) => Effect.sync(() => socket.close())
  )

/** Shakes hands and never says a word again, not even a pong. */
const deadClient = (port: number) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const socket: Socket = connect(port, "127.0.0.1")
      let bytes = Buffer.alloc(0)
      let closed = false
      socket.on("error", () => {})
      socket.on("data", (part: Buffer) => (bytes = Buffer.concat([bytes, part])))
      socket.on("close", () => (closed = true))
      socket.write(
        `GET /events HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString("base64")}\r\n\r\n`
      )
      return { bytes: () => bytes, closed: () => closed, socket }
    }),
    ({ socket }) => Effect.sync(() => socket.destroy())
  )

describe("an idle stream", () => {
  it.effect("tells its client at every beat that it lives, and where to resume", () =>
    Effect.gen(function* () {
      const { log, watch } = makeWorker()
      const { port } = yield* serve(watch)
      const { frames } = yield* client(port)
      yield* until(() => frames.some(({ kind }) => kind === "event"))
      log.append({ event: "user_message", data: {} })
      yield* until(() => frames.length === 3)
      for (let beat = 1; beat <= 4; beat++) {
        yield* TestClock.adjust(heartbeatMs)
        yield* until(() => frames.length === 3 + beat)
        assert.deepStrictEqual(frames.at(-1), { kind: "bookmark", cursor: log.headCursor })
      }
    })
  )

  it.effect("is closed as dead when its peer has not been heard of for two and a half beats", () =>
    Effect.gen(function* () {
      const { watch } = makeWorker()
      const { port, streams } = yield* serve(watch)
      const peer = yield* deadClient(port)
      yield* until(() => peer.bytes().includes('"snapshot"'))
      const beats = Math.ceil(deadAfterHeartbeats)
      for (let beat = 1; beat < beats; beat++) {
        yield* TestClock.adjust(heartbeatMs)
        assert.strictEqual(yield* streams.count, 1)
      }
      yield* TestClock.adjust(heartbeatMs)
      yield* until(peer.closed)
      const code = Buffer.alloc(2)
      code.writeUInt16BE(4408)
      assert.isTrue(peer.bytes().includes(code))
    })
  )
})

/** Says more than the buffers of both ends take, a piece in each turn of the event loop. */
const flood = (log: EventLog) =>
  Effect.promise(async () => {
    const text = "x".repeat(131_072)
    for (let said = 0; said < 192; said++) {
      log.append({ event: "text_delta", data: { text } })
      await new Promise((resolve) => setImmediate(resolve))
    }
  })

describe("a client that stops reading", () => {
  const stopped = Effect.gen(function* () {
    const { log, watch } = makeWorker()
    const { port, streams } = yield* serve(watch)
    const peer = yield* deadClient(port)
    yield* until(() => peer.bytes().includes('"snapshot"'))
    peer.socket.pause()
    yield* flood(log)
    return { peer, streams }
  })

  it.effect("is cut when what waits for it has not drained in time, and not before", () =>
    Effect.gen(function* () {
      const { streams } = yield* stopped
      yield* TestClock.adjust(drainDeadlineMs - 1)
      assert.strictEqual(yield* streams.count, 1)
      yield* TestClock.adjust(1)
      while ((yield* streams.count) > 0) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    })
  )

  it.effect("is told what it missed, and stays, when it reads again in time", () =>
    Effect.gen(function* () {
      const { peer, streams } = yield* stopped
      yield* TestClock.adjust(drainDeadlineMs - 1)
      peer.socket.resume()
      yield* until(() => peer.bytes().includes('"runtime.overflow"'))
      yield* TestClock.adjust(drainDeadlineMs)
      assert.strictEqual(yield* streams.count, 1)
    })
  )
})

describe("a server that ends", () => {
  it.effect("closes its streams with the code it was told and lets no new one in", () =>
    Effect.gen(function* () {
      const { watch } = makeWorker()
      const { port, streams } = yield* serve(watch)
      const { code, frames } = yield* client(port)
      yield* until(() => frames.some(({ kind }) => kind === "event"))
      yield* streams.closeAll(1012, "restart")
      yield* until(() => code() !== undefined)
      assert.strictEqual(code(), 1012)
      const late = yield* client(port)
      yield* until(() => late.code() !== undefined)
      assert.strictEqual(late.code(), 1006)
    })
  )
})
