/**
 * Operations of the built-in runtime in one fiber, beside an `await` of a plain async function that has the same answer.
 * A turn is `{ way, operation, calls }` and answers with nanoseconds for each call. `calls.ts CHECKOUT`.
 */
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Effect, Layer, ManagedRuntime } from "effect"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import type * as EmbeddedSource from "../../src/adapters/embedded/EmbeddedSource.ts"
import type * as EchoExecutor from "../../src/adapters/executors/EchoExecutor.ts"
import type * as MemoryWorkerStore from "../../src/adapters/stores/MemoryWorkerStore.ts"
import type * as Engine from "../../src/domain/engine/Engine.ts"
import type * as Identifiers from "../../src/domain/Identifiers.ts"
import type * as Problem from "../../src/domain/Problem.ts"

const [, , checkout] = process.argv as [string, string, string]
const load = <A>(path: string): Promise<A> => import(pathToFileURL(join(checkout, path)).href) as Promise<A>

const source_ = await load<typeof EmbeddedSource>("src/adapters/embedded/EmbeddedSource.ts")
const executor = await load<typeof EchoExecutor>("src/adapters/executors/EchoExecutor.ts")
const store = await load<typeof MemoryWorkerStore>("src/adapters/stores/MemoryWorkerStore.ts")
const engine = await load<typeof Engine>("src/domain/engine/Engine.ts")
const { embeddedRuntimeId } = await load<typeof Identifiers>("src/domain/Identifiers.ts")

interface Turn {
  readonly way: "embedded" | "plain" | "effect"
  readonly operation: "get" | "describe"
  readonly calls: number
}

const runtime = ManagedRuntime.make(
  engine
    .layer({ runtime_id: embeddedRuntimeId })
    .pipe(
      Layer.provideMerge(
        Layer.mergeAll(executor.layer, store.layer, NodeCrypto.layerSecureRandom, NodeCrypto.layerDigest)
      )
    )
)
const source = await runtime.runPromise(source_.make)
const { answer: worker } = await runtime.runPromise(source.create({}, {}))
const { worker_id } = worker
const description = await runtime.runPromise(source.describe)

const workers = new Map([[worker_id, await runtime.runPromise(source.get(worker_id))]])
const plain = {
  get: async () => {
    const found = workers.get(worker_id)
    if (found === undefined) throw new Error("worker_not_found")
    return found
  },
  describe: async () => ({ ...description, worker_count: workers.size })
}
/** The least that a call of an effect costs in a fiber: the same functions, without the port around them. */
const effect: Readonly<Record<Turn["operation"], () => Effect.Effect<unknown, Problem.Problem>>> = {
  get: () => Effect.succeed(workers.get(worker_id)),
  describe: () => Effect.sync(() => ({ ...description, worker_count: workers.size }))
}
const embedded: typeof effect = { get: () => source.get(worker_id), describe: () => source.describe }

const viaPromises = async (calls: number, call: () => Promise<unknown>): Promise<void> => {
  for (let done = 0; done < calls; done++) await call()
}

const viaEffect = (calls: number, call: () => Effect.Effect<unknown, Problem.Problem>) =>
  Effect.gen(function* () {
    for (let done = 0; done < calls; done++) yield* call()
  })

const turn = async ({ calls, operation, way }: Turn): Promise<number> => {
  const started = performance.now()
  if (way === "plain") await viaPromises(calls, plain[operation])
  else await runtime.runPromise(viaEffect(calls, (way === "effect" ? effect : embedded)[operation]))
  return ((performance.now() - started) * 1e6) / calls
}

process.on("message", (message: { turn?: Turn }) => {
  if (message.turn !== undefined) void turn(message.turn).then((answer) => process.send?.({ answer }))
})
process.once("SIGTERM", () => process.exit(0))
// The channel of the probe keeps nothing alive.
setInterval(() => undefined, 60_000)
console.log("http://127.0.0.1:1")
