/** The way to a worker-runtime on another host over SSH: one tunnel, or two where a host stands in between. */
import { Effect } from "effect"
import type { Steps } from "../../domain/ConnectionTest.ts"
import * as Problem from "../../domain/Problem.ts"
import * as CarriedClient from "../egress/CarriedClient.ts"
import * as Carrier from "../egress/Carrier.ts"
import { EgressClient } from "../egress/EgressClient.ts"
import * as EgressDial from "../egress/EgressDial.ts"
import type { EgressFailure } from "../egress/EgressFailure.ts"
import * as EgressProbe from "../egress/EgressProbe.ts"
import type { Address, Dialer } from "../egress/EgressTarget.ts"
import * as SshTunnel from "./SshTunnel.ts"
import { bracketed, type Place } from "./SshText.ts"

export interface Options {
  readonly place: Place
  /** A host that is logged in to first, with the same identity and the same known hosts. */
  readonly jump?: Place
  /** File of the private key; absent = the agent of the environment. */
  readonly identity?: string
  /** Text of a known_hosts file. */
  readonly knownHosts: string
  /** The runtime, as the host sees it. */
  readonly runtime: { readonly host: string; readonly port: number }
  /** What a failure of the egress client is to everybody else. */
  readonly problemOf: (failure: EgressFailure) => Problem.Problem
}

const starting = Problem.make("runtime_unavailable", "The SSH connection to the host is being made.", {
  reason: "tunnel_starting"
})

/** What the backend itself dials, by the egress policy. Nothing else is looked up on this machine. */
const check = ({ jump, place }: Options) =>
  Effect.flatMap(EgressClient, (client) => {
    const { host, port } = jump ?? place
    return client.check(`http://${bracketed(host)}:${port}`, { own_port: port })
  })

/** Opens the tunnels one through the other. */
const tunnels = Effect.fnUntraced(function* (options: Options, address: Address) {
  const { identity, jump, knownHosts, place, problemOf, runtime } = options
  const common = { identity, knownHosts, problemOf }
  const direct: Dialer = (held) => EgressDial.dial(address, held)
  if (jump === undefined) return yield* SshTunnel.open({ ...common, dial: direct, place, forward: runtime })
  const first = yield* SshTunnel.open({ ...common, dial: direct, place: jump, forward: place, speaksFirst: true })
  const second = yield* SshTunnel.open({ ...common, dial: first.dial, place, forward: runtime })
  return { dial: second.dial, ended: Effect.raceFirst(first.ended, second.ended) } satisfies Carrier.Up
})

/** Opens the tunnel and keeps it open until the scope ends. Does not wait for it. Fails with `egress_refused`. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const address = yield* Effect.mapError(check(options), options.problemOf)
  const { host, port } = options.runtime
  const endpoint = `http://${bracketed(host)}:${port}`
  const carrier = yield* Carrier.make(tunnels(options, address), starting)
  return { client: yield* CarriedClient.make(endpoint, carrier.dial), endpoint }
})

/** The way in the steps of a connection test, up to the tunnel; it ends with the scope. */
export const reach = Effect.fnUntraced(function* (options: Options, steps: Steps) {
  const { problemOf } = options
  const asProblem = <A, R>(effect: Effect.Effect<A, EgressFailure, R>) => Effect.mapError(effect, problemOf)
  const which = options.jump === undefined ? "host" : "jump host"
  const address = yield* steps.take("policy", asProblem(check(options)), () => `The egress policy allows the ${which}.`)
  yield* steps.skip("url", "not_applicable", "This kind has no endpoint.")
  const { value: addresses } = yield* steps.take(
    "dns",
    asProblem(EgressProbe.resolve(address)),
    () => `The ${which} has an address that may be reached.`
  )
  yield* steps.take(
    "tcp",
    Effect.scoped(asProblem(EgressProbe.tcp(address, addresses))),
    () => `The ${which} accepted the connection.`
  )
  yield* steps.take(
    "tls",
    tunnels(options, address),
    () => "The host showed a known key, let the backend in, and made the connection to the runtime."
  )
})
