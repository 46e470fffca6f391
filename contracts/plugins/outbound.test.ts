/** The ways out that a plugin is handed, on real sockets: what they let through, what they refuse, and in which words. */
import { once } from "node:events"
import { createServer, type RequestListener } from "node:http"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Stream } from "effect"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { WebSocketServer } from "ws"
import * as EgressClient from "../../src/adapters/egress/EgressClient.ts"
import { maxOrigins } from "../../src/app/plugins/Outbound.ts"
import * as Outbound from "../../src/app/plugins/Outbound.ts"
import { OutboundFactory } from "../../src/domain/plugin/PluginHost.ts"
import * as PromiseHost from "../../src/domain/plugin/PromiseHost.ts"
import { problemOf } from "../../src/domain/plugin/Plugin.ts"
import { unresolvable } from "../../src/domain/SecretResolver.ts"

/** A server on loopback, and what a plugin under this policy is handed. */
const world = Effect.fnUntraced(function* (respond: RequestListener, policy: EgressClient.Options["policy"] = {}) {
  const server = createServer(respond)
  yield* Effect.acquireRelease(
    Effect.promise(async () => {
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
    }),
    () =>
      Effect.promise(async () => {
        server.closeAllConnections()
        server.close()
        await once(server, "close")
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const factory = yield* Effect.provide(
    Effect.flatMap(OutboundFactory, (factory) => factory),
    Layer.provide(Outbound.layer, EgressClient.layer({ policy }))
  )
  return { server, url: `http://127.0.0.1:${port}`, out: factory }
})

const echo: RequestListener = (request, response) => {
  let body = ""
  request.on("data", (chunk: Buffer) => (body += chunk.toString()))
  request.on("end", () => {
    const { authorization, "content-type": type, "x-mine": mine } = request.headers
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify({ method: request.method, url: request.url, authorization, type, mine, body }))
  })
}

it.live("requests arrive as they were made: method, path, query, headers, bearer token and body", () =>
  Effect.gen(function* () {
    const { out, url } = yield* world(echo)
    const request = HttpClientRequest.post(`${url}/a/b?c=d%20e`, { headers: { "x-mine": "1" } }).pipe(
      HttpClientRequest.bearerToken(Redacted.make("token-1")),
      HttpClientRequest.bodyJsonUnsafe({ n: 1 })
    )
    const response = yield* out.http.execute(request)
    assert.strictEqual(response.status, 200)
    assert.deepStrictEqual(yield* response.json, {
      method: "POST",
      url: "/a/b?c=d%20e",
      authorization: "Bearer token-1",
      type: "application/json",
      mine: "1",
      body: '{"n":1}'
    })
  }).pipe(Effect.scoped)
)

it.live("answers of every status come back, and none without a body is taken for broken", () =>
  Effect.gen(function* () {
    const { out, url } = yield* world((request, response) => {
      response.writeHead(Number(request.url?.slice(1))).end()
    })
    for (const status of [200, 204, 404, 500]) {
      const answer = yield* out.http.get(`${url}/${status}`)
      assert.deepStrictEqual([answer.status, yield* answer.text], [status, ""])
    }
  }).pipe(Effect.scoped)
)

it.live.each([
  ["http://169.254.169.254/latest/meta-data", "egress_refused"],
  ["http://[fe80::1]/", "egress_refused"],
  ["file:///etc/passwd", undefined],
  ["http://127.0.0.1:48111/", "runtime_unreachable"]
] as const)("%s is refused, without a word of it in the problem", ([target, code]) =>
  Effect.gen(function* () {
    const { out } = yield* world(echo)
    const problem = problemOf(yield* Effect.flip(out.http.get(target)))
    if (code !== undefined) assert.strictEqual(problem._tag, code)
    assert.notMatch(JSON.stringify([problem, problem.message]), /169|fe80|passwd|127\.0/)
    const refused = yield* Effect.flip(Effect.scoped(Effect.asVoid(out.webSocket(target))))
    assert.notMatch(JSON.stringify([refused, refused.message]), /169|fe80|passwd|127\.0/)
  }).pipe(Effect.scoped)
)

it.live("the policy of the config file holds, for requests and for sockets", () =>
  Effect.gen(function* () {
    const { out, url } = yield* world(echo, { deny: ["127.0.0.0/8"] })
    assert.strictEqual(problemOf(yield* Effect.flip(out.http.get(url)))._tag, "egress_refused")
    const refused = yield* Effect.flip(Effect.scoped(Effect.asVoid(out.webSocket(url.replace("http", "ws")))))
    assert.strictEqual(refused._tag, "egress_refused")
  }).pipe(Effect.scoped)
)

it.live("redirects are not followed, cookies and other credentials are not sent, streams are not taken", () =>
  Effect.gen(function* () {
    let asked = 0
    const { out, url } = yield* world((_request, response) => {
      asked += 1
      response.writeHead(302, { location: "/elsewhere" }).end()
    })
    const redirected = problemOf(yield* Effect.flip(out.http.get(url)))
    assert.deepStrictEqual([redirected._tag, redirected.context.reason], ["runtime_protocol_error", "redirect"])
    assert.strictEqual(asked, 1)
    for (const headers of [{ cookie: "a=b" }, { authorization: "Digest abc" }, { host: "elsewhere" }]) {
      yield* Effect.flip(out.http.get(url, { headers }))
    }
    const stream = HttpClientRequest.post(url).pipe(
      HttpClientRequest.setBody(HttpBody.stream(Stream.make(new Uint8Array(1)), "text/plain"))
    )
    yield* Effect.flip(out.http.execute(stream))
    assert.strictEqual(asked, 1)
  }).pipe(Effect.scoped)
)

it.live("a connection talks to a bounded number of hosts", () =>
  Effect.gen(function* () {
    const { out } = yield* world(echo)
    for (let n = 0; n < maxOrigins; n++) yield* Effect.flip(out.http.get(`http://127.0.0.1:${48_200 + n}/`))
    const refused = problemOf(yield* Effect.flip(out.http.get("http://127.0.0.1:48199/")))
    assert.deepStrictEqual([refused.context.reason, refused.context.max], ["saturated", maxOrigins])
  }).pipe(Effect.scoped)
)

it.live("sockets carry text both ways, end in order, and fail when they are cut", () =>
  Effect.gen(function* () {
    const { out, server, url } = yield* world(echo)
    const sockets = new WebSocketServer({ server })
    sockets.on("connection", (socket, request) => {
      socket.on("message", (data) => {
        const text = String(data)
        if (text === "close") socket.close(1000)
        else if (text === "leave") socket.close(4001)
        else if (text === "cut") socket.terminate()
        else socket.send(`${request.url} ${text}`)
      })
    })
    const socketUrl = `${url.replace("http", "ws")}/events?x=1`
    const polite = yield* out.webSocket(socketUrl)
    yield* polite.send("one")
    yield* polite.send("two")
    yield* polite.send("close")
    assert.deepStrictEqual(yield* Stream.runCollect(polite.messages), ["/events?x=1 one", "/events?x=1 two"])
    for (const how of ["cut", "leave"]) {
      const rude = yield* out.webSocket(socketUrl)
      yield* rude.send(how)
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(rude.messages)))._tag, "runtime_unreachable", how)
    }
  }).pipe(Effect.scoped)
)

