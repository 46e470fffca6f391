/** The provider states of the runtime pact, as far as the runtime API itself can bring a runtime into them. */
import { Effect, Schema } from "effect"
import { maxInputBytes } from "../../../domain/Worker.ts"
import type { Provider } from "./Provider.ts"
import { bundle } from "./StateBundle.ts"
import {
  ask,
  begins,
  busy,
  create,
  describe,
  having,
  idle,
  needs,
  never,
  nothing,
  NotReached,
  OneWorker,
  OutOfReach,
  pathOf,
  post,
  type Reach,
  type Reached,
  settleMs,
  stopped,
  until,
  without
} from "./StateCalls.ts"
import { steeringStates, unscripted } from "./SteeringStates.ts"

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

const fewItems = 256

const firstFrame = (provider: Provider, worker_id: string) =>
  Effect.scoped(Effect.flatMap(provider.watch(worker_id, undefined), ({ take }) => take)).pipe(
    Effect.mapError(() => new NotReached({ why: "the event stream of an idle worker could not be read" }))
  )

const said = ({ worker_id = "" }: Reached, kind: "user" | "system") =>
  post(pathOf(worker_id, "/input"), { kind, content: "hello" })

/** The largest input that is made to be refused, in bytes: a runtime that takes more is not tried. */
const largestInput = 16_777_216

const isLimited = Schema.is(Schema.Struct({ max_bytes: Schema.Int }))

const Head = Schema.Struct({ head: Schema.String })

/** Every state that the pact names. The catalogue is closed: a pact with another name needs another entry. */
export const states = {
  "a runtime": nothing,
  "a runtime that asks for a token": ({ token }) =>
    token === undefined
      ? Effect.fail(new OutOfReach({ why: "no --token-ref was given, so the runtime is taken to be open" }))
      : Effect.succeed({}),
  "a runtime that is shutting down": never("no call of the API begins a shutdown"),
  "a runtime without workers.input": without("workers.input", idle),
  "a runtime without workers.stop": without("workers.stop", idle),
  "a runtime without workers.cancel": without("workers.cancel", idle),
  "a runtime without config_bundles": without("config_bundles", nothing),
  "an idle worker": idle,
  "an idle worker and an input that is larger than it may be": Effect.fnUntraced(function* (provider) {
    const { runtime } = yield* describe(provider)
    const declared = runtime.capabilities?.["workers.input"]
    const max = isLimited(declared) ? declared.max_bytes : maxInputBytes
    if (max < largestInput) return { ...(yield* idle(provider)), content: "x".repeat(max + 1) }
    return yield* new OutOfReach({ why: `the runtime takes inputs of ${largestInput} bytes and more` })
  }),
  "an idle worker that is watched for a while": idle,
  "an idle worker whose watcher speaks": (provider) =>
    Effect.map(idle(provider), (reached) => ({ ...reached, says: "hello" })),
  "a worker that answers": (provider) => Effect.map(idle(provider), (it) => begins(it, said(it, "user"))),
  "a worker that hears from the system": (provider) =>
    Effect.map(idle(provider), (it) => begins(it, said(it, "system"))),
  "a worker that thinks aloud": never(unscripted),
  "a worker that uses a tool": never(unscripted),
  "a worker whose turn fails": never(unscripted),
  "a new worker that is still being made for its key": never("no call of the API takes so long that another meets it"),
  "a worker that was created with a key": keyed,
  "a busy worker": busy,
  "a stopped worker": stopped,
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
  "a runtime with config_bundles": having("config_bundles", nothing),
  "a config bundle": Effect.fnUntraced(function* (provider) {
    yield* needs(provider, "config_bundles")
    yield* ask(provider, post("/v1/config-bundles", { bundle }), Schema.Unknown)
    return { bundle_id: bundle.id }
  }),
  ...steeringStates
} as const satisfies Readonly<Record<string, Reach>>

export type StateName = keyof typeof states

export const isState = (name: string): name is StateName => Object.hasOwn(states, name)

/** Undefined for a state that nobody has implemented. */
export const reachOf = (name: string): Reach | undefined => (isState(name) ? states[name] : undefined)

/** What to write where a pact names a state that nobody has implemented. */
export const stub = (name: string): string =>
  `  ${JSON.stringify(name)}: Effect.fnUntraced(function* (provider) {\n    return {}\n  }),`
