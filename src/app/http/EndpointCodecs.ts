/** How the parts of a request are read and how an answer is written, made once for each endpoint. Bodies are JSON. */
// Before any codec is made: compiled ones cost a tenth.
import "effect/schema/SchemaJITCompiler/enable"
import { Context, Effect, Result, Schema } from "effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { HttpApi, type HttpApiEndpoint, HttpApiError, HttpApiSchema } from "effect/http-api"
import * as Problem from "../../domain/Problem.ts"

// oxlint-disable-next-line typescript/no-explicit-any -- the codecs of a wire need nothing, which their type does not tell
type Codec = Schema.Codec<any, any>

const failed = (kind: HttpApiError.HttpApiSchemaError["kind"], cause: Schema.SchemaError) =>
  new HttpApiError.HttpApiSchemaError({ kind, cause })

type ParseOptions = HttpApi.ParseOptions["Service"]

/** How strictly each part of an exchange is read and written, as the API declares it. */
export const slotsOf = (annotations: Context.Context<never>) => {
  const general = Context.getOrUndefined(annotations, HttpApi.ParseOptions)
  return {
    params: Context.getOrUndefined(annotations, HttpApi.ParamsParseOptions) ?? general,
    query: Context.getOrUndefined(annotations, HttpApi.QueryParseOptions) ?? general,
    headers: Context.getOrUndefined(annotations, HttpApi.HeadersParseOptions) ?? general,
    payload: Context.getOrUndefined(annotations, HttpApi.PayloadParseOptions) ?? general,
    success: Context.getOrUndefined(annotations, HttpApi.SuccessParseOptions) ?? general
  }
}
export type Slots = ReturnType<typeof slotsOf>

/** What a handler gives was checked by the compiler: a value that cannot be written is a defect. */
const written = (kind: "Body" | "ResponseHeaders", schema: Schema.Top, options?: ParseOptions) => {
  const encode = Schema.encodeUnknownResult(schema as Codec, options)
  return (value: unknown): unknown => {
    const encoded = encode(value)
    if (Result.isFailure(encoded)) throw failed(kind, encoded.failure)
    return encoded.success
  }
}

export type Write = (value: unknown) => HttpServerResponse.HttpServerResponse

/** Writes what the handlers of an endpoint give, which has one status and one shape. */
export const writer = (successes: ReadonlyMap<number, ReadonlyArray<Schema.Top>>, options: Slots): Write => {
  const [only, ...more] = successes
  // A stream: its handler gives the response.
  if (only === undefined) return () => HttpServerResponse.empty({ status: 204 })
  const [status, [schema, ...others]] = only
  if (schema === undefined || more.length > 0 || others.length > 0) throw new Error("an endpoint gives one thing")
  if (HttpApiSchema.isWithHeaders(schema)) {
    const write = bodyWriter(status, schema.schema, options)
    const headers = written("ResponseHeaders", schema.headers, options.headers)
    return (value) => {
      const both = value as HttpApiSchema.withHeaders<unknown, unknown>
      return HttpServerResponse.setHeaders(write(both.body), headers(both.headers) as Record<string, string>)
    }
  }
  return bodyWriter(status, schema, options)
}

const bodyWriter = (status: number, schema: Schema.Top, slots: Slots): Write => {
  if (HttpApiSchema.isNoContent(schema.ast)) return () => HttpServerResponse.empty({ status })
  const body = written("Body", schema, slots.success)
  const options = { status, contentType: "application/json" }
  return (value) => HttpServerResponse.text(JSON.stringify(body(value)), options)
}

export const reader = (
  kind: HttpApiError.HttpApiSchemaError["kind"],
  schema: Schema.Top | undefined,
  options: ParseOptions | undefined
) => {
  if (schema === undefined) return undefined
  const decode = Schema.decodeUnknownResult(schema as Codec, options)
  return (input: unknown) => Result.mapError(decode(input), (cause) => failed(kind, cause))
}

/** Reads a body that `JsonBody.check` has admitted. An empty one stands for nothing. */
export const payloadReader = (endpoint: HttpApiEndpoint.Top, options: ParseOptions | undefined) => {
  const [declared, ...more] = endpoint.payload.values()
  if (declared === undefined) return undefined
  if (more.length > 0 || declared.encoding._tag !== "Json") throw new Error("an endpoint takes JSON and nothing else")
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
