/** Our worker-runtime on a free port in this process, for states that no call can bring it into. */
import { Effect, Exit, Layer, Redacted, Scope } from "effect"
import * as Context from "effect/Context"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { HttpServer } from "effect/http/HttpServer"
import * as EchoExecutor from "../../src/adapters/executors/EchoExecutor.ts"
import * as MemoryWorkerStore from "../../src/adapters/stores/MemoryWorkerStore.ts"
import { Lifecycle } from "../../src/app/runtime/Lifecycle.ts"
import * as RuntimeServer from "../../src/app/runtime/RuntimeServer.ts"
import { RuntimeId } from "../../src/domain/Identifiers.ts"
import { token } from "./runtimeCases.ts"

export interface RuntimeInProcess {
  readonly port: number
  /** Takes no new work from now on, as while it shuts down. */
  readonly drain: () => Promise<void>
  readonly stop: () => Promise<void>
}

export const start = async (maxTranscriptItems: number): Promise<RuntimeInProcess> => {
  const layer = RuntimeServer.layer({
    runtime_id: RuntimeId.make("rt-contract"),
    version: "0.0.0",
    maxTranscriptItems,
    listen: { host: "127.0.0.1", port: 0 },
    token: Redacted.make(token)
  }).pipe(
    Layer.provideMerge(MemoryWorkerStore.layer),
    Layer.provide([EchoExecutor.layer, SecureRandom.layerWebCrypto, Digest.layerWebCrypto])
  )
  const scope = Scope.makeUnsafe()
  const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
  const { address } = Context.get(context, HttpServer)
  return {
    port: "port" in address ? address.port : 0,
    drain: () => Effect.runPromise(Context.get(context, Lifecycle).drain),
    stop: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
