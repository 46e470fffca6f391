/** The host as authors of promises see it: the same guarded ways out, behind async functions. */
import { type Context, Effect, Exit, type Redacted, Schema, Scope, Stream } from "effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpMethod } from "effect/http/HttpMethod"
import * as RuntimeFault from "../RuntimeFault.ts"
import type { EventOptions, PluginHost, WebSocketOptions } from "./PluginHost.ts"
import { problemOf } from "./SafeProblem.ts"

export interface FetchOptions {
  /** `GET` when absent. */
  readonly method?: HttpMethod
  /** Lower-case names. Host, cookies, hop-by-hop headers and credentials are refused. */
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as `Authorization: Bearer …`. */
  readonly bearer?: Redacted.Redacted<string>
  /** Sent as it is; text as UTF-8. */
  readonly body?: string | Uint8Array
  /** Sent as JSON, in the place of `body`. */
  readonly json?: unknown
  /** Gives the request up. Pass the one of the call. */
  readonly signal?: AbortSignal
}

/** A whole answer with a status of 200 to 299 or 400 to 599. */
export interface FetchAnswer {
  readonly status: number
  /** Whether the status is 200 to 299. */
  readonly ok: boolean
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** The body as UTF-8. */
  readonly text: string
  /** The text as JSON. Throws `runtime_protocol_error` when it is none. */
  readonly json: () => unknown
}

/** A WebSocket of text frames. */
export interface PromiseSocket {
  /** The subprotocol that the peer chose; empty when it chose none. */
  readonly protocol: string
  /** What the peer says, in order. Read it once; it ends when the peer closes with 1000, and throws when it is lost. */
  readonly messages: AsyncIterable<string>
  /** Settles when the frame is in the operating system's hands. Throws a problem when the connection is lost. */
  readonly send: (text: string) => Promise<void>
  readonly close: () => Promise<void>
}

export interface PromiseHost {
  /** Throws a problem when no answer comes. At most 4 MiB within 5 seconds; redirects are not followed. */
  readonly fetch: (url: string, options?: FetchOptions) => Promise<FetchAnswer>
  /** Closes with the connection of the kind at the latest. */
  readonly webSocket: (
    url: string,
    options?: WebSocketOptions & { readonly signal?: AbortSignal }
  ) => Promise<PromiseSocket>
  /** The `data` of server-sent events. See `Outbound.serverEvents`; leave the loop to close it. */
  readonly serverEvents: (url: string, options?: EventOptions) => AsyncIterable<string>
  /** See `PluginHost.secret`. */
  readonly secret: (ref: string) => Promise<Redacted.Redacted<string>>
  /** Writes a line to the backend's log. Whatever is in it can be read there. */
  readonly log: (message: string, values?: Readonly<Record<string, string | number | boolean>>) => void
}

const signalOf = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal })

/** @param scope of the connection; sockets close with it */
export const make = (host: PluginHost, scope: Scope.Scope, services: Context.Context<never>): PromiseHost => {
  const run = Effect.runPromiseWith(services)

  const fetch = (url: string, { bearer, body, headers, json, method = "GET" }: FetchOptions) =>
    Effect.gen(function* () {
      let request = HttpClientRequest.make(method)(url, headers === undefined ? {} : { headers })
      if (bearer !== undefined) request = HttpClientRequest.bearerToken(request, bearer)
      if (json !== undefined) request = HttpClientRequest.bodyJsonUnsafe(request, json)
      else if (typeof body === "string") request = HttpClientRequest.bodyText(request, body)
      else if (body !== undefined) request = HttpClientRequest.bodyUint8Array(request, body)
      const response = yield* host.http.execute(request)
      const text = yield* response.text
      return {
        status: response.status,
        ok: response.status < 300,
        headers: { ...response.headers },
        text,
        json: () => parsed(text)
      } satisfies FetchAnswer
    }).pipe(Effect.mapError(problemOf))

  const webSocket = Effect.fnUntraced(function* (url: string, options: WebSocketOptions) {
    const own = yield* Scope.fork(scope)
    const socket = yield* Scope.provide(host.webSocket(url, options), own).pipe(
      Effect.onError(() => Scope.close(own, Exit.void))
    )
    return {
      protocol: socket.protocol,
      messages: Stream.toAsyncIterableWith(socket.messages, services),
      send: (text) => run(socket.send(text)),
      close: () => run(Scope.close(own, Exit.void))
    } satisfies PromiseSocket
  })

  return {
    fetch: (url, options = {}) => run(fetch(url, options), signalOf(options.signal)),
    webSocket: (url, { signal, ...options } = {}) => run(webSocket(url, options), signalOf(signal)),
    serverEvents: (url, options) => Stream.toAsyncIterableWith(host.serverEvents(url, options), services),
    secret: (ref) => run(host.secret(ref)),
    log: (message, values = {}) => {
      void run(Effect.annotateLogs(Effect.logInfo(message), values))
    }
  }
}

const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

const parsed = (text: string): unknown => {
  const value = decodeJson(text)
  if (value._tag === "Some") return value.value
  throw RuntimeFault.problem("invalid_json")
}
