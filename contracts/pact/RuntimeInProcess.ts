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
import { WorkerExecutor } from "../../src/domain/WorkerExecutor.ts"
import { token } from "./runtimeCall.ts"

export interface RuntimeInProcess {
  readonly port: number
  /** Takes no new work from now on, as while it shuts down. */
  readonly drain: () => Promise<void>
  readonly stop: () => Promise<void>
}

export interface Options {
  readonly maxTranscriptItems?: number
  /** Echo unless given. */
  readonly executor?: WorkerExecutor["Service"]
  /** Whether callers have to show the token of the contract; they have to unless it says no. */
  readonly open?: boolean
}

export const start = async (options: Options = {}): Promise<RuntimeInProcess> => {
  const { executor = EchoExecutor.executor, maxTranscriptItems = 256, open = false } = options
  const layer = RuntimeServer.layer({
    runtime_id: RuntimeId.make("rt-contract"),
    version: "0.0.0",
    maxTranscriptItems,
    listen: { host: "127.0.0.1", port: 0 },
    token: open ? undefined : Redacted.make(token)
  }).pipe(
    Layer.provideMerge(Layer.fresh(MemoryWorkerStore.layer)),
    Layer.provide([Layer.succeed(WorkerExecutor, executor), SecureRandom.layerWebCrypto, Digest.layerWebCrypto])
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
