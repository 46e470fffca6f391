/** The kind `mock`: scripted workers with latency and faults on demand, for demos, work on the page and tests. */
import { Effect, Layer } from "effect"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as EchoExecutor from "../../adapters/executors/EchoExecutor.ts"
import * as MockSource from "../../adapters/mock/MockSource.ts"
import * as MemoryWorkerStore from "../../adapters/stores/MemoryWorkerStore.ts"
import { apiVersion, defineRuntimeSource } from "../../domain/plugin/Definition.ts"

/** Each mock has an engine over a store of its own. */
const parts = Layer.fresh(
  Layer.mergeAll(EchoExecutor.layer, MemoryWorkerStore.layer, SecureRandom.layerWebCrypto, Digest.layerWebCrypto)
)

export const mock = defineRuntimeSource({
  kind: "mock",
  apiVersion,
  label: "Mock",
  description: "A pretended runtime with scripted workers, latency and faults. Nothing leaves this machine.",
  endpoint: "none",
  options: MockSource.MockOptions,
  secretFields: [],
  connect: ({ display_name, id, options }) =>
    Effect.flatMap(Layer.build(parts), (services) =>
      Effect.provideContext(MockSource.make({ id, display_name }, options), services)
    )
})
