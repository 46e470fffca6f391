/** Turns a name into addresses. A reference, so a test can answer in place of the system's resolver. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { lookup } from "node:dns"
import { type EgressFailure, failure } from "./EgressFailure.ts"

export interface AddressResolver {
  /** Every address of the name, in the order in which to try them; what they are worth is the policy's to say. */
  readonly lookup: (name: string) => Effect.Effect<ReadonlyArray<string>, EgressFailure>
}

/** By default `getaddrinfo`, which also reads the hosts file. libuv runs at most two at a time. */
export const AddressResolver = Context.Reference<AddressResolver>("yoi/adapters/egress/AddressResolver", {
  defaultValue: () => ({
    lookup: (name) =>
      Effect.callback((resume) => {
        lookup(name, { all: true, order: "verbatim" }, (error, addresses) => {
          resume(
            error === null
              ? Effect.succeed(addresses.map((found) => found.address))
              : Effect.fail(failure({ _tag: "dns" }, false, error))
          )
        })
      })
  })
})
