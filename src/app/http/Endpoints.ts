/**
 * Serves the endpoints of a declared group. `HttpApiBuilder` does the same and gives each request a copy of all services
 * in sight; for a small request that costs more than the rest of it (docs/performance.md). Here codecs are made once and
 * run as plain functions, and a handler sees what the server itself sees. Bodies are JSON. A response that a handler
 * gives as a whole, for instance a stream, goes out as it is.
 */
import { Context, Effect, type Layer, Result, type Scope } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest, ParsedSearchParams } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import {
  HttpApi,
  HttpApiBuilder,
  type HttpApiEndpoint,
  type HttpApiGroup,
  HttpApiMiddleware,
  type HttpApiSecurity
} from "effect/http-api"
import { payloadReader, reader, type Slots, slotsOf, type Write, writer } from "./EndpointCodecs.ts"

type Declared<
  Groups extends HttpApiGroup.Constraint,
  Name extends HttpApiGroup.Identifier<Groups>
> = HttpApiGroup.WithIdentifier<Groups, Name>["endpoints"]

type HandlersOf<Endpoints extends Record<string, HttpApiEndpoint.Constraint>> = {
  readonly [Name in keyof Endpoints]: HttpApiEndpoint.Handler<
    Endpoints[Name],
    HttpApiEndpoint.MiddlewareError<Endpoints[Name]>,
    // oxlint-disable-next-line typescript/no-explicit-any -- what each one needs is inferred from what is given
    any
  >
}

type Needs<Handlers> = {
  readonly [Name in keyof Handlers]: Handlers[Name] extends (
    ...given: ReadonlyArray<never>
  ) => Effect.Effect<unknown, unknown, infer R>
    ? R
    : never
}[keyof Handlers]

/** Gives handlers the types of their endpoints. */
type Handle<Endpoints extends Record<string, HttpApiEndpoint.Constraint>> = <
  const Handlers extends HandlersOf<Endpoints>
>(
  handlers: Handlers
) => Handlers

type Handler = (given: object) => Effect.Effect<unknown, unknown>
type Answer = Effect.Effect<HttpServerResponse.HttpServerResponse, unknown, HttpRouter.Provided>
/** One endpoint as the effect that answers its requests. */
const serve = (
  endpoint: HttpApiEndpoint.Top,
  group: HttpApiGroup.Top,
  options: Slots,
  write: Write,
  handler: Handler
): Answer => {
  const readParams = reader("Params", endpoint.params, options.params)
  const readHeaders = reader("Headers", endpoint.headers, options.headers)
  const readQuery = reader("Query", endpoint.query, options.query)
  const readPayload = payloadReader(endpoint, options.payload)
  const answer = (given: unknown) => (HttpServerResponse.isHttpServerResponse(given) ? given : write(given))
  return Effect.withFiber(({ context }) => {
    const request = Context.getUnsafe(context, HttpServerRequest)
    const given: Record<string, unknown> = { request, endpoint, group }
    if (readParams !== undefined) {
      const params = readParams(Context.getUnsafe(context, HttpRouter.RouteContext).params)
      if (Result.isFailure(params)) return Effect.fail(params.failure)
      given["params"] = params.success
    }
    if (readHeaders !== undefined) {
      const headers = readHeaders(request.headers)
      if (Result.isFailure(headers)) return Effect.fail(headers.failure)
      given["headers"] = headers.success
    }
    if (readQuery !== undefined) {
      const query = readQuery(Context.getUnsafe(context, ParsedSearchParams))
      if (Result.isFailure(query)) return Effect.fail(query.failure)
      given["query"] = query.success
    }
    if (readPayload === undefined) return Effect.map(handler(given), answer)
    return Effect.flatMap(readPayload(request), (payload) => {
      given["payload"] = payload
      return Effect.map(handler(given), answer)
    })
  })
}

type Wrap = (endpoint: Answer, options: object) => Answer

/** Middleware that asks for credentials, as such that does not. Each of the two APIs knows one scheme at most. */
const asking = (security: Readonly<Record<string, HttpApiSecurity.HttpApiSecurity>>, wraps: Record<string, Wrap>) => {
  const [only, ...more] = Object.entries(security)
  if (only === undefined || more.length > 0) throw new Error("a middleware asks for one kind of credentials")
  const [name, scheme] = only
  const credentials = HttpApiBuilder.securityDecode(scheme)
  const wrap = wraps[name]!
  return (endpoint: Answer, options: object): Answer =>
    Effect.flatMap(credentials, (credential) => wrap(endpoint, { ...options, credential }))
}

/** The endpoint inside its middleware; what was declared first is innermost. */
const wrapped = (
  endpoint: HttpApiEndpoint.Top,
  group: HttpApiGroup.Top,
  services: Context.Context<never>,
  answer: Answer
): Answer => {
  let inside = answer
  for (const key of endpoint.middlewares) {
    const given = Context.getUnsafe(services, key as Context.Key<never, unknown>)
    const service = key as HttpApiMiddleware.AnyService
    const wrap = HttpApiMiddleware.isSecurity(service)
      ? asking(service.security, given as Record<string, Wrap>)
      : (given as Wrap)
    inside = wrap(inside, { endpoint, group })
  }
  return inside
}

/**
 * Adds the routes of one group.
 *
 * @param build makes the handlers, one for every endpoint of the group, by name
 */
export const group = <
  Id extends string,
  Groups extends HttpApiGroup.Constraint,
  const Name extends HttpApiGroup.Identifier<Groups>,
  Handlers extends HandlersOf<Declared<Groups, Name>>,
  E = never,
  R = never
>(
  api: HttpApi.HttpApi<Id, Groups>,
  name: Name,
  build: (handle: Handle<Declared<Groups, Name>>) => Effect.Effect<Handlers, E, R>
): Layer.Layer<
  never,
  E,
  | HttpRouter.HttpRouter
  | Exclude<R, Scope.Scope>
  | HttpApiEndpoint.Middleware<Declared<Groups, Name>[keyof Declared<Groups, Name>]>
  | HttpRouter.Request.From<"Requires", Exclude<Needs<Handlers>, HttpRouter.Provided>>
> =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const handlers = (yield* build((given) => given)) as unknown as Readonly<Record<string, Handler>>
      const services = yield* Effect.context<never>()
      const routes: Array<HttpRouter.Route<never, never>> = []
      HttpApi.reflect(api, {
        predicate: ({ group: declared }) => declared.identifier === name,
        onGroup: () => undefined,
        onEndpoint: ({ endpoint, group: declared, mergedAnnotations, successes }) => {
          const handler = handlers[endpoint.identifier]
          if (handler === undefined) throw new Error(`${name}.${endpoint.identifier} has no handler`)
          const options = slotsOf(mergedAnnotations)
          const answer = serve(endpoint, declared, options, writer(successes, options), handler)
          routes.push(
            HttpRouter.route(
              endpoint.method,
              endpoint.path as HttpRouter.PathInput,
              wrapped(endpoint, declared, services, answer) as Effect.Effect<HttpServerResponse.HttpServerResponse>
            )
          )
        }
      })
      yield* router.addAll(routes)
    })
  ) as never
