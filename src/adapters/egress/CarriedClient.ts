/** An egress client for one peer that something of the backend's own carries to. It leads to no other place. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { AddressResolver } from "./AddressResolver.ts"
import { EgressClient } from "./EgressClient.ts"
import { exchange } from "./EgressExchange.ts"
import { failure } from "./EgressFailure.ts"
import type { EgressPolicy, PolicyRefusal } from "./EgressPolicy.ts"
import * as EgressPool from "./EgressPool.ts"
import type { Dialer, Peer } from "./EgressTarget.ts"

const refusal: PolicyRefusal = { kind: "address_refused", network: "not_allowed" }

/** Nothing is dialled by its address, so this is not asked; should it be, the answer is no. */
const nothing: EgressPolicy = { check: () => Result.fail(refusal), checkAddress: () => Result.fail(refusal) }

/**
 * @param endpoint the one URL that the client takes (`http`, without a path); its host and port are what the peer sees in
 *   the Host header, and nobody resolves or dials them
 */
export const make = (endpoint: string, dialer: Dialer): Effect.Effect<EgressClient["Service"]> =>
  Effect.map(AddressResolver, (resolver) => {
    const url = new URL(endpoint)
    const peer: Peer = {
      secure: false,
      host: url.hostname,
      port: Number(url.port),
      literal: undefined,
      origin: url.origin,
      base_path: "",
      policy: nothing,
      resolver,
      ca: undefined,
      servername: "",
      dialer
    }
    const check: EgressClient["Service"]["check"] = (asked) =>
      asked === endpoint
        ? Effect.succeed({ peer: Redacted.make(peer, { label: "peer" }) })
        : Effect.fail(failure({ _tag: "policy", refusal }, false))
    return EgressClient.of({
      check,
      target: (asked) =>
        Effect.flatMap(check(asked), (address) => EgressPool.open(address, EgressPool.defaultTimeouts)),
      request: exchange
    })
  })
