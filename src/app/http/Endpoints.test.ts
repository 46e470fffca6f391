import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Layer, Redacted, Schema } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import {
  HttpApi,
  HttpApiEndpoint,
  HttpApiError,
  HttpApiGroup,
  HttpApiMiddleware,
  HttpApiSchema,
  HttpApiSecurity
} from "effect/http-api"
import * as Problem from "../../domain/Problem.ts"
import * as Endpoints from "./Endpoints.ts"

class Outer extends HttpApiMiddleware.Service<Outer>()("test/Outer") {}
class Greeting extends Context.Service<Greeting, string>()("test/Greeting") {}

const Numbered = Schema.Struct({ n: Schema.FiniteFromString })
const Body = Schema.Struct({ text: Schema.String })

const group = HttpApiGroup.make("things").add(
  HttpApiEndpoint.get("get", "/things/:n", {
    params: { n: Schema.FiniteFromString.check(Schema.isInt()) },
    query: { upTo: Schema.optionalKey(Schema.FiniteFromString) },
    headers: { "x-key": Schema.optionalKey(Schema.String.check(Schema.isMaxLength(3))) },
    success: Numbered
  }),
  HttpApiEndpoint.post("make", "/things", { payload: Body, success: Body.pipe(HttpApiSchema.status(201)) }),
  HttpApiEndpoint.post("end", "/things/end", { payload: [Body, Schema.Null], success: HttpApiSchema.NoContent }),
  HttpApiEndpoint.get("tagged", "/tagged", { success: HttpApiSchema.WithHeaders(Body, { etag: Schema.String }) }),
  HttpApiEndpoint.get("whole", "/whole", { success: HttpApiSchema.StreamSse({ data: Schema.Unknown }) }),
  HttpApiEndpoint.get("greet", "/greet", { success: Body }),
  HttpApiEndpoint.get("wrong", "/wrong", { success: Body })
)
const Api = HttpApi.make("test")
  .add(group)
  .middleware(Outer)
  .annotate(HttpApi.PayloadParseOptions, { onExcessProperty: "error" })

const routes = Endpoints.group(Api, "things", (handle) =>
  Effect.succeed(
    handle({
      get: ({ headers, params, query }) =>
        Effect.succeed({ n: params.n + (query.upTo ?? 0) + (headers["x-key"] === undefined ? 0 : 1_000) }),
      make: ({ payload }) => Effect.succeed(payload),
      end: ({ payload }) =>
        payload === null ? Effect.void : Effect.succeed(HttpServerResponse.text(payload.text, { status: 202 })),
      tagged: () => Effect.succeed(HttpApiSchema.withHeaders({ body: { text: "it" }, headers: { etag: '"7"' } })),
      whole: ({ request }) => Effect.succeed(HttpServerResponse.text(`whole ${request.method}`)),
      greet: () => Effect.map(Greeting, (text) => ({ text })),
      wrong: () => Effect.succeed({ text: 7 as unknown as string })
    })
  )
)

/** Tells in a header that it was there, and what went wrong inside as the body. */
const outer = Layer.succeed(Outer, (endpoint, { endpoint: { identifier } }) =>
  Effect.gen(function* () {
    const { method } = yield* HttpServerRequest
    const response = yield* Effect.catchCause(
      endpoint as Effect.Effect<HttpServerResponse.HttpServerResponse>,
      (cause) =>
        Effect.sync(() => {
          const error: unknown = Cause.squash(cause)
          const said = HttpApiError.HttpApiSchemaError.is(error)
            ? error.kind
            : Problem.isProblem(error)
              ? error._tag
              : String(error)
          return HttpServerResponse.text(`${Cause.hasDies(cause) ? "defect" : "failure"}: ${said}`, { status: 400 })
        })
    )
    return HttpServerResponse.setHeader(response, "x-outer", `${method} ${identifier}`)
  })
)

const { handler } = HttpRouter.toWebHandler(
  routes.pipe(Layer.provide(outer), Layer.provideMerge(Layer.succeed(Greeting, "good day"))),
  { disableLogger: true }
)

const ask = async (method: string, path: string, body?: string, headers: Record<string, string> = {}) => {
  const init = body === undefined ? { method, headers } : { method, headers, body }
  const response = await handler(new Request(`http://test${path}`, init))
  return { status: response.status, text: await response.text(), headers: response.headers }
}
const said = async (...asked: Parameters<typeof ask>) => {
  const { status, text } = await ask(...asked)
  return `${status} ${text}`
}

