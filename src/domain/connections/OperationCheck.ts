/**
 * What a runtime can do for the product: tried where reading tells, taken from what it declares where only a command
 * would tell, and left open where neither does. Nothing that would change the runtime is tried.
 */
import { Effect, type Result, Stream } from "effect"
import type { Operation } from "../ConnectionTest.ts"
import * as Problem from "../Problem.ts"
import { capability, type RuntimeDescription } from "../Runtime.ts"
import type { RuntimeSource } from "../RuntimeSource.ts"
import type { Worker } from "../Worker.ts"

/** So long is waited for what the product can do without, in milliseconds. */
const optionalMs = 2_000

type Name =
  | "workers.list"
  | "workers.get"
  | "events.ws"
  | "workers.create"
  | "workers.input"
  | "config_bundles.availability"
  | "config_bundles.sync"

/** In the order of the report. `needed`: the product's main job does not work without it. */
const operations: ReadonlyArray<{ readonly operation: Name; readonly needed: boolean; readonly capability?: string }> =
  [
    { operation: "workers.list", needed: true },
    { operation: "workers.get", needed: true },
    { operation: "events.ws", needed: true, capability: capability.eventsWs },
    { operation: "workers.create", needed: true, capability: capability.create },
    { operation: "workers.input", needed: true, capability: capability.input },
    { operation: "config_bundles.availability", needed: false, capability: capability.configBundles },
    { operation: "config_bundles.sync", needed: false, capability: capability.configBundles }
  ]

type Verdict = Pick<Operation, "verdict" | "basis">

const unchecked: Verdict = { verdict: "unchecked", basis: "none" }
const declaredAs = (available: boolean): Verdict => ({
  verdict: available ? "available" : "unavailable",
  basis: "declared"
})

const declared = (description: RuntimeDescription, operation: Name, name: string | undefined): Verdict => {
  const { capabilities, worker_creation_available } = description
  if (name !== undefined && capabilities !== undefined && !Object.hasOwn(capabilities, name)) return declaredAs(false)
  // A runtime without a map says this much all the same.
  if (operation === "workers.create") return declaredAs(worker_creation_available)
  return name === undefined || capabilities === undefined ? unchecked : declaredAs(true)
}

/** Went by without an answer, or the thing that was asked for was gone: nothing was learned. */
const inconclusive: ReadonlySet<Problem.Code> = new Set([
  "runtime_timeout",
  "worker_not_found",
  "config_bundle_missing"
])

const tried = (result: Result.Result<unknown, Problem.Problem>): Verdict => {
  if (result._tag === "Success") return { verdict: "available", basis: "tried" }
  return inconclusive.has(result.failure._tag) ? unchecked : { verdict: "unavailable", basis: "tried" }
}

const optional = <A>(effect: Effect.Effect<A, Problem.Problem>) =>
  Effect.result(Effect.timeoutOrElse(effect, { duration: optionalMs, orElse: () => Problem.fail("runtime_timeout") }))

/** Who declares no event stream, and a transcript, has workers that are looked at again and again instead. */
const isPolled = ({ capabilities }: RuntimeDescription) =>
  capabilities !== undefined &&
  !Object.hasOwn(capabilities, capability.eventsWs) &&
  Object.hasOwn(capabilities, capability.transcript)

/** Every operation as the runtime declares it. */
export const asDeclared = (description: RuntimeDescription | undefined): ReadonlyArray<Operation> =>
  operations.map(({ capability: name, needed, operation }) => ({
    operation,
    needed: needed && !(operation === "events.ws" && description !== undefined && isPolled(description)),
    ...(description === undefined ? unchecked : declared(description, operation, name))
  }))

/** With what was tried in the place of what was declared. */
export const withTried = (
  all: ReadonlyArray<Operation>,
  found: ReadonlyMap<string, Verdict>
): ReadonlyArray<Operation> => all.map((it) => ({ ...it, ...found.get(it.operation) }))

/** Names of what the main job needs and the runtime does not have. */
export const missing = (all: ReadonlyArray<Operation>): ReadonlyArray<string> =>
  all.filter((it) => it.needed && it.verdict === "unavailable").map((it) => it.operation)

export interface Read {
  /** One to watch, if there is any. */
  readonly worker: Worker | undefined
  readonly found: ReadonlyMap<string, Verdict>
}

/** Reads one worker of the list, its detail, and the bundles. Fails only when the list does. */
export const read = Effect.fnUntraced(function* (source: RuntimeSource["Service"], description: RuntimeDescription) {
  const bundles = Effect.gen(function* () {
    if (declared(description, "config_bundles.sync", capability.configBundles).verdict === "unavailable") return
    const listed = yield* optional(source.bundles)
    const one = listed._tag === "Success" ? listed.success[0] : undefined
    const { id, digest } = one ?? {}
    return id === undefined ? listed : yield* optional(source.bundleAvailability(id, digest))
  })
  const workers = Effect.gen(function* () {
    const worker = (yield* source.list({ limit: 1 })).items[0]
    return { worker, detail: worker === undefined ? undefined : yield* Effect.result(source.get(worker.worker_id)) }
  })
  const [{ detail, worker }, bundled] = yield* Effect.all([workers, bundles], { concurrency: 2 })
  const found = new Map<string, Verdict>([["workers.list", { verdict: "available", basis: "tried" }]])
  if (detail !== undefined) found.set("workers.get", tried(detail))
  if (bundled !== undefined) found.set("config_bundles.availability", tried(bundled))
  return { worker, found } satisfies Read
})

/** Opens the worker's event stream and waits for its first frame. */
export const watch = (source: RuntimeSource["Service"], worker: Worker) =>
  source.events(worker.worker_id, undefined).pipe(
    Stream.take(1),
    Stream.runCount,
    Effect.flatMap((frames) =>
      frames > 0
        ? Effect.void
        : Problem.fail("runtime_protocol_error", "The event stream ended before its first frame.", { reason: "stream" })
    )
  )
