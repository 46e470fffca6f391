/** One call of the runtime API: credentials on, bounds on, and either the decoded answer or exactly one problem. */
// Before any schema is used: compiled decoders halve the cost of an answer.
import "effect/schema/SchemaJITCompiler/enable"
import { Context, Effect, type Fiber, Option, type Redacted, Schema, Tracer } from "effect"
import type * as Problem from "../../domain/Problem.ts"
import { RequestId } from "../../domain/RequestId.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"
import type { EgressClient, EgressResponse } from "../egress/EgressClient.ts"
import type { Target } from "../egress/EgressTarget.ts"
import * as Json from "./Json.ts"
import * as RemoteFailure from "./RemoteFailure.ts"

/** Time of one call, in milliseconds: what the registry grants for all attempts together. */
export const deadlineMs = 5_000

/** Largest answer with one thing in it, in bytes. */
export const maxAnswerBytes = 1_048_576

/** Largest list or transcript page, in bytes: 2 MiB of content, each byte of which JSON may write as six. */
export const maxPageBytes = 16_777_216

/** How to reach one runtime. */
export interface Line {
  readonly client: EgressClient["Service"]
  readonly target: Target
  /** Undefined for a runtime that asks for no token. */
  readonly token: Effect.Effect<Redacted.Redacted, Problem.Problem<"secret_unresolvable">> | undefined
}

export interface Call<A> {
  readonly method: "GET" | "POST" | "DELETE"
  /** Encoded, without the endpoint's own prefix. */
  readonly path: string
  readonly body?: unknown
  readonly answer: Schema.Codec<A, unknown>
  readonly idempotency_key?: string
  readonly max_response_bytes?: number
}

/** A call whose answer has been decoded. */
export interface Answer<A> {
  readonly value: A
  readonly replayed: boolean
}

/** Request ids of callers are shown to the runtime only when they are harmless in a log. */
const harmless = /^[A-Za-z0-9._:-]{1,128}$/

const isJson = (contentType: unknown): boolean =>
  contentType === undefined ||
  (typeof contentType === "string" && /^application\/(?:[a-z0-9.-]+\+)?json *(?:;|$)/i.test(contentType))

const traceId = /^[0-9a-f]{32}$/
const spanId = /^[0-9a-f]{16}$/

/** What every request carries besides its credentials. */
const headersOf = (fiber: Fiber.Fiber<unknown, unknown>): Record<string, string> => {
  const written: Record<string, string> = { accept: "application/json" }
  const id = fiber.getRef(RequestId)
  if (id !== undefined && harmless.test(id)) written["x-request-id"] = id
  const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
  if (span !== undefined && traceId.test(span.traceId) && spanId.test(span.spanId)) {
    written.traceparent = `00-${span.traceId}-${span.spanId}-${span.sampled ? "01" : "00"}`
  }
  return written
}

/** The same for whoever is no call. */
export const headers = Effect.withFiber((fiber) => Effect.succeed(headersOf(fiber)))

const decoders = new WeakMap<object, (value: unknown) => Option.Option<unknown>>()

/** One decoder per schema, made when it is first needed. */
const decoderOf = <A>(schema: Schema.Codec<A, unknown>): ((value: unknown) => Option.Option<A>) => {
  const known = decoders.get(schema)
  if (known !== undefined) return known as (value: unknown) => Option.Option<A>
  const made = Schema.decodeUnknownOption(schema)
  decoders.set(schema, made)
  return made
}

/** Without a key on the wire a command that left may have been carried out, whatever became of its answer. */
const isUnprotected = (call: Call<unknown>): boolean => call.method !== "GET" && call.idempotency_key === undefined

/** What came back: the decoded answer, or what is wrong with it. */
const read = <A>(call: Call<A>, { body, headers: answered, status }: EgressResponse) => {
  if (status >= 300) {
    const problem = RemoteFailure.ofAnswer({ status, body, retryAfter: answered["retry-after"] })
    return Effect.fail(isUnprotected(call) ? RemoteFailure.uncertain(problem, true) : problem)
  }
  if (!isJson(answered["content-type"])) return Effect.fail(RuntimeFault.problem("not_json"))
  const parsed = Json.parse(body)
  if (Option.isNone(parsed)) return Effect.fail(RuntimeFault.problem("invalid_json"))
  const decoded = decoderOf(call.answer)(parsed.value)
  if (Option.isNone(decoded)) return Effect.fail(RuntimeFault.problem("wrong_shape"))
  const answer: Answer<A> = { value: decoded.value, replayed: answered["idempotent-replayed"] === "true" }
  return Effect.succeed(answer)
}

export const send = <A>(line: Line, call: Call<A>): Effect.Effect<Answer<A>, Problem.Problem> =>
  // Few frames and no generator: every request to a runtime passes here.
  Effect.withFiber((fiber) => {
    const written = headersOf(fiber)
    if (call.body !== undefined) written["content-type"] = "application/json"
    if (call.idempotency_key !== undefined) written["idempotency-key"] = call.idempotency_key
    const ask = (bearer: Redacted.Redacted | undefined) =>
      Effect.matchEffect(
        line.client.request({
          target: line.target,
          method: call.method,
          path: call.path,
          headers: written,
          deadline_ms: deadlineMs,
          max_response_bytes: call.max_response_bytes ?? maxAnswerBytes,
          ...(bearer === undefined ? undefined : { bearer }),
          ...(call.body === undefined ? undefined : { body: JSON.stringify(call.body) })
        }),
        {
          onFailure: (failed) => {
            const problem = RemoteFailure.ofEgress(failed)
            return Effect.fail(isUnprotected(call) ? RemoteFailure.uncertain(problem, failed.sent) : problem)
          },
          onSuccess: (response) => read(call, response)
        }
      )
    return line.token === undefined ? ask(undefined) : Effect.flatMap(line.token, ask)
  })
