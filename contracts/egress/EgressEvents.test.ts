/** The guarded reader of server-sent events against peers that keep to it, and peers that do not. */
import { createServer, type ServerResponse } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import * as EgressClient from "../../src/adapters/egress/EgressClient.ts"
import * as EgressEvents from "../../src/adapters/egress/EgressEvents.ts"
import { client } from "./egressWorld.ts"

const limit = 1_000

interface Request {
  readonly url: string | undefined
  readonly authorization: string | undefined
  readonly accept: string | undefined
}

/** A peer that answers every request by the script. */
const peer = (answer: (response: ServerResponse) => void) =>
  Effect.gen(function* () {
    const requests: Array<Request> = []
    let open = 0
    const server = createServer(({ headers: { accept, authorization }, url }, response) => {
      requests.push({ url, authorization, accept })
      open += 1
      response.once("close", () => (open -= 1))
      answer(response)
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    )
    const bound = server.address()
    const port = typeof bound === "object" && bound !== null ? bound.port : 0
    return { url: `http://127.0.0.1:${port}/base`, requests, open: () => open }
  })

const events = (response: ServerResponse) => {
  response.writeHead(200, { "content-type": "text/event-stream" })
  response.flushHeaders()
  return response
}

const open = Effect.fnUntraced(function* (url: string, more: Partial<EgressEvents.OpenOptions> = {}) {
  const egress = yield* EgressClient.EgressClient
  const address = yield* egress.check(url)
  return yield* EgressEvents.open(address, { path: "/event", max_event_length: limit, dead_after_ms: 60_000, ...more })
})

const failure = (url: string, more: Partial<EgressEvents.OpenOptions> = {}) =>
  Effect.flatMap(open(url, more), ({ take }) => Effect.forever(take)).pipe(
    Effect.flip,
    Effect.map((failed) => (failed._tag === "EgressFailure" ? failed.reason._tag : failed.status)),
    Effect.scoped,
    Effect.provide(client())
  )

describe("EgressEvents", () => {
  it.live("gives the data of whole events, however they arrive", () =>
    Effect.gen(function* () {
      const pieces = [
        "da",
        "ta: one\n\nid: 7\ndata: two\ndata:",
        "three\r\n\r",
        "\n: comment\n\nevent: x\ndata: four\n\ndata: cut"
      ]
      const { requests, url } = yield* peer((response) => {
        const to = events(response)
        for (const piece of pieces) to.write(piece)
      })
      const { take } = yield* open(url, { basic: { user: "me", password: Redacted.make("p:ä") } })
      const got: Array<string> = []
      while (got.length < 3) got.push(...(yield* take))
      assert.deepStrictEqual(got, ["one", "two\nthree", "four"])
      const authorization = `Basic ${Buffer.from("me:p:ä").toString("base64")}`
      assert.deepStrictEqual(requests, [{ url: "/base/event", authorization, accept: "text/event-stream" }])
    }).pipe(Effect.scoped, Effect.provide(client()))
  )

  it.live("takes no answer for a stream that is none, and follows nobody", () =>
    Effect.gen(function* () {
      const answers: ReadonlyArray<readonly [expected: unknown, answer: (response: ServerResponse) => void]> = [
        [401, (response) => response.writeHead(401).end()],
        ["redirect", (response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end()],
        ["protocol", (response) => response.writeHead(200, { "content-type": "text/html" }).end("<p>")],
        [
          "encoded",
          (response) =>
            response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" }).end("x")
        ],
        ["reset", (response) => response.destroy()],
        ["reset", (response) => events(response).end("data: 1\n\n")]
      ]
      for (const [expected, answer] of answers) {
        const { url } = yield* peer(answer)
        assert.strictEqual(yield* failure(url), expected)
      }
      assert.strictEqual(yield* failure((yield* peer(() => undefined)).url, { path: "/../up" }), "path_invalid")
    }).pipe(Effect.scoped)
  )

  it.live("ends with an event that is too long, whether it is whole or never ends", () =>
    Effect.gen(function* () {
      for (const text of [`data: ${"x".repeat(limit + 1)}\n\n`, "x".repeat(limit + 1)]) {
        const { url } = yield* peer((response) => events(response).write(text))
        assert.strictEqual(yield* failure(url), "too_large")
      }
    }).pipe(Effect.scoped)
  )

  it.live("finds out that a peer has gone quiet", () =>
    Effect.gen(function* () {
      const { url } = yield* peer((response) => events(response).write("data: 1\n\n"))
      assert.strictEqual(yield* failure(url, { dead_after_ms: 50 }), "body_idle")
    }).pipe(Effect.scoped)
  )

  it.live("leaves no connection behind, whatever it is interrupted in", () =>
    Effect.gen(function* () {
      const silent = yield* peer(() => undefined)
      const opening = yield* Effect.forkChild(failure(silent.url))
      while (silent.open() === 0) yield* Effect.sleep(5)
      yield* Fiber.interrupt(opening)
      while (silent.open() > 0) yield* Effect.sleep(5)
      const talking = yield* peer((response) => events(response).write("data: 1\n\n"))
      yield* Effect.scoped(Effect.flatMap(open(talking.url), ({ take }) => take)).pipe(Effect.provide(client()))
      while (talking.open() > 0) yield* Effect.sleep(5)
    }).pipe(Effect.scoped)
  )
})
