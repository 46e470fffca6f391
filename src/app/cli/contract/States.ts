/** The provider states of the runtime pact, as far as the runtime API itself can bring a runtime into them. */
import { Clock, Data, Effect, Queue, Schema } from "effect"
import type { EgressFailure } from "../../../adapters/egress/EgressFailure.ts"
import type { Asked, Provider } from "./Provider.ts"
import { bundle } from "./StateBundle.ts"

/** What the request needs to know of the state, by name. */
export type Reached = Readonly<Record<string, string>>

/** The state is out of reach for a reason that is no fault of the runtime's: the interaction is skipped. */
export class OutOfReach extends Data.TaggedError("OutOfReach")<{ readonly why: string }> {}

/** The runtime could not do what it says it can: the interaction fails. */
export class NotReached extends Data.TaggedError("NotReached")<{ readonly why: string }> {}

type Reach = (provider: Provider) => Effect.Effect<Reached, OutOfReach | NotReached | EgressFailure>

/** How long a worker may take to say something, in milliseconds. */
export const settleMs = 10_000
const pollMs = 50

/** How long a busy worker of ours stays busy, in milliseconds; long enough for the one request that it is needed for. */
const busyMs = 20_000

const Described = Schema.Struct({
  runtime: Schema.Struct({
    capabilities: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown))),
    limits: Schema.Struct({ max_transcript_projection_items: Schema.Int })
  })
})
const OneWorker = Schema.Struct({
  worker: Schema.Struct({
    worker_id: Schema.String,
    transcript_len: Schema.Int,
    execution: Schema.Struct({ run_state: Schema.String })
  })
})

/** A call that has to succeed on the way to a state. */
const ask = Effect.fnUntraced(function* <A>(provider: Provider, asked: Asked, schema: Schema.Codec<A, unknown>) {
  const answer = yield* provider.send(asked)
  const where = `${asked.method} ${asked.path}`
  if (answer.status !== 200) return yield* new NotReached({ why: `${where} answered ${answer.status}` })
  return yield* Effect.mapError(
    Schema.decodeUnknownEffect(schema)(answer.json),
    () => new NotReached({ why: `${where} answered with a body of the wrong shape` })
  )
})

const describe = (provider: Provider) => ask(provider, { method: "GET", path: "/v1/runtime" }, Described)

