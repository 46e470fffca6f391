/** The ways out that a plugin is handed: Effect's HTTP client and WebSockets over the guarded egress client. */
import { Effect, Layer, Redacted, Scope, Stream } from "effect"
import type { HttpBody } from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import { EgressClient, type EgressRequest, type EgressResponse } from "../../adapters/egress/EgressClient.ts"
import * as EgressEvents from "../../adapters/egress/EgressEvents.ts"
import * as EgressSocket from "../../adapters/egress/EgressSocket.ts"
import type { Target } from "../../adapters/egress/EgressTarget.ts"
import * as RemoteFailure from "../../adapters/remote-http/RemoteFailure.ts"
import { type Outbound, OutboundFactory, type WebSocketOptions } from "../../domain/plugin/PluginHost.ts"
import type * as Problem from "../../domain/Problem.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"

/** Hosts that one connection may talk to over HTTP. Each has a pool of its own until the connection is taken down. */
export const maxOrigins = 16

const methods: ReadonlySet<string> = new Set<EgressRequest["method"]>(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])

/** Silence after which a stream of events is dead, in milliseconds: servers send a comment or an event every 10 to 30 s. */
export const eventSilenceMs = 60_000

/** Longest event, in UTF-16 units. */
export const maxEventLength = 1_048_576

/** The client computes the length itself; credentials travel apart from the other headers. */
const headersOf = ({ headers }: HttpClientRequest) => {
  const { authorization = "", "content-length": _, ...rest } = headers
  const bearer = /^Bearer ([^\s]+)$/.exec(authorization)?.[1]
  if (bearer !== undefined) return { headers: rest, bearer: Redacted.make(bearer) }
  const basic = /^Basic ([A-Za-z0-9+/=]+)$/.exec(authorization)?.[1]
  if (basic !== undefined) {
    const [user = "", ...password] = Buffer.from(basic, "base64").toString("utf8").split(":")
    return { headers: rest, basic: { user, password: Redacted.make(password.join(":")) } }
  }
  return { headers: authorization === "" ? rest : { ...rest, authorization } }
}

const bodyOf = (body: HttpBody): string | Uint8Array | undefined => {
  if (body._tag === "Uint8Array") return body.body
  return body._tag === "Raw" && typeof body.body === "string" ? body.body : undefined
}

/** Statuses whose answers have no body, not even an empty one. */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304])

const responseOf = (request: HttpClientRequest, { body, headers, status }: EgressResponse) => {
  const pairs = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one): [string, string] => [name, one])
  )
  const content = bodiless.has(status) ? null : new Uint8Array(body)
  return HttpClientResponse.fromWeb(request, new Response(content, { status, headers: pairs }))
}

const transport = (request: HttpClientRequest, cause: Problem.Problem) =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })

const unencodable = (request: HttpClientRequest) =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.EncodeError({ request, description: "This client sends text and bytes." })
  })

/** Frames until the peer closes in order. */
const messagesOf = ({ take }: EgressSocket.EgressSocket): Stream.Stream<string, Problem.Problem> =>
  Stream.fromEffectRepeat(take).pipe(
    Stream.flattenIterable,
    Stream.catchTags({
      SocketClosed: (closed) => (closed.code === 1000 ? Stream.empty : Stream.fail(RemoteFailure.ofClose(closed))),
      EgressFailure: (failure) => Stream.fail(RemoteFailure.ofEgress(failure))
    })
  )

const urlOf = (url: string) =>
  Effect.try({
    try: () => new URL(url.replace(/^ws(s?):/i, "http$1:")),
    catch: () => RuntimeFault.problem("policy", { reason: "url_invalid" })
  })

/** Opens pools in the scope of the connection that it is made for. */
const make = Effect.gen(function* () {
  const client = yield* EgressClient
  const scope = yield* Effect.scope
  const targets = new Map<string, Target>()

  const targetOf = Effect.fnUntraced(function* (origin: string) {
    const known = targets.get(origin)
    if (known !== undefined) return known
    if (targets.size >= maxOrigins) return yield* RuntimeFault.problem("saturated", { max: maxOrigins })
    const opened = yield* Effect.mapError(
      Effect.provideService(client.target(origin), Scope.Scope, scope),
      RemoteFailure.ofEgress
    )
    targets.set(origin, opened)
    return opened
  })

  const http = HttpClient.make((request, url) => {
    const body = bodyOf(request.body)
    if (!methods.has(request.method) || (body === undefined && request.body._tag !== "Empty")) {
      return Effect.fail(unencodable(request))
    }
    return targetOf(url.origin).pipe(
      Effect.flatMap((target) =>
        Effect.mapError(
          client.request({
            target,
            method: request.method as EgressRequest["method"],
            path: url.pathname + url.search,
            ...headersOf(request),
            ...(body === undefined ? undefined : { body })
          }),
          RemoteFailure.ofEgress
        )
      ),
      Effect.mapBoth({
        onFailure: (problem) => transport(request, problem),
        onSuccess: (answer) => responseOf(request, answer)
      })
    )
  })

  const webSocket: Outbound["webSocket"] = Effect.fnUntraced(function* (text: string, options: WebSocketOptions = {}) {
    const url = yield* urlOf(text)
    const address = yield* Effect.mapError(client.check(url.origin), RemoteFailure.ofEgress)
    const socket = yield* Effect.mapError(
      EgressSocket.open(address, { ...options, path: url.pathname + url.search }),
      (refused) =>
        refused._tag === "EgressFailure"
          ? RemoteFailure.ofEgress(refused)
          : RemoteFailure.ofAnswer({ status: refused.status, body: Redacted.value(refused.body) })
    )
    return {
      protocol: socket.protocol,
      messages: messagesOf(socket),
      send: (frame) => Effect.mapError(socket.send(frame), RemoteFailure.ofEgress)
    }
  })

  const serverEvents: Outbound["serverEvents"] = (text, options = {}) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const url = yield* urlOf(text)
        const address = yield* Effect.mapError(client.check(url.origin), RemoteFailure.ofEgress)
        const { take } = yield* Effect.mapError(
          EgressEvents.open(address, {
            ...options,
            path: url.pathname + url.search,
            max_event_length: maxEventLength,
            dead_after_ms: eventSilenceMs
          }),
          (refused) =>
            refused._tag === "EgressFailure"
              ? RemoteFailure.ofEgress(refused)
              : RemoteFailure.ofAnswer({ status: refused.status, body: new Uint8Array(0) })
        )
        return Stream.flattenIterable(Stream.fromEffectRepeat(Effect.mapError(take, RemoteFailure.ofEgress)))
      })
    )

  // A span of a request holds the whole address; that of the operation does not.
  return {
    http: HttpClient.transformResponse(
      http,
      Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
    ),
    webSocket,
    serverEvents
  } satisfies Outbound
})

/** Every connection of a plugin's kind gets ways out under this backend's policy. */
export const layer: Layer.Layer<never, never, EgressClient> = Layer.effect(
  OutboundFactory,
  Effect.map(EgressClient, (client) => Effect.provideService(make, EgressClient, client))
)