describe("an endpoint", () => {
  it("reads path, query and headers, and writes what its handler gives as JSON", async () => {
    const { headers, status, text } = await ask("GET", "/things/2?upTo=40", undefined, { "x-key": "abc" })
    assert.deepStrictEqual([status, text, headers.get("content-type")], [200, '{"n":"1042"}', "application/json"])
    assert.strictEqual(await said("GET", "/things/2"), '200 {"n":"2"}')
  })

  it("says which part of a request it could not read", async () => {
    assert.strictEqual(await said("GET", "/things/two"), "400 failure: Params")
    assert.strictEqual(await said("GET", "/things/2?upTo=all"), "400 failure: Query")
    assert.strictEqual(await said("GET", "/things/2", undefined, { "x-key": "abcd" }), "400 failure: Headers")
    assert.strictEqual(await said("POST", "/things", '{"text":7}'), "400 failure: Payload")
    assert.strictEqual(await said("POST", "/things", '{"text":"a","more":1}'), "400 failure: Payload")
    assert.strictEqual(await said("POST", "/things", "{"), "400 failure: invalid_json")
  })

  it("has the status that was declared, also without a body", async () => {
    assert.strictEqual(await said("POST", "/things", '{"text":"a"}'), '201 {"text":"a"}')
    assert.strictEqual(await said("POST", "/things/end", "null"), "204 ")
  })

  it("takes no body for null where null is allowed, and for a mistake where it is not", async () => {
    assert.strictEqual(await said("POST", "/things/end", ""), "204 ")
    assert.strictEqual((await ask("POST", "/things", "")).status, 400)
  })

  it("passes a whole response on as it is", async () => {
    assert.strictEqual(await said("POST", "/things/end", '{"text":"bye"}'), "202 bye")
    assert.strictEqual(await said("GET", "/whole"), "200 whole GET")
  })

  it("writes headers that come with a body", async () => {
    const { headers, text } = await ask("GET", "/tagged")
    assert.deepStrictEqual([text, headers.get("etag")], ['{"text":"it"}', '"7"'])
  })

  it("sees the services that the server was started with", async () => {
    assert.strictEqual(await said("GET", "/greet"), '200 {"text":"good day"}')
  })

  it("that gives what was not declared is a defect, and writes nothing of it", async () => {
    assert.strictEqual(await said("GET", "/wrong"), "400 defect: Body")
  })

  it("is inside its middleware", async () => {
    assert.strictEqual((await ask("GET", "/greet")).headers.get("x-outer"), "GET greet")
  })
})

class Door extends HttpApiMiddleware.Service<Door>()("test/Door", { security: { key: HttpApiSecurity.bearer } }) {}

describe("an API that asks for credentials", () => {
  const Guarded = HttpApi.make("guarded")
    .add(HttpApiGroup.make("inside").add(HttpApiEndpoint.post("say", "/say", { payload: Body, success: Body })))
    .middleware(Door)
    .middleware(Outer)
    .annotate(HttpApi.ParseOptions, { onExcessProperty: "error" })
  const door = Layer.succeed(Door, {
    key: (endpoint, { credential }) =>
      Redacted.value(credential) === "sesame"
        ? endpoint
        : Effect.succeed(HttpServerResponse.text("shut", { status: 401 }))
  })
  const inside = Endpoints.group(Guarded, "inside", (handle) =>
    Effect.succeed(handle({ say: ({ payload }) => Effect.succeed(payload) }))
  )
  const { handler: guarded } = HttpRouter.toWebHandler(inside.pipe(Layer.provide([door, outer])), {
    disableLogger: true
  })
  const say = async (body: string, headers: Record<string, string> = {}) => {
    const response = await guarded(new Request("http://test/say", { method: "POST", body, headers }))
    return `${response.status} ${await response.text()}`
  }
  const sesame = { authorization: "Bearer sesame" }

  it("lets in who has them and nobody else", async () => {
    assert.strictEqual(await say('{"text":"a"}', sesame), '200 {"text":"a"}')
    assert.strictEqual(await say('{"text":"a"}'), "401 shut")
    assert.strictEqual(await say('{"text":"a"}', { authorization: "Bearer other" }), "401 shut")
  })

  it("reads as strictly as the API says for all of its parts", async () => {
    assert.strictEqual(await say('{"text":"a","more":1}', sesame), "400 failure: Payload")
  })
})

it("a handler that is missing is told when the routes are made", async () => {
  const incomplete = Endpoints.group(Api, "things", () => Effect.succeed({} as never))
  const build = Effect.scoped(
    Layer.build(incomplete.pipe(Layer.provide([outer, HttpRouter.layer]))) as Effect.Effect<unknown>
  )
  const exit = await Effect.runPromiseExit(build)
  assert.strictEqual(exit._tag, "Failure")
})

it("a body that is no JSON is refused when the routes are made, and not when it is sent", async () => {
  const Texts = HttpApi.make("texts").add(
    HttpApiGroup.make("texts").add(
      HttpApiEndpoint.post("say", "/say", { payload: Schema.String.pipe(HttpApiSchema.asText()), success: Body })
    )
  )
  const routes = Endpoints.group(Texts, "texts", (handle) =>
    Effect.succeed(handle({ say: ({ payload }) => Effect.succeed({ text: payload }) }))
  )
  const exit = await Effect.runPromiseExit(Effect.scoped(Layer.build(routes.pipe(Layer.provide(HttpRouter.layer)))))
  assert.isTrue(exit._tag === "Failure" && Cause.hasDies(exit.cause))
})
