/**
 * The program that hosts one plugin beside the backend, in a process or a thread of its own: it imports the plugin by the
 * backend's own loader and serves its sources over the wire it was handed. It ends with that wire, whatever became of the
 * backend.
 */
import { Socket } from "node:net"
import { isMainThread, type MessagePort, workerData } from "node:worker_threads"
import { Effect, Layer, Logger, Redacted } from "effect"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcServer from "effect/rpc/RpcServer"
import { BackendRpcs, backendChannel, hostChannel, HostRpcs } from "../../adapters/rpc/HostRpcs.ts"
import * as Pipe from "../../adapters/rpc/Pipe.ts"
import * as PipeClient from "../../adapters/rpc/PipeClient.ts"
import * as PipeServer from "../../adapters/rpc/PipeServer.ts"
import * as Wire from "../../adapters/rpc/Wire.ts"
import * as IsolatedPlugin from "./isolatedPlugin.ts"

/** The descriptor that a process inherits as its wire. */
const wireDescriptor = 3

const wire = isMainThread
  ? Wire.overStream(new Socket({ fd: wireDescriptor, readable: true, writable: true }))
  : Wire.overPort((workerData as { readonly wire: MessagePort }).wire)

const pipe = Pipe.make(wire)

const program = Effect.gen(function* () {
  const protocol = yield* PipeClient.make(pipe, backendChannel).open
  const backend = yield* Effect.provideService(RpcClient.make(BackendRpcs), RpcClient.Protocol, protocol)
  const plugin = yield* IsolatedPlugin.make(pipe, {
    token: (channel) => Effect.map(backend.token({ channel }), (it) => Redacted.make(it)),
    secret: (channel, ref) => Effect.map(backend.secret({ channel, ref }), (it) => Redacted.make(it))
  })
  yield* Layer.build(
    RpcServer.layer(HostRpcs, { disableFatalDefects: true, disableTracing: true }).pipe(
      Layer.provide(HostRpcs.toLayer(plugin)),
      Layer.provide(PipeServer.layer(pipe, hostChannel))
    )
  )
  yield* pipe.ended
}).pipe(Effect.scoped, Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatJson)])))

// Nobody is left to serve; what the plugin still does is not waited for.
const leave = () => process.exit(0)

Effect.runPromise(program).then(leave, leave)
// Should the program above be held up, the end of the wire is still the end.
Effect.runFork(
  Effect.andThen(
    pipe.ended,
    Effect.sync(() => setTimeout(leave, IsolatedPlugin.closeMs).unref())
  )
)
