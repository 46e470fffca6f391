/** Serves a source to a backend in another process, over whatever RPC protocol is provided. */
import { Cause, Effect, Layer, Stream } from "effect"
import * as RpcServer from "effect/rpc/RpcServer"
import type * as Problem from "../../domain/Problem.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"
import type { RuntimeSource } from "../../domain/RuntimeSource.ts"
import type { CommandOptions } from "../../domain/Worker.ts"
import { portions } from "./FrameSchema.ts"
import { SourceRpcs } from "./SourceRpcs.ts"

/** A defect is told to the host's own log; the backend only learns that there was one. */
const failing = (defect: unknown, fault: RuntimeFault.RuntimeFault = "failed") =>
  Effect.andThen(Effect.logError("The source met a defect.", defect), Effect.fail(RuntimeFault.problem(fault)))

type Call<A> = () => Effect.Effect<A, Problem.Problem>

const read = <A>(call: Call<A>) => Effect.catchDefect(Effect.suspend(call), (defect) => failing(defect))

const command = <A>({ idempotency_key }: CommandOptions, call: Call<A>) =>
  Effect.catchDefect(Effect.suspend(call), (defect) =>
    failing(defect, idempotency_key === undefined ? "failed_midway" : "failed")
  )

/** Calls run until they are answered, given up by the backend, or its connection is lost. */
export const layer = (source: RuntimeSource["Service"]) =>
  // A defect of the protocol ends its own call and leaves the others of the connection alone.
  RpcServer.layer(SourceRpcs, { disableFatalDefects: true }).pipe(
    Layer.provide(
      SourceRpcs.toLayer({
        describe: () => read(() => source.describe),
        list: ({ query }) => read(() => source.list(query)),
        get: ({ worker_id }) => read(() => source.get(worker_id)),
        create: ({ options, request }) => command(options, () => source.create(request, options)),
        input: ({ input, options, worker_id }) => command(options, () => source.input(worker_id, input, options)),
        stop: ({ options, reason, worker_id }) => command(options, () => source.stop(worker_id, reason, options)),
        cancel: ({ options, reason, worker_id }) => command(options, () => source.cancel(worker_id, reason, options)),
        transcript: ({ query, worker_id }) => read(() => source.transcript(worker_id, query)),
        events: ({ cursor, worker_id }) =>
          Stream.suspend(() => source.events(worker_id, cursor)).pipe(
            Stream.chunks,
            Stream.flatMap((frames) => Stream.fromArrays(...portions(frames))),
            Stream.catchCause((cause) =>
              Cause.hasDies(cause) ? Stream.fromEffect(failing(Cause.squash(cause))) : Stream.failCause(cause)
            )
          ),
        bundles: () => read(() => source.bundles),
        putBundle: ({ bundle }) => read(() => source.putBundle(bundle)),
        bundleAvailability: ({ digest, id }) => read(() => source.bundleAvailability(id, digest))
      })
    )
  )
