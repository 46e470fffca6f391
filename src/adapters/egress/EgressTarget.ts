/** A peer that passed the policy: everything that a dial needs, and nothing that a log may show. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { isIP, type Socket } from "node:net"
import type { Pool } from "undici"
import { AddressResolver } from "./AddressResolver.ts"
import type { EgressDeadlines } from "./EgressDeadlines.ts"
import { type EgressFailure, failure } from "./EgressFailure.ts"
import type { CheckedUrl, EgressPolicy } from "./EgressPolicy.ts"

export interface TargetOptions {
  /** PEM certificates that this peer's certificate may be signed by, instead of the system's. */
  readonly ca?: string
  /** As in `EgressPolicy.check`, for what is dialled and not called over HTTP. */
  readonly own_port?: number
}

/** The socket being made, so that a failure or an interruption at any point can destroy it. */
export interface Held {
  socket: Socket | undefined
}

/** A way to one peer that is not dialled by its address. The caller owns the socket; on failure none is left open. */
export type Dialer = (held: Held) => Effect.Effect<Socket, EgressFailure>

/** What is known about the peer. Held redacted, because a runtime's address is nobody else's business. */
export interface Peer extends CheckedUrl {
  readonly policy: EgressPolicy
  readonly resolver: AddressResolver
  readonly ca: string | undefined
  /** Server name for TLS and its certificate check; empty for an address, which has none. */
  readonly servername: string
  /** Present for a peer that is reached through something of the backend's own: the policy has no say then. */
  readonly dialer?: Dialer
}

/** A checked peer. Printing or encoding one shows `<redacted>`. */
export interface Address {
  readonly peer: Redacted.Redacted<Peer>
}

/** A call that waits for a connection. */
export interface Waiting {
  readonly start: () => void
  /** The target is closing. */
  readonly close: () => void
}

/** What the calls of one target share. */
export interface Connections {
  readonly pool: Pool
  readonly deadlines: EgressDeadlines
  /** Calls in the pool's hands. */
  running: number
  /** Calls that are not, in order. They are kept out of the pool's own queue, which nobody can leave. */
  readonly waiting: Set<Waiting>
}

/** A checked peer with its connections; they end with the scope that opened it. */
export interface Target extends Address {
  readonly connections: Redacted.Redacted<Connections>
}

/** Checks the endpoint (scheme, host, port, optional path prefix) and opens nothing. Fails with `policy`. */
export const check = (
  policy: EgressPolicy,
  url: string,
  options: TargetOptions = {}
): Effect.Effect<Address, EgressFailure> =>
  Effect.map(
    Effect.all([Effect.suspend(() => Effect.fromResult(policy.check(url, options.own_port))), AddressResolver]),
    ([checked, resolver]) => ({
      peer: Redacted.make<Peer>(
        {
          ...checked,
          policy,
          resolver,
          ca: options.ca,
          servername: isIP(checked.host) === 0 ? checked.host : ""
        },
        { label: "peer" }
      )
    })
  ).pipe(Effect.mapError((refusal) => failure({ _tag: "policy", refusal }, false)))
