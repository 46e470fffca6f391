/** The states in which a turn is steered. Each needs the runtime to declare what is asked of it. */
import { Effect, Schema } from "effect"
import type { Provider } from "./Provider.ts"
import {
  ask,
  begins,
  busy,
  describe,
  idle,
  never,
  nothing,
  OutOfReach,
  pathOf,
  post,
  type Reach,
  stopped
} from "./StateCalls.ts"

/** What a worker says is its own matter. */
export const unscripted = "no input is known that brings every runtime's default worker to it"

/** Inputs that are made to wait, at most, until one is refused. */
const maxTries = 64

const isSteered = Schema.is(Schema.Struct({ modes: Schema.Array(Schema.String) }))

/** A runtime that declares nothing is never steered, so there is nothing to verify. */
const declares = Effect.fnUntraced(function* (
  provider: Provider,
  what: string,
  among: (capabilities: Readonly<Record<string, unknown>>) => boolean
) {
  const { runtime } = yield* describe(provider)
  if (among(runtime.capabilities ?? {})) return
  return yield* new OutOfReach({ why: `the runtime does not declare ${what}` })
})

const has = (provider: Provider, capability: string) => declares(provider, capability, (all) => capability in all)

const takes = (provider: Provider, mode: "queue" | "interrupt") =>
  declares(provider, `the mode ${mode} of workers.input`, ({ "workers.input": declared }) =>
    isSteered(declared) ? declared.modes.includes(mode) : false
  )

const having =
  (capability: string, and: Reach): Reach =>
  (provider) =>
    Effect.andThen(has(provider, capability), and(provider))

const taking =
  (mode: "queue" | "interrupt", and: Reach): Reach =>
  (provider) =>
    Effect.andThen(takes(provider, mode), and(provider))

const waits = (worker_id: string) =>
  post(pathOf(worker_id, "/input"), { kind: "user", content: "hello", mode: "queue" })

const Queued = Schema.Struct({ ack: Schema.Struct({ queued: Schema.Struct({ input_id: Schema.String }) }) })

const waiting = Effect.fnUntraced(function* (provider: Provider) {
  yield* takes(provider, "queue")
  const { worker_id } = yield* busy(provider)
  const { ack } = yield* ask(provider, waits(worker_id), Queued)
  return { worker_id, input_id: ack.queued.input_id }
})

const full = Effect.fnUntraced(function* (provider: Provider) {
  yield* takes(provider, "queue")
  const { worker_id } = yield* busy(provider)
  for (let tries = 0; tries < maxTries; tries++) {
    if ((yield* provider.send(waits(worker_id))).status !== 200) return { worker_id }
  }
  return yield* new OutOfReach({ why: `more than ${maxTries} inputs may wait` })
})

const interrupt = "workers.interrupt"

export const steeringStates = {
  "a runtime whose turns can be steered": (provider) =>
    Effect.all([
      takes(provider, "queue"),
      takes(provider, "interrupt"),
      has(provider, interrupt),
      has(provider, "workers.permissions")
    ]).pipe(Effect.as({})),
  "a runtime with workers.interrupt": having(interrupt, nothing),
  "an idle worker of a runtime with workers.interrupt": having(interrupt, idle),
  "a busy worker of a runtime with workers.interrupt": having(interrupt, busy),
  "a stopped worker of a runtime with workers.interrupt": having(interrupt, stopped),
  "an idle worker whose inputs can wait": taking("queue", idle),
  "a busy worker whose inputs can wait": taking("queue", busy),
  "a busy worker whose turn an input can end": taking("interrupt", busy),
  "a busy worker for which as many inputs wait as may": full,
  "a busy worker with a waiting input": waiting,
  "a busy worker that gets an input to wait": taking("queue", (provider) =>
    Effect.map(busy(provider), (it) => begins(it, waits(it.worker_id)))
  ),
  "a busy worker whose waiting input is taken back": (provider) =>
    Effect.map(waiting(provider), (it) =>
      begins(it, { method: "DELETE", path: pathOf(it.worker_id, `/queue/${encodeURIComponent(it.input_id)}`) })
    ),
  "a worker that is about to ask for permission": never(unscripted),
  "a worker that asks for permission": never(unscripted),
  "a worker whose permission request is answered": never(unscripted)
} as const satisfies Readonly<Record<string, Reach>>
