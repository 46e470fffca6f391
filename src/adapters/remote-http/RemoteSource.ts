/** A runtime somewhere else, over the runtime API: ours, one of another make, or one of field v1. */
import { Effect, Option, type Redacted, type Schema, Stream } from "effect"
import * as Mapping from "../../domain/api/RuntimeMapping.ts"
import * as Wire from "../../domain/api/RuntimeWire.ts"
import type { RuntimeId, WorkerId } from "../../domain/Identifiers.ts"
import type * as Problem from "../../domain/Problem.ts"
import type { RuntimeDescription } from "../../domain/Runtime.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"
import * as RuntimeSource from "../../domain/RuntimeSource.ts"
import { maxPageItems } from "../../domain/Transcript.ts"
import type { CreateWorker } from "../../domain/Worker.ts"
import { EgressClient } from "../egress/EgressClient.ts"
import * as FieldList from "./FieldList.ts"
import * as Json from "./Json.ts"
import * as RemoteCall from "./RemoteCall.ts"
import * as RemoteCommands from "./RemoteCommands.ts"
import * as RemoteFailure from "./RemoteFailure.ts"
import { RemoteIdentity } from "./RemoteIdentity.ts"
import * as RemotePath from "./RemotePath.ts"
import * as RemoteStream from "./RemoteStream.ts"

export interface Options {
  /** The backend's alias. */
  readonly id: RuntimeId
  readonly display_name: string
  /** Absolute http(s) URL; a path in it goes before every path of the API. */
  readonly endpoint: string
  /** Resolved anew for every call, so that a rotated token is picked up; undefined = no token is sent. */
  readonly token: Effect.Effect<Redacted.Redacted, Problem.Problem<"secret_unresolvable">> | undefined
  /** The runtime's own id, to accept no other; absent = the first one that answers. */
  readonly expected_runtime_id?: string
  /** PEM certificates that the runtime's certificate may be signed by, instead of the system's. */
  readonly ca?: string
}

