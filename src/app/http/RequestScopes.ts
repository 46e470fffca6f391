/**
 * Where the fibers of requests are kept, so that the end of the server ends them. Effect's own server keeps them all in
 * the `Map` of one scope, and V8 chains the old tables of a `Map` to each other: once a full collection has moved one,
 * the answers of most requests outlive them until the next (docs/performance.md). A scope with one thing in it has no `Map`.
 */
import type * as Http from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Context, Effect, Exit, Layer, Scope, Tracer } from "effect"
import { HttpServer } from "effect/http/HttpServer"

/** How many places are looked at before there is one more. */
const looks = 8

export class RequestScopes {
  readonly #places: Array<Scope.Closeable> = []
  #last = 0

  /** A scope with nothing in it. There are as many as there were requests at once, or somewhat more. */
  next(): Scope.Closeable {
    const places = this.#places
    for (let look = 0; look < looks && look < places.length; look++) {
      this.#last = (this.#last + 1) % places.length
      const place = places[this.#last]!
      if (place.state._tag === "Empty") return place
    }
    const place = Scope.makeUnsafe("parallel")
    this.#last = places.push(place) - 1
    return place
  }

  get size(): number {
    return this.#places.length
  }

  /** Interrupts what is in them and waits until it has ended. */
  readonly close: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(this.#places, (place) => Scope.close(place, Exit.void), { concurrency: "unbounded", discard: true })
  )
}

/** The span of the command that started the server is no parent of what a request does. */
const withoutSpan = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateContext(
    effect,
    (context: Context.Context<R>) => Context.omit(Tracer.ParentSpan)(context) as typeof context
  )

/** Takes the place of the server's own way to serve. */
const serving = (node: Http.Server, server: HttpServer["Service"]) =>
  Effect.fnUntraced(function* (...[app, middleware]: Parameters<typeof server.serve>) {
    const scopes = new RequestScopes()
    const handler = yield* NodeHttpServer.makeHandler(app, {
      middleware: middleware as never,
      get scope() {
        return scopes.next()
      }
    })
    // Before the server's own, so that it comes after: until then requests are answered and have their time to end.
    yield* Effect.addFinalizer(() => {
      node.off("request", handler)
      return scopes.close
    })
    const before = new Set(node.listeners("request"))
    yield* server.serve(app, middleware!)
    for (const theirs of node.listeners("request")) if (!before.has(theirs)) node.off("request", theirs as never)
    node.on("request", handler)
  }, withoutSpan)

/** The server of Effect on one of Node, with the fibers of its requests in scopes of their own. */
export const layer = (make: () => Http.Server, options: Parameters<typeof NodeHttpServer.layer>[1]) =>
  Layer.suspend(() => {
    const node = make()
    const own = Effect.map(HttpServer, (server) =>
      HttpServer.of({ ...server, serve: serving(node, server) as typeof server.serve })
    )
    return Layer.effect(HttpServer, own).pipe(Layer.provideMerge(NodeHttpServer.layer(() => node, options)))
  })
