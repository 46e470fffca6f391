import { assert, it } from "@effect/vitest"
import { once } from "node:events"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { Deferred, Effect, Exit, Fiber, Layer, Scope, Tracer } from "effect"
import { HttpServer } from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { layer, RequestScopes } from "./RequestScopes.ts"

it("a place is free again when its fiber has ended, and there are no more of them than there is work at once", () => {
  const scopes = new RequestScopes()
  const open: Array<Deferred.Deferred<void>> = []
  const begin = () => {
    const done = Deferred.makeUnsafe<void>()
    open.push(done)
    return Fiber.runIn(Effect.runFork(Deferred.await(done)), scopes.next())
  }
  for (let round = 0; round < 100; round++) {
    begin()
    begin()
    for (const done of open.splice(0)) Deferred.doneUnsafe(done, Effect.void)
  }
  assert.strictEqual(scopes.size, 2)
})

it("never two in one place", () => {
  const scopes = new RequestScopes()
  const places = Array.from({ length: 50 }, () => {
    const place = scopes.next()
    Fiber.runIn(Effect.runFork(Effect.never), place)
    return place
  })
  assert.strictEqual(new Set(places).size, 50)
})

it.effect("the end interrupts what is under way and waits for it", () =>
  Effect.gen(function* () {
    const scopes = new RequestScopes()
    const ended: Array<number> = []
    for (let index = 0; index < 3; index++) {
      const work = Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended.push(index)))
      Fiber.runIn(Effect.runFork(work), scopes.next())
    }
    yield* scopes.close
    assert.deepStrictEqual(ended.toSorted(), [0, 1, 2])
  })
)

it("a server answers what it has begun when it is told to end, in no span of who started it, and then nothing more", async () => {
  const node = new Http.Server()
  const reached = Deferred.makeUnsafe<void>()
  const go = Deferred.makeUnsafe<void>()
  const app = Effect.gen(function* () {
    yield* Deferred.succeed(reached, undefined)
    yield* Deferred.await(go)
    const parent = yield* Effect.serviceOption(Tracer.ParentSpan)
    return HttpServerResponse.text(`done, ${parent._tag === "None" ? "in no span" : "in a span"}`)
  })
  const command = Tracer.externalSpan({ spanId: "1".repeat(16), traceId: "2".repeat(32), sampled: true })
  const scope = Scope.makeUnsafe()
  const serving = Effect.gen(function* () {
    const services = yield* Layer.buildWithScope(
      layer(() => node, { port: 0, host: "127.0.0.1", gracefulShutdownTimeout: "10 seconds" }),
      scope
    )
    yield* Effect.provideContext(
      Effect.flatMap(HttpServer, (server) => server.serve(app)),
      services
    )
  }).pipe(Effect.provideService(Tracer.ParentSpan, command))
  await Effect.runPromise(Scope.provide(serving, scope))
  assert.strictEqual(node.listenerCount("request"), 1)
  const { port } = node.address() as AddressInfo
  const answer = fetch(`http://127.0.0.1:${port}/`)
  await Effect.runPromise(Deferred.await(reached))
  const closed = once(node, "close")
  const ending = Effect.runPromise(Scope.close(scope, Exit.void))
  Deferred.doneUnsafe(go, Effect.void)
  assert.strictEqual(await (await answer).text(), "done, in no span")
  // The client would keep it open.
  node.closeIdleConnections()
  await closed
  await ending
  assert.strictEqual(node.listenerCount("request"), 0)
})
