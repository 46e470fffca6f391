/** A process that hosts a source: the engine over files, echo as its executor, and a way to count streams and to crash. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Stream } from "effect"
import { SocketServer } from "effect/socket/SocketServer"
import * as EmbeddedSource from "../../src/adapters/embedded/EmbeddedSource.ts"
import * as HostSocket from "../../src/adapters/rpc/HostSocket.ts"
import * as SourceHost from "../../src/adapters/rpc/SourceHost.ts"
import * as FileWorkerStore from "../../src/adapters/stores/FileWorkerStore.ts"
import * as Engine from "../../src/domain/engine/Engine.ts"
import { RuntimeId } from "../../src/domain/Identifiers.ts"
import { WorkerRuntime } from "../../src/domain/WorkerRuntime.ts"
import { crypto, executor } from "./Laboratory.ts"
import { defectText } from "./RpcSubject.ts"

const [port, root] = process.argv.slice(2)

let attached = 0

const source = Effect.gen(function* () {
  const runtime = yield* Engine.make({ runtime_id: RuntimeId.make("rt-hosted") })
  const made = yield* Effect.provideService(EmbeddedSource.make, WorkerRuntime, runtime)
  return {
    ...made,
    input: (...[worker_id, input, options]: Parameters<typeof made.input>) =>
      input.content === "/defect" ? Effect.die(new Error(defectText)) : made.input(worker_id, input, options),
    events: (...asked: Parameters<typeof made.events>) =>
      Stream.unwrap(
        Effect.as(
          Effect.acquireRelease(
            Effect.sync(() => void (attached += 1)),
            () => Effect.sync(() => void (attached -= 1))
          ),
          made.events(...asked)
        )
      )
  }
})

const host = Layer.unwrap(Effect.map(source, SourceHost.layer)).pipe(
  Layer.provide([FileWorkerStore.layer({ root: root ?? "" }), executor, crypto])
)

const ready = Layer.effectDiscard(
  Effect.gen(function* () {
    const { address } = yield* SocketServer
    process.send?.({ port: "port" in address ? address.port : 0 })
  })
)

process.on("message", () => process.send?.({ streams: attached }))
// Nobody is left to serve.
process.on("disconnect", () => process.exit())

Layer.launch(
  Layer.mergeAll(host, ready).pipe(Layer.provide(HostSocket.server({ host: "127.0.0.1", port: Number(port) })))
).pipe(NodeRuntime.runMain)
