/** The steps of a connection test, one at a time: resolve, tcp, tls. The same policy and code path as a call. */
import type * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Socket } from "node:net"
import * as EgressDial from "./EgressDial.ts"
import type { EgressFailure } from "./EgressFailure.ts"
import type { Address, Held } from "./EgressTarget.ts"

/** A step that worked, and how long it took in milliseconds. A step that failed is an `EgressFailure`. */
export interface Step<A> {
  readonly value: A
  readonly latency_ms: number
}

const timed = <A, E, R>(step: Effect.Effect<A, E, R>): Effect.Effect<Step<A>, E, R> =>
  Clock.clockWith((clock) => {
    const start = clock.monotonicTimeNanosUnsafe()
    return Effect.map(step, (value) => ({
      value,
      latency_ms: Number(clock.monotonicTimeNanosUnsafe() - start) / 1_000_000
    }))
  })

/** The addresses that the policy passes; an address literal answers at once. Fails with `dns` or `policy`. */
export const resolve = (
  address: Address
): Effect.Effect<Step<Arr.NonEmptyReadonlyArray<EgressDial.CheckedAddress>>, EgressFailure> =>
  timed(EgressDial.resolve(address))

/** A connection to the first address that answers, closed with the scope. */
export const tcp = (
  address: Address,
  addresses: Arr.NonEmptyReadonlyArray<EgressDial.CheckedAddress>
): Effect.Effect<Step<Socket>, EgressFailure, Scope.Scope> =>
  timed(holding((held) => EgressDial.tcp(address, addresses, held)))

/** Secures a connection of `tcp`. Fails with `tls`. */
export const tls = (address: Address, socket: Socket): Effect.Effect<Step<Socket>, EgressFailure, Scope.Scope> =>
  timed(holding((held) => EgressDial.tls(address, socket, held)))

/** The finalizer comes first, so that an interrupted step leaves no socket behind either. */
const holding = <A>(step: (held: Held) => Effect.Effect<A, EgressFailure>) =>
  Effect.suspend(() => {
    const held: Held = { socket: undefined }
    return Effect.andThen(
      Effect.addFinalizer(() =>
        Effect.sync(() => {
          if (held.socket !== undefined) EgressDial.discard(held.socket)
        })
      ),
      step(held)
    )
  })