const post = (path: string, body?: unknown): Asked => ({
  method: "POST",
  path,
  ...(body === undefined ? undefined : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
})

const pathOf = (worker_id: string, rest = ""): string => `/v1/workers/${encodeURIComponent(worker_id)}${rest}`

const needs = Effect.fnUntraced(function* (provider: Provider, capability: string) {
  const { runtime } = yield* describe(provider)
  // A runtime that declares nothing is judged by what it answers.
  if (runtime.capabilities === undefined || runtime.capabilities === null) return
  if (runtime.capabilities[capability] === undefined) {
    return yield* new OutOfReach({ why: `the runtime does not declare ${capability}` })
  }
})

const create = Effect.fnUntraced(function* (provider: Provider, content?: string) {
  yield* needs(provider, "workers.create")
  const body = content === undefined ? {} : { initial_input: { kind: "user", content } }
  const { worker } = yield* ask(provider, post("/v1/workers", body), OneWorker)
  return worker.worker_id
})

const look = (provider: Provider, worker_id: string) =>
  Effect.map(ask(provider, { method: "GET", path: pathOf(worker_id) }, OneWorker), ({ worker }) => worker)

/** Looks at the worker until it is as wanted; undefined when it takes too long. */
const until = Effect.fnUntraced(function* (
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

const keyedBody = { display_name: "Keyed" }

/** Creates a worker with a key that no run has used before. */
const keyed: Reach = Effect.fnUntraced(function* (provider) {
  yield* needs(provider, "idempotency")
  const idempotency_key = `contract-${yield* create(provider)}`
  const asked = post("/v1/workers", keyedBody)
  const headers = { ...asked.headers, "idempotency-key": idempotency_key }
  const { worker } = yield* ask(provider, { ...asked, headers }, OneWorker)
  return { worker_id: worker.worker_id, idempotency_key }
})

const idle: Reach = (provider) => Effect.map(create(provider), (worker_id) => ({ worker_id }))

const without =
  (capability: string, and: Reach): Reach =>
  (provider) =>
    Effect.matchEffect(needs(provider, capability), {
      onSuccess: () => Effect.fail(new OutOfReach({ why: `the runtime has ${capability}` })),
      onFailure: (failed) => (failed._tag === "OutOfReach" ? and(provider) : Effect.fail(failed))
    })

const nothing: Reach = () => Effect.succeed({})

const fewItems = 256

const firstFrame = (provider: Provider, worker_id: string) =>
  Effect.scoped(Effect.flatMap(provider.frames(worker_id, undefined), Queue.take)).pipe(
    Effect.mapError(() => new NotReached({ why: "the event stream of an idle worker could not be read" }))
  )

const Head = Schema.Struct({ head: Schema.String })

/** Every state that the pact names. The catalogue is closed: a pact with another name needs another entry. */
export const states = {
  "a runtime": nothing,
  "a runtime that asks for a token": ({ token }) =>
    token === undefined
      ? Effect.fail(new OutOfReach({ why: "no --token-ref was given, so the runtime is taken to be open" }))
      : Effect.succeed({}),
  "a runtime that is shutting down": () => Effect.fail(new OutOfReach({ why: "no call of the API begins a shutdown" })),
  "a runtime without workers.input": without("workers.input", idle),
  "a runtime without workers.stop": without("workers.stop", idle),
  "a runtime without workers.cancel": without("workers.cancel", idle),
  "a runtime without config_bundles": without("config_bundles", nothing),
  "an idle worker": idle,
  "a worker that answers": idle,
  "a worker that was created with a key": keyed,
  "a busy worker": Effect.fnUntraced(function* (provider) {
    const worker_id = yield* create(provider, `/wait ${busyMs} busy`)
    const { execution } = yield* look(provider, worker_id)
    if (execution.run_state === "busy") return { worker_id }
    return yield* new OutOfReach({ why: "the runtime's default worker does not stay busy when it is asked to wait" })
  }),
  "a stopped worker": Effect.fnUntraced(function* (provider) {
    yield* needs(provider, "workers.stop")
    const worker_id = yield* create(provider)
    yield* ask(provider, post(pathOf(worker_id, "/stop")), Schema.Unknown)
    return { worker_id }
  }),
  "a worker with a transcript": Effect.fnUntraced(function* (provider) {
    const worker_id = yield* create(provider, "hello")
    if (yield* until(provider, worker_id, ({ transcript_len }) => transcript_len > 0)) return { worker_id }
    return yield* new NotReached({ why: `the transcript is still empty ${settleMs} ms after an input` })
  }),
  "an idle worker of a runtime with transcript pages of fewer than 256 items": Effect.fnUntraced(function* (provider) {
    const { runtime } = yield* describe(provider)
    if (runtime.limits.max_transcript_projection_items < fewItems) return yield* idle(provider)
    return yield* new OutOfReach({ why: `the runtime's pages hold ${fewItems} items or more` })
  }),
  "an idle worker that is watched from a cursor of another log": Effect.fnUntraced(function* (provider) {
    const other = yield* create(provider)
    const greeting = yield* firstFrame(provider, other)
    const { head } = yield* Effect.mapError(
      Schema.decodeEffect(Schema.fromJsonString(Head))(greeting),
      () => new NotReached({ why: "the first frame of a stream is no greeting" })
    )
    return { worker_id: yield* create(provider), cursor: head }
  }),
  "a config bundle": Effect.fnUntraced(function* (provider) {
    yield* needs(provider, "config_bundles")
    yield* ask(provider, post("/v1/config-bundles", { bundle }), Schema.Unknown)
    return { bundle_id: bundle.id }
  })
} as const satisfies Readonly<Record<string, Reach>>

export type StateName = keyof typeof states

export const isState = (name: string): name is StateName => Object.hasOwn(states, name)

export const reach = (name: StateName, provider: Provider): ReturnType<Reach> => states[name](provider)

/** What to write where a pact names a state that nobody has implemented. */
export const stub = (name: string): string =>
  `  ${JSON.stringify(name)}: Effect.fnUntraced(function* (provider) {\n    return {}\n  }),`
