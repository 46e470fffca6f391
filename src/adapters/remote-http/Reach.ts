/** The way to a remote runtime in the steps of a connection test: the policy, the name, the connection, its encryption. */
import { Effect, type Redacted } from "effect"
import type { Steps } from "../../domain/ConnectionTest.ts"
import type * as Problem from "../../domain/Problem.ts"
import { EgressClient } from "../egress/EgressClient.ts"
import type { EgressFailure } from "../egress/EgressFailure.ts"
import * as EgressProbe from "../egress/EgressProbe.ts"
import * as RemoteFailure from "./RemoteFailure.ts"

export interface Options {
  readonly endpoint: string
  /** Whether there is one; it is not looked at. */
  readonly token: Effect.Effect<Redacted.Redacted, Problem.Problem> | undefined
  /** PEM certificates, as the source has them. */
  readonly ca?: string
}

/** Refusals of the text of an endpoint; the others are the policy's. */
const ofUrl: ReadonlySet<string> = new Set([
  "url_invalid",
  "scheme_refused",
  "userinfo_refused",
  "name_invalid",
  "address_invalid"
])

const isOfUrl = ({ reason }: EgressFailure): boolean => reason._tag === "policy" && ofUrl.has(reason.refusal.kind)

const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.")

const plain = (readable: boolean) =>
  readable
    ? {
        code: "not_encrypted",
        summary: "The token travels unencrypted: whoever is on the way can read it.",
        fix: "Put the runtime behind TLS and use an https:// endpoint."
      }
    : "The endpoint is not encrypted, and nothing secret leaves this machine."

/** Dials what the source would dial and sends nothing. The connection ends with the scope. */
export const reach = Effect.fnUntraced(function* ({ ca, endpoint, token }: Options, steps: Steps) {
  const client = yield* EgressClient
  const asProblem = <A, R>(effect: Effect.Effect<A, EgressFailure, R>) =>
    Effect.mapError(effect, RemoteFailure.ofEgress)

  const checked = yield* Effect.result(client.check(endpoint, ca === undefined ? {} : { ca }))
  if (checked._tag === "Failure" && isOfUrl(checked.failure)) {
    yield* steps.skip("policy", "not_reached", "The endpoint cannot be read.")
    return yield* steps.take("url", asProblem(Effect.fail(checked.failure)), () => "")
  }
  const address = yield* steps.take(
    "policy",
    asProblem(Effect.fromResult(checked)),
    () => "The egress policy allows the endpoint."
  )
  yield* steps.take("url", Effect.void, () => "The endpoint can be read.")
  const { value: addresses } = yield* steps.take("dns", asProblem(EgressProbe.resolve(address)), ({ value }) =>
    value.length === 1
      ? "The host has one address that may be reached."
      : `The host has ${value.length} addresses that may be reached.`
  )
  const { value: socket } = yield* steps.take(
    "tcp",
    asProblem(EgressProbe.tcp(address, addresses)),
    () => "The connection was accepted."
  )
  if (endpoint.startsWith("https:")) {
    yield* steps.take(
      "tls",
      asProblem(EgressProbe.tls(address, socket)),
      () => "The certificate is valid for the host."
    )
    return
  }
  yield* steps.take("tls", Effect.void, () => plain(token !== undefined && !addresses.every(isLoopback)))
})
