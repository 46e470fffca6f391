/** What the host hands to a plugin: ways out that obey the egress policy, and the secrets that its configuration names. */
import { Context, Effect, type Redacted, type Scope, Stream } from "effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as Problem from "../Problem.ts"
import * as RuntimeFault from "../RuntimeFault.ts"
import type { Unresolvable } from "../SecretResolver.ts"

export interface WebSocketOptions {
  /** Lower-case names. Host, cookies, hop-by-hop headers and credentials are refused. */
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as `Authorization: Bearer …`. */
  readonly bearer?: Redacted.Redacted<string>
  /** Subprotocols to offer; the peer may choose none of them. */
  readonly protocols?: ReadonlyArray<string>
}

export interface EventOptions {
  /** As for a WebSocket. */
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as `Authorization: Bearer …`. */
  readonly bearer?: Redacted.Redacted<string>
}

/** A WebSocket of text frames. It closes with its scope. */
export interface PluginSocket {
  /** The subprotocol that the peer chose; empty when it chose none. */
  readonly protocol: string
  /**
   * What the peer says, in order; while nobody reads, the socket is not read. Read it once. Ends when the peer closes with
   * 1000, and fails with `runtime_unreachable` or `runtime_timeout` when the connection is lost.
   */
  readonly messages: Stream.Stream<string, Problem.Problem>
  /** Completes when the frame is in the operating system's hands. */
  readonly send: (text: string) => Effect.Effect<void, Problem.Problem>
}

/** The ways out of this process. Each looks at the egress policy, the address behind the name included, before it dials. */
export interface Outbound {
  /**
   * Effect's HTTP client. An answer has at most 4 MiB and 5 seconds, redirects are not followed, and the header
   * `authorization` may carry a bearer token or a name and password. Its failures can be left as they are: `problemOf`
   * makes problems of them.
   */
  readonly http: HttpClient.HttpClient
  /** @param url absolute `http`, `https`, `ws` or `wss` URL */
  readonly webSocket: (
    url: string,
    options?: WebSocketOptions
  ) => Effect.Effect<PluginSocket, Problem.Problem, Scope.Scope>
  /**
   * The `data` of server-sent events, from now on, in order; while nobody reads, the server is not read. Never ends by
   * itself: fails with `runtime_unreachable` or `runtime_timeout` when the stream breaks off or is silent for a minute. An
   * event has at most 1 MiB.
   */
  readonly serverEvents: (url: string, options?: EventOptions) => Stream.Stream<string, Problem.Problem>
}

/** What a plugin is handed beside its configuration. Clock, logger and tracer are Effect's own services of the fiber. */
export interface PluginHost extends Outbound {
  /**
   * The secret behind a reference (`env:NAME`, `file:PATH`, …), looked up anew each time. Only references that the
   * plugin's own configuration holds are answered: in `token_ref`, or in one of the definition's `secretFields`.
   */
  readonly secret: (ref: string) => Effect.Effect<Redacted.Redacted<string>, Unresolvable>
}

const nowhere: Outbound = {
  http: HttpClient.make((request) =>
    Effect.fail(
      new HttpClientError.HttpClientError({
        reason: new HttpClientError.TransportError({ request, cause: RuntimeFault.problem("policy") })
      })
    )
  ),
  webSocket: () => Effect.fail(RuntimeFault.problem("policy")),
  serverEvents: () => Stream.fail(RuntimeFault.problem("policy"))
}

/** Makes the ways out of one connection; they close with its scope. Unless somebody provides one, nothing can be reached. */
export const OutboundFactory = Context.Reference<Effect.Effect<Outbound, never, Scope.Scope>>(
  "yoi-workspace/domain/plugin/OutboundFactory",
  { defaultValue: () => Effect.succeed(nowhere) }
)
