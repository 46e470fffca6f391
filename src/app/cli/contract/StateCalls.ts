/** The calls that bring a runtime into the states of its pact, and the two ways in which they fail. */
import { Clock, Data, Effect, Schema } from "effect"
import type { EgressFailure } from "../../../adapters/egress/EgressFailure.ts"
import type { Asked, Provider } from "./Provider.ts"

/**
 * What the request needs to know of the state, by name. For a frame: `begin` is a call, as JSON, that makes the runtime
 * send it once somebody watches, and `says` what the watcher sends.
 */
export type Reached = Readonly<Record<string, string>>

/** The state is out of reach for a reason that is no fault of the runtime's: the interaction is skipped. */
export class OutOfReach extends Data.TaggedError("OutOfReach")<{ readonly why: string }> {}

/** The runtime could not do what it says it can: the interaction fails. */
export class NotReached extends Data.TaggedError("NotReached")<{ readonly why: string }> {}

export type Reach = (provider: Provider) => Effect.Effect<Reached, OutOfReach | NotReached | EgressFailure>

/** How long a worker may take to say something, in milliseconds. */
export const settleMs = 10_000
const pollMs = 50

/** How long a busy worker of ours stays busy, in milliseconds; long enough for the one request that it is needed for. */
export const busyMs = 20_000

const Described = Schema.Struct({
  runtime: Schema.Struct({
    capabilities: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown))),
    limits: Schema.Struct({ max_transcript_projection_items: Schema.Int })
  })
})
export const OneWorker = Schema.Struct({
  worker: Schema.Struct({
    worker_id: Schema.String,
    transcript_len: Schema.Int,
    execution: Schema.Struct({ run_state: Schema.String })
  })
})

/** A call that has to succeed on the way to a state. */
export const ask = Effect.fnUntraced(function* <A>(provider: Provider, asked: Asked, schema: Schema.Codec<A, unknown>) {
  const answer = yield* provider.send(asked)
  const where = `${asked.method} ${asked.path}`
  if (answer.status !== 200) return yield* new NotReached({ why: `${where} answered ${answer.status}` })
  return yield* Effect.mapError(
    Schema.decodeUnknownEffect(schema)(answer.json),
    () => new NotReached({ why: `${where} answered with a body of the wrong shape` })
  )
})

export const describe = (provider: Provider) => ask(provider, { method: "GET", path: "/v1/runtime" }, Described)

export const post = (path: string, body?: unknown): Asked => ({
  method: "POST",
  path,
  ...(body === undefined ? undefined : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
})

export const pathOf = (worker_id: string, rest = ""): string => `/v1/workers/${encodeURIComponent(worker_id)}${rest}`

export const needs = Effect.fnUntraced(function* (provider: Provider, capability: string) {
  const { runtime } = yield* describe(provider)
  // A runtime that declares nothing is judged by what it answers.
  if (runtime.capabilities === undefined || runtime.capabilities === null) return
  if (runtime.capabilities[capability] === undefined) {
    return yield* new OutOfReach({ why: `the runtime does not declare ${capability}` })
  }
})

export const create = Effect.fnUntraced(function* (provider: Provider, content?: string) {
  yield* needs(provider, "workers.create")
  const body = content === undefined ? {} : { initial_input: { kind: "user", content } }
  const { worker } = yield* ask(provider, post("/v1/workers", body), OneWorker)
  return worker.worker_id
})

export const look = (provider: Provider, worker_id: string) =>
  Effect.map(ask(provider, { method: "GET", path: pathOf(worker_id) }, OneWorker), ({ worker }) => worker)

/** Looks at the worker until it is as wanted; undefined when it takes too long. */
export const until = Effect.fnUntraced(function* (
  provider: Provider,
  worker_id: string,
  wanted: (worker: (typeof OneWorker.Type)["worker"]) => boolean
) {
  const end = (yield* Clock.currentTimeMillis) + settleMs
  while ((yield* Clock.currentTimeMillis) < end) {
    if (wanted(yield* look(provider, worker_id))) return true
    yield* Effect.sleep(pollMs)
  }
  return false
})

export const idle: Reach = (provider) => Effect.map(create(provider), (worker_id) => ({ worker_id }))

const isBusy = ({ execution }: (typeof OneWorker.Type)["worker"]) => execution.run_state === "busy"

/** A worker that works for as long as the one request takes that it is needed for. */
export const busy = Effect.fnUntraced(function* (provider: Provider) {
  const worker_id = yield* create(provider, `/wait ${busyMs} busy`)
  if (isBusy(yield* look(provider, worker_id))) return { worker_id }
  return yield* new OutOfReach({ why: "the runtime's default worker does not stay busy when it is asked to wait" })
})

export const stopped = Effect.fnUntraced(function* (provider: Provider) {
  yield* needs(provider, "workers.stop")
  const worker_id = yield* create(provider)
  yield* ask(provider, post(pathOf(worker_id, "/stop")), Schema.Unknown)
  return { worker_id }
})

export const nothing: Reach = () => Effect.succeed({})

/** A state that no call leads to. */
export const never =
  (why: string): Reach =>
  () =>
    Effect.fail(new OutOfReach({ why }))

/** The same state of a runtime that declares the capability. */
export const having =
  (capability: string, and: Reach): Reach =>
  (provider) =>
    Effect.andThen(needs(provider, capability), and(provider))

/** The call that makes the runtime send the frame that is waited for. */
export const begins = ({ worker_id }: Reached, { body, method, path }: Asked): Reached => ({
  ...(worker_id === undefined ? undefined : { worker_id }),
  begin: JSON.stringify({ method, path, body })
})

export const without =
  (capability: string, and: Reach): Reach =>
  (provider) =>
    Effect.matchEffect(needs(provider, capability), {
      onSuccess: () => Effect.fail(new OutOfReach({ why: `the runtime has ${capability}` })),
      onFailure: (failed) => (failed._tag === "OutOfReach" ? and(provider) : Effect.fail(failed))
    })
