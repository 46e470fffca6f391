/**
 * Serves the endpoints of a declared group. `HttpApiBuilder` does the same and gives each request a copy of all services
 * in sight; for a small request that costs more than the rest of it (docs/performance.md). Here codecs are made once and
 * run as plain functions, and a handler sees what the server itself sees. Bodies are JSON. A response that a handler
 * gives as a whole, for instance a stream, goes out as it is.
 */
import "effect/schema/SchemaJITCompiler/enable"
import { Context, Effect, type Layer, Result, Schema } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest, ParsedSearchParams } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { HttpApi, type HttpApiEndpoint, HttpApiError, type HttpApiGroup, HttpApiSchema } from "effect/http-api"
import * as Problem from "../../domain/Problem.ts"

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
// oxlint-disable-next-line typescript/no-explicit-any -- the codecs of a wire need nothing, which their type does not tell
type Codec = Schema.Codec<any, any>

const failed = (kind: HttpApiError.HttpApiSchemaError["kind"], cause: Schema.SchemaError) =>
  new HttpApiError.HttpApiSchemaError({ kind, cause })

/** What a handler gives was checked by the compiler: a value that cannot be written is a defect. */
const written = (schema: Schema.Top, kind: "Body" | "ResponseHeaders") => {
  const encode = Schema.encodeUnknownResult(schema as Codec)
  return (value: unknown): unknown => {
    const encoded = encode(value)
    if (Result.isFailure(encoded)) throw failed(kind, encoded.failure)
    return encoded.success
  }
}

type Write = (value: unknown) => HttpServerResponse.HttpServerResponse

/** Writes what the handlers of an endpoint give, which has one status and one shape. */
const writer = (successes: ReadonlyMap<number, ReadonlyArray<Schema.Top>>): Write => {
  const [only, ...more] = successes
  // A stream: its handler gives the response.
  if (only === undefined) return () => HttpServerResponse.empty({ status: 204 })
  const [status, [schema, ...others]] = only
  if (schema === undefined || more.length > 0 || others.length > 0) throw new Error("an endpoint gives one thing")
  if (HttpApiSchema.isWithHeaders(schema)) {
    const write = bodyWriter(status, schema.schema)
    const headers = written(schema.headers, "ResponseHeaders")
    return (value) => {
      const both = value as HttpApiSchema.withHeaders<unknown, unknown>
      return HttpServerResponse.setHeaders(write(both.body), headers(both.headers) as Record<string, string>)
    }
  }
  return bodyWriter(status, schema)
}

const bodyWriter = (status: number, schema: Schema.Top): Write => {
  if (HttpApiSchema.isNoContent(schema.ast)) return () => HttpServerResponse.empty({ status })
  const body = written(schema, "Body")
  const options = { status, contentType: "application/json" }
  return (value) => HttpServerResponse.text(JSON.stringify(body(value)), options)
}

const reader = (kind: HttpApiError.HttpApiSchemaError["kind"], schema: Schema.Top | undefined, options?: object) => {
  if (schema === undefined) return undefined
  const decode = Schema.decodeUnknownResult(schema as Codec, options)
  return (input: unknown) => Result.mapError(decode(input), (cause) => failed(kind, cause))
}

/** Reads a body that `JsonBody.check` has admitted. An empty one stands for nothing. */
const payloadReader = (endpoint: HttpApiEndpoint.Top, options: object | undefined) => {
  const [declared] = endpoint.payload.values()
  if (declared === undefined) return undefined
  const schemas = declared.schemas as ReadonlyArray<Schema.Top>
  const read = reader("Payload", Schema.Union(schemas), options)!
  const nothing = schemas.some(({ ast }) => ast._tag === "Null") ? null : undefined
  return (request: HttpServerRequest): Effect.Effect<unknown, unknown> =>
    Effect.flatMap(Effect.orDie(request.text), (text): Effect.Effect<unknown, unknown> => {
      if (text === "") return Effect.fromResult(read(nothing))
      try {
        return Effect.fromResult(read(JSON.parse(text)))
      } catch {
        return Problem.fail("invalid_json")
      }
    })
}

/** One endpoint as the effect that answers its requests. */
const serve = (
  endpoint: HttpApiEndpoint.Top,
  group: HttpApiGroup.Top,
  options: Context.Context<never>,
  write: Write,
  handler: Handler
): Answer => {
  const readParams = reader("Params", endpoint.params)
  const readHeaders = reader("Headers", endpoint.headers)
  const readQuery = reader("Query", endpoint.query)
  const readPayload = payloadReader(endpoint, Context.getOrUndefined(options, HttpApi.PayloadParseOptions))
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

/** The endpoint inside its middleware; what was declared first is innermost. */
const wrapped = (
  endpoint: HttpApiEndpoint.Top,
  group: HttpApiGroup.Top,
  services: Context.Context<never>,
  answer: Answer
): Answer => {
  let inside = answer
  for (const key of endpoint.middlewares) {
    const middleware = Context.getUnsafe(services, key as Context.Key<never, Wrap>)
    inside = middleware(inside, { endpoint, group })
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
  | R
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
          const answer = serve(endpoint, declared, mergedAnnotations, writer(successes), handler)
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
