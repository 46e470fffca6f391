/** The operations of a source that lives in another process or thread, which `SourceHost` serves it from, and may crash there. */
import { Effect, type Scope, Stream } from "effect"
import * as RpcClient from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as Problem from "../../domain/Problem.ts"
import type { Primitives } from "../../domain/RuntimeSource.ts"
import type { CommandOptions } from "../../domain/Worker.ts"
import { problemOf } from "./HostFailure.ts"
import * as PipeClient from "./PipeClient.ts"
import type { Pipe } from "./Pipe.ts"
import * as RequestHeader from "./RequestHeader.ts"
import { SourceRpcs } from "./SourceRpcs.ts"

type Failing = Problem.Problem | RpcClientError

type Options = Effect.Success<typeof RequestHeader.asked>

const read = <A>(call: (options: Options) => Effect.Effect<A, Failing>) =>
  Effect.catchCause(Effect.flatMap(RequestHeader.asked, call), (cause) => Effect.fail(problemOf(cause, false)))

const command = <A>({ idempotency_key }: CommandOptions, call: (options: Options) => Effect.Effect<A, Failing>) =>
  Effect.catchCause(Effect.flatMap(RequestHeader.asked, call), (cause) =>
    Effect.fail(problemOf(cause, idempotency_key === undefined))
  )

/** Calls nothing yet. With the end of the pipe everything fails as `runtime_unreachable`, at once and for good. */
export const make = Effect.fnUntraced(function* (
  pipe: Pipe,
  channel: number
): Effect.fn.Return<Required<Primitives>, never, Scope.Scope> {
  const over = PipeClient.make(pipe, channel)
  const opened = Effect.flatMap(over.open, (protocol) =>
    Effect.provideService(RpcClient.make(SourceRpcs), RpcClient.Protocol, protocol)
  )
  const host = yield* opened
  return {
    describe: read((asked) => host.describe(undefined, asked)),
    list: (query) => read((asked) => host.list({ query }, asked)),
    get: (worker_id) => read((asked) => host.get({ worker_id }, asked)),
    create: (request, options) => command(options, (asked) => host.create({ request, options }, asked)),
    input: (worker_id, input, options) => command(options, (asked) => host.input({ worker_id, input, options }, asked)),
    stop: (worker_id, reason, options) => command(options, (asked) => host.stop({ worker_id, reason, options }, asked)),
    cancel: (worker_id, reason, options) =>
      command(options, (asked) => host.cancel({ worker_id, reason, options }, asked)),
    interrupt: (worker_id, reason, options) =>
      command(options, (asked) => host.interrupt({ worker_id, reason, options }, asked)),
    permit: (worker_id, permission_id, option_id, options) =>
      command(options, (asked) => host.permit({ worker_id, permission_id, option_id, options }, asked)),
    unqueue: (worker_id, input_id, options) =>
      command(options, (asked) => host.unqueue({ worker_id, input_id, options }, asked)),
    transcript: (worker_id, query) => read((asked) => host.transcript({ worker_id, query }, asked)),
    // A stream has a reader of its own: it may stand still as long as it likes and holds up nobody else.
    events: (worker_id, cursor) =>
      Stream.catchCause(
        Stream.unwrap(
          Effect.gen(function* () {
            const own = yield* opened
            return own.events({ worker_id, cursor }, yield* RequestHeader.asked)
          })
        ),
        (cause) => Stream.fail(problemOf(cause, false))
      ),
    bundles: read((asked) => host.bundles(undefined, asked)),
    putBundle: (bundle) => read((asked) => host.putBundle({ bundle }, asked)),
    bundleAvailability: (id, digest) => read((asked) => host.bundleAvailability({ id, digest }, asked))
  }
})
