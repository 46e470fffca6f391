/** Serves a source to a backend in another process, over whatever RPC protocol is provided. */
import { Cause, Effect, Layer, Stream } from "effect"
import * as RpcServer from "effect/rpc/RpcServer"
import * as SafeProblem from "../../domain/plugin/SafeProblem.ts"
import type * as Problem from "../../domain/Problem.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"
import type { RuntimeSource } from "../../domain/RuntimeSource.ts"
import type { CommandOptions } from "../../domain/Worker.ts"
import { portions } from "./FramePortions.ts"
import * as RequestHeader from "./RequestHeader.ts"
import { SourceRpcs } from "./SourceRpcs.ts"

/** What the host logs ends in the backend's log: of a defect the kind and the place, and nothing that it says. */
const failing = (defect: unknown, fault: RuntimeFault.RuntimeFault = "failed") =>
  Effect.logError("The source met a defect").pipe(
    Effect.annotateLogs({ error: SafeProblem.nameOf(defect), at: SafeProblem.whereOf(defect) }),
    Effect.andThen(Effect.fail(RuntimeFault.problem(fault)))
  )

type Call<A> = () => Effect.Effect<A, Problem.Problem>
type Asked = Parameters<typeof RequestHeader.within>[1]

const read = <A>({ headers }: { readonly headers: Asked }, call: Call<A>) =>
  RequestHeader.within(
    Effect.catchDefect(Effect.suspend(call), (defect) => failing(defect)),
    headers
  )

const command = <A>({ headers }: { readonly headers: Asked }, { idempotency_key }: CommandOptions, call: Call<A>) =>
  RequestHeader.within(
    Effect.catchDefect(Effect.suspend(call), (defect) =>
      failing(defect, idempotency_key === undefined ? "failed_midway" : "failed")
    ),
    headers
  )

/** Calls run until they are answered, given up by the backend, or its connection is lost. */
export const layer = (source: RuntimeSource["Service"]) =>
  // A defect of the protocol ends its own call and leaves the others of the connection alone.
  RpcServer.layer(SourceRpcs, { disableFatalDefects: true }).pipe(
    Layer.provide(
      SourceRpcs.toLayer({
        describe: (_, asked) => read(asked, () => source.describe),
        list: ({ query }, asked) => read(asked, () => source.list(query)),
        get: ({ worker_id }, asked) => read(asked, () => source.get(worker_id)),
        create: ({ options, request }, asked) => command(asked, options, () => source.create(request, options)),
        input: ({ input, options, worker_id }, asked) =>
          command(asked, options, () => source.input(worker_id, input, options)),
        stop: ({ options, reason, worker_id }, asked) =>
          command(asked, options, () => source.stop(worker_id, reason, options)),
        cancel: ({ options, reason, worker_id }, asked) =>
          command(asked, options, () => source.cancel(worker_id, reason, options)),
        interrupt: ({ options, reason, worker_id }, asked) =>
          command(asked, options, () => source.interrupt(worker_id, reason, options)),
        permit: ({ option_id, options, permission_id, worker_id }, asked) =>
          command(asked, options, () => source.permit(worker_id, permission_id, option_id, options)),
        unqueue: ({ input_id, options, worker_id }, asked) =>
          command(asked, options, () => source.unqueue(worker_id, input_id, options)),
        transcript: ({ query, worker_id }, asked) => read(asked, () => source.transcript(worker_id, query)),
        events: ({ cursor, worker_id }, { headers }) =>
          RequestHeader.streamWithin(
            Stream.suspend(() => source.events(worker_id, cursor)),
            headers
          ).pipe(
            Stream.chunks,
            Stream.flatMap((frames) => Stream.fromArrays(...portions(frames))),
            Stream.catchCause((cause) =>
              Cause.hasDies(cause) ? Stream.fromEffect(failing(Cause.squash(cause))) : Stream.failCause(cause)
            )
          ),
        bundles: (_, asked) => read(asked, () => source.bundles),
        putBundle: ({ bundle }, asked) => read(asked, () => source.putBundle(bundle)),
        bundleAvailability: ({ digest, id }, asked) => read(asked, () => source.bundleAvailability(id, digest))
      })
    )
  )
