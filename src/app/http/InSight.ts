/**
 * What a request can see. Its fiber starts with every service in sight of what serves it, and Effect copies them all for
 * each request, together with those in sight of the handler: what neither needs costs as much as what they do need.
 */
import { Context, Effect, Layer } from "effect"
import type { Request } from "effect/http/HttpRouter"
import { HttpServer } from "effect/http/HttpServer"

// oxlint-disable-next-line typescript/no-explicit-any -- the identifier of a key cannot be told otherwise
type Key = Context.Key<any, any>
type Hidden<Keys extends ReadonlyArray<Key>> = Context.Service.Identifier<Keys[number]>

/** Builds handlers that do not see the services. Does not compile where one of them is needed. */
export const unseenBy =
  <Keys extends ReadonlyArray<Key>>(...keys: Keys) =>
  <A, E, R>(
    handlers: Layer.Layer<A, E, R> &
      ([Extract<R, Hidden<Keys> | Request<"Requires", Hidden<Keys>>>] extends [never] ? unknown : never)
  ): Layer.Layer<A, E, R> => {
    const built = Effect.flatMap(Effect.scope, (scope) => Layer.buildWithScope(handlers, scope))
    return Layer.effectContext(Effect.updateContext(built, Context.omit(...keys) as never)) as Layer.Layer<A, E, R>
  }

/**
 * The server, whose requests do not see the services by themselves. Handlers of an API see what was in sight where they
 * were made; a bare route sees only this.
 */
export const serverWithout = (...keys: ReadonlyArray<Key>): Layer.Layer<HttpServer, never, HttpServer> =>
  Layer.effect(
    HttpServer,
    Effect.map(HttpServer, (server) =>
      HttpServer.of({
        ...server,
        serve: ((...serving: Parameters<typeof server.serve>) =>
          Effect.updateContext(server.serve(...serving), Context.omit(...keys) as never)) as typeof server.serve
      })
    )
  )