/** Opens the connections of the source; calls nothing yet. Fails with `egress_refused`. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const client = yield* EgressClient
  const target = yield* client
    .target(options.endpoint, options.ca === undefined ? {} : { ca: options.ca })
    .pipe(Effect.mapError(RemoteFailure.ofEgress))
  const line: RemoteCall.Line = { client, target, token: options.token }
  const alias = options.id

  const identity = new RemoteIdentity(
    RemoteCall.send(line, { method: "GET", path: "/v1/runtime", answer: Wire.RuntimeAnswer }).pipe(
      Effect.flatMap(({ value }) =>
        // Limits of a capability may be anything, also something that cannot be written again.
        Option.isNone(Json.write(value.runtime.capabilities))
          ? Effect.fail(RuntimeFault.problem("wrong_shape"))
          : Effect.succeed(Mapping.fromRuntime(value.runtime))
      )
    ),
    options.expected_runtime_id
  )

  const isBroken = ({ _tag }: Problem.Problem) => _tag !== "runtime_auth_failed" && _tag.startsWith("runtime_")
  const send = <A>(call: RemoteCall.Call<A>) =>
    RemoteCall.send(line, call).pipe(
      Effect.tapError((problem) => Effect.sync(() => (isBroken(problem) ? identity.doubt() : undefined)))
    )
  const read = <A>(path: string, answer: Schema.Codec<A, unknown>, max_response_bytes?: number) =>
    Effect.map(
      send({ method: "GET", path, answer, ...(max_response_bytes === undefined ? undefined : { max_response_bytes }) }),
      ({ value }) => value
    )

  /** The answer is about the worker that was asked for, on the runtime that was there before. */
  const about = (worker_id: WorkerId, ref: { readonly runtime_id: string; readonly worker_id: string }) =>
    ref.worker_id === worker_id ? identity.see(ref.runtime_id) : Effect.fail(RuntimeFault.problem("wrong_worker"))

  const worker = (worker_id: WorkerId) =>
    Effect.flatMap(read(RemotePath.ofWorker(worker_id), Wire.WorkerAnswer), ({ worker: said }) =>
      Effect.as(about(worker_id, said), said)
    )

  const commands = RemoteCommands.make({ alias, identity, send, worker, about })

  /** Undefined when the runtime could not do what is asked. Field v1 refuses members that it does not know. */
  const bodyOf = (request: CreateWorker, current: boolean): CreateWorker | undefined => {
    if (current) return request
    const { display_name: _, worker_id, ...field } = request
    return worker_id === undefined ? field : undefined
  }

  const page = Effect.fnUntraced(function* (worker_id: WorkerId, start: number, limit: number) {
    const path = RemotePath.ofWorker(worker_id, `/transcript${RemotePath.query({ start, limit })}`)
    const { transcript } = yield* read(path, Wire.TranscriptAnswer, RemoteCall.maxPageBytes)
    yield* about(worker_id, transcript.worker_ref)
    return Mapping.fromTranscript(transcript)
  })

  return RuntimeSource.make(
    { id: alias, kind: "remote_http", display_name: options.display_name, built_in: false },
    {
      describe: identity.describe,

      list: Effect.fnUntraced(function* ({ cursor, limit, state }) {
        const description = yield* identity.known
        const status = state === undefined ? undefined : Mapping.statusOf(state)
        const asked = RemoteCommands.isCurrent(description) ? RemotePath.query({ status, limit, cursor }) : ""
        const answer = yield* read(`/v1/workers${asked}`, Wire.WorkersAnswer, RemoteCall.maxPageBytes)
        const named = answer.workers.find((it) => it.runtime_id !== description.runtime_id) ?? answer.workers[0]
        if (named !== undefined) yield* identity.see(named.runtime_id)
        const items = answer.workers.map((it) => Mapping.fromWorker(alias, it))
        const whole = RemoteCommands.isCurrent(description)
          ? { items, next_cursor: answer.next_cursor ?? null }
          : yield* FieldList.page(items, cursor, limit)
        // The wire knows whether a worker has ended and no finer state.
        return state === undefined ? whole : { ...whole, items: whole.items.filter((it) => it.state === state) }
      }),

      get: (worker_id) => Effect.map(worker(worker_id), (said) => Mapping.fromWorker(alias, said)),

      create: Effect.fnUntraced(function* (request, options) {
        const description = yield* identity.vouched
        const body = bodyOf(request, RemoteCommands.isCurrent(description))
        if (body === undefined) {
          return yield* RuntimeFault.problem("unsupported", { capability: "workers.create.worker_id" })
        }
        const asked = { method: "POST", path: "/v1/workers", body, answer: Wire.WorkerAnswer } as const
        const { replayed, value } = yield* RemoteCommands.command({ send }, asked, options, description)
        yield* identity.see(value.worker.runtime_id)
        return { answer: Mapping.fromWorker(alias, value.worker), replayed }
      }),

      ...commands,

      transcript: Effect.fnUntraced(function* (worker_id, asked) {
        const most = (description: RuntimeDescription) => Math.min(maxPageItems, description.max_transcript_items)
        const limit = most(yield* identity.known)
        const start = asked.start ?? 0
        const wanted = asked.limit ?? limit
        // Lowered to what the runtime gives: the page says where the next one starts. A limit below 1 is its to refuse.
        return yield* page(worker_id, start, Math.min(wanted, limit)).pipe(
          Effect.catchTag("limit_too_large", () =>
            Effect.flatMap(identity.describe, (now) => page(worker_id, start, Math.min(wanted, most(now))))
          )
        )
      }),

      events: (worker_id, cursor) =>
        Stream.unwrap(
          Effect.map(identity.vouched, (description) =>
            RemoteStream.frames({
              line,
              worker_id,
              cursor,
              field: !RemoteCommands.isCurrent(description),
              path: (from) => RemotePath.ofWorker(worker_id, `/events/ws${RemotePath.query({ cursor: from })}`),
              worker: Effect.map(worker(worker_id), (said) => Mapping.fromWorker(alias, said)),
              transcript: (start) => page(worker_id, start, Math.min(maxPageItems, description.max_transcript_items))
            })
          )
        ).pipe(Stream.tapError((problem) => Effect.sync(() => (isBroken(problem) ? identity.doubt() : undefined)))),

      bundles: Effect.map(
        read("/v1/config-bundles", Wire.BundlesAnswer, RemoteCall.maxPageBytes),
        ({ bundles }) => bundles
      ),

      putBundle: Effect.fnUntraced(function* (bundle) {
        yield* identity.vouched
        const { value } = yield* send({
          method: "POST",
          path: "/v1/config-bundles",
          body: { bundle },
          answer: Wire.AvailabilityAnswer
        })
        return value.availability
      }),

      bundleAvailability: (id, digest) =>
        Effect.map(
          read(
            `/v1/config-bundles/${RemotePath.encoded(id)}/availability${RemotePath.query({ digest })}`,
            Wire.AvailabilityAnswer
          ),
          ({ availability }) => availability
        )
    }
  )
})
