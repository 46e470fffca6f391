/** A source that lives in another process, which `SourceHost` serves it from, and may crash there. */
import { Effect, Layer, Stream } from "effect"
import * as RpcClient from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as Problem from "../../domain/Problem.ts"
import * as RuntimeSource from "../../domain/RuntimeSource.ts"
import type { CommandOptions } from "../../domain/Worker.ts"
import { problemOf } from "./HostFailure.ts"
import { SourceRpcs } from "./SourceRpcs.ts"

/** Connections to the host: one for all calls, and one for each stream. */
export interface Way {
  readonly calls: Layer.Layer<RpcClient.Protocol>
  readonly stream: Layer.Layer<RpcClient.Protocol>
}

type Failing = Problem.Problem | RpcClientError

const read = <A>(call: Effect.Effect<A, Failing>) =>
  Effect.catchCause(call, (cause) => Effect.fail(problemOf(cause, false)))

const command = <A>({ idempotency_key }: CommandOptions, call: Effect.Effect<A, Failing>) =>
  Effect.catchCause(call, (cause) => Effect.fail(problemOf(cause, idempotency_key === undefined)))

/** Calls nothing yet. A host that is not there is `runtime_unreachable`, until it is there again. */
export const make = Effect.fnUntraced(function* (identity: Omit<RuntimeSource.Identity, "built_in">, way: Way) {
  const opened = (layer: Way["calls"]) =>
    Effect.flatMap(Layer.build(layer), (built) => Effect.provideContext(RpcClient.make(SourceRpcs), built))
  const host = yield* opened(way.calls)
  /** What breaks a stream may have broken the calls' connection, too: that is found out before anybody sends a command. */
  const lost = (problem: Problem.Problem) =>
    Effect.andThen(
      problem._tag === "runtime_unreachable" ? Effect.exit(Effect.retry(host.describe(), { times: 2 })) : Effect.void,
      Effect.fail(problem)
    )
  return RuntimeSource.make(
    { ...identity, built_in: false },
    {
      describe: read(host.describe()),
      list: (query) => read(host.list({ query })),
      get: (worker_id) => read(host.get({ worker_id })),
      create: (request, options) => command(options, host.create({ request, options })),
      input: (worker_id, input, options) => command(options, host.input({ worker_id, input, options })),
      stop: (worker_id, reason, options) => command(options, host.stop({ worker_id, reason, options })),
      cancel: (worker_id, reason, options) => command(options, host.cancel({ worker_id, reason, options })),
      transcript: (worker_id, query) => read(host.transcript({ worker_id, query })),
      events: (worker_id, cursor) =>
        Stream.catchCause(
          Stream.unwrap(Effect.map(opened(way.stream), (own) => own.events({ worker_id, cursor }))),
          (cause) => Stream.fromEffect(lost(problemOf(cause, false)))
        ),
      bundles: read(host.bundles()),
      putBundle: (bundle) => read(host.putBundle({ bundle })),
      bundleAvailability: (id, digest) => read(host.bundleAvailability({ id, digest }))
    }
  )
})
