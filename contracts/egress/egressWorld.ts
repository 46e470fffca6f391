/** What every egress test needs: a client with a scripted resolver, and the reason of a failure. */
import { Effect, Layer } from "effect"
import { AddressResolver } from "../../src/adapters/egress/AddressResolver.ts"
import * as EgressClient from "../../src/adapters/egress/EgressClient.ts"

/** A client whose names resolve to what `answer` says; the second argument counts the lookups from 0. */
export const client = (
  options: EgressClient.Options = {},
  answer: (name: string, lookup: number) => ReadonlyArray<string> = () => ["127.0.0.1"]
) => {
  let lookups = 0
  return clientResolving((name) => Effect.sync(() => answer(name, lookups++)), options)
}

/** A client with a resolver of the test's own. */
export const clientResolving = (lookup: AddressResolver["lookup"], options: EgressClient.Options = {}) =>
  EgressClient.layer(options).pipe(Layer.orDie, Layer.provideMerge(Layer.succeed(AddressResolver, { lookup })))

/** A GET of `/` on an endpoint of its own, whose connections end with it. */
export const get = (url: string, options: Partial<Omit<EgressClient.EgressRequest, "target">> & { ca?: string } = {}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const egress = yield* EgressClient.EgressClient
      const target = yield* egress.target(url, options.ca === undefined ? {} : { ca: options.ca })
      return yield* egress.request({ method: "GET", path: "/", ...options, target })
    })
  )