it.live(
  "server-sent events are read one by one, with the token, and fail when the server leaves or answers otherwise",
  () =>
    Effect.gen(function* () {
      const { out, url } = yield* world((request, response) => {
        if (request.url !== "/events?all=1" || request.headers.authorization !== "Bearer t-1") {
          response.writeHead(401).end("canary")
          return
        }
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.write("event: x\ndata: one\n\n: comment\n\ndata: two\ndata: lines\n\n")
        setTimeout(() => response.destroy(), 50)
      })
      const bearer = Redacted.make("t-1")
      const heard: Array<string> = []
      const broken = yield* Effect.flip(
        Stream.runForEach(out.serverEvents(`${url}/events?all=1`, { bearer }), (data) =>
          Effect.sync(() => heard.push(data))
        )
      )
      assert.deepStrictEqual(heard, ["one", "two\nlines"])
      assert.strictEqual(broken._tag, "runtime_unreachable")
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(out.serverEvents(url))))._tag, "runtime_auth_failed")
      assert.strictEqual(
        (yield* Effect.flip(Stream.runDrain(out.serverEvents("http://169.254.169.254/"))))._tag,
        "egress_refused"
      )
    }).pipe(Effect.scoped)
)

it.live("a name and a password travel as such", () =>
  Effect.gen(function* () {
    const { out, url } = yield* world(echo)
    const request = HttpClientRequest.basicAuth(HttpClientRequest.get(url), "me", "a:b")
    const { authorization } = (yield* (yield* out.http.execute(request)).json) as { readonly authorization: string }
    assert.strictEqual(authorization, `Basic ${Buffer.from("me:a:b").toString("base64")}`)
  }).pipe(Effect.scoped)
)

it.live("with promises they are the same: answers, JSON, problems thrown, sockets", () =>
  Effect.gen(function* () {
    const { out, server, url } = yield* world((request, response) =>
      request.url === "/broken"
        ? response.end("{")
        : request.url === "/sse"
          ? response.writeHead(200, { "content-type": "text/event-stream" }).write("data: first\n\n")
          : echo(request, response)
    )
    new WebSocketServer({ server }).on("connection", (socket) => {
      socket.send("hello")
      socket.close(1000)
    })
    const host = { ...out, secret: () => Effect.fail(unresolvable("not_granted")) }
    const promises = PromiseHost.make(host, yield* Effect.scope, yield* Effect.context<never>())
    yield* Effect.promise(async () => {
      const answer = await promises.fetch(`${url}/x`, { method: "POST", json: { a: 1 }, bearer: Redacted.make("t-1") })
      assert.deepInclude(answer.json() as object, { method: "POST", authorization: "Bearer t-1", body: '{"a":1}' })
      assert.deepStrictEqual([answer.ok, answer.status], [true, 200])
      const broken = await promises.fetch(`${url}/broken`)
      assert.throws(() => broken.json(), /broken JSON/)
      const refused = await promises.fetch("http://169.254.169.254/").catch((thrown: unknown) => thrown)
      assert.deepInclude(refused as object, { _tag: "egress_refused" })
      assert.deepInclude((await promises.secret("env:X").catch((thrown: unknown) => thrown)) as object, {
        _tag: "secret_unresolvable"
      })
      const socket = await promises.webSocket(url.replace("http", "ws"))
      const heard: Array<string> = []
      for await (const message of socket.messages) heard.push(message)
      assert.deepStrictEqual(heard, ["hello"])
      await socket.close()
      for await (const data of promises.serverEvents(`${url}/sse`)) {
        assert.strictEqual(data, "first")
        break
      }
    })
  }).pipe(Effect.scoped)
)
