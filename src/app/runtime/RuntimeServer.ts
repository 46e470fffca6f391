/** The worker-runtime process put together: engine, routes and server, and the order in which they stop. */
import { ByteSize, Effect, Layer, type Redacted, Schedule } from "effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import { RuntimeApi } from "../../domain/api/RuntimeApi.ts"
import * as Engine from "../../domain/engine/Engine.ts"
import { WorkerRuntime } from "../../domain/WorkerRuntime.ts"
import * as ApiDocument from "../http/ApiDocument.ts"
import * as NodeServer from "../http/NodeServer.ts"
import * as RequestScopes from "../http/RequestScopes.ts"
import * as MeasuredStore from "../observability/MeasuredStore.ts"
import { CloseCode } from "../streams/CloseCode.ts"
import { OpenStreams } from "../streams/OpenStreams.ts"
import * as StreamMetrics from "../streams/StreamMetrics.ts"
import { serverOptions } from "../streams/WebSockets.ts"
import { EventHandlers } from "./EventHandlers.ts"
import { Lifecycle } from "./Lifecycle.ts"
import * as RuntimeAuthLayer from "./RuntimeAuthLayer.ts"
import * as RuntimeBodyLayer from "./RuntimeBodyLayer.ts"
import * as RuntimeEdgeLayer from "./RuntimeEdgeLayer.ts"
import * as RuntimeGate from "./RuntimeGate.ts"
import { BundleHandlers, HealthHandlers, ObservabilityHandlers, RuntimeHandlers } from "./RuntimeHandlers.ts"
import * as Unrouted from "./Unrouted.ts"
import { WorkerHandlers } from "./WorkerHandlers.ts"

export interface Options extends Engine.Options {
  readonly listen: { readonly host: string; readonly port: number }
  readonly token: Redacted.Redacted<string> | undefined
}

/** Runs that are under way when the process is told to end have this long, in milliseconds; then they are broken off. */
export const drainMs = 5_000
/** How often a drain looks whether the last run has ended. */
const drainPollMs = 50
/** Requests that are under way after that have this long. */
const gracefulShutdown = "5 seconds"

const routes = (token: Options["token"]) =>
  Layer.mergeAll(
    RuntimeHandlers,
    WorkerHandlers,
    EventHandlers,
    BundleHandlers,
    ObservabilityHandlers,
    HealthHandlers,
    ApiDocument.layer(Unrouted.openApiPath, RuntimeApi)
  ).pipe(
    Layer.provide([RuntimeEdgeLayer.layer, RuntimeBodyLayer.layer, RuntimeAuthLayer.layer(token)]),
    Layer.provideMerge(Unrouted.layer)
  )

const routerConfig = {
  // Long enough for any path that fits a request, so that an id that is too long is told apart from no such path.
  maxParamLength: NodeServer.maxHeaderBytes,
  ignoreTrailingSlash: false
}

const serving = (options: Options) =>
  HttpRouter.serve(routes(options.token), { routerConfig, disableLogger: true, disableListenLog: true }).pipe(
    Layer.provide(Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(NodeServer.maxBodyBytes))),
    Layer.provideMerge(
      RequestScopes.layer(() => NodeServer.make(RuntimeGate.make(options.token !== undefined)), {
        ...options.listen,
        gracefulShutdownTimeout: gracefulShutdown,
        websocket: serverOptions
      })
    )
  )

/** Waits for the runs that are under way, for so long. */
const settled = Effect.gen(function* () {
  const runtime = yield* WorkerRuntime
  yield* runtime
    .list({ state: "busy", limit: 1 })
    .pipe(
      Effect.repeat({ until: (busy) => busy.items.length === 0, schedule: Schedule.spaced(drainPollMs) }),
      Effect.timeoutOption(drainMs),
      Effect.ignore
    )
})

/** Built last, so it ends first: no new work, runs finish, streams are told, then the server closes, then the store. */
const draining = Layer.effectDiscard(
  Effect.gen(function* () {
    const lifecycle = yield* Lifecycle
    const streams = yield* OpenStreams
    const runtime = yield* WorkerRuntime
    yield* Effect.addFinalizer(() =>
      Effect.gen(function* () {
        yield* lifecycle.drain
        yield* runtime.drain
        yield* Effect.provideService(settled, WorkerRuntime, runtime)
        yield* streams.closeAll(CloseCode.restart, "the runtime is restarting")
      })
    )
  })
)

/** Serves until the scope closes; needs a store and an executor and provides the address that was bound. */
export const layer = (options: Options) =>
  draining.pipe(
    Layer.provideMerge(serving(options)),
    Layer.provide([Engine.layer(options), StreamMetrics.layer]),
    Layer.provideMerge(Layer.mergeAll(Lifecycle.layer, OpenStreams.layer)),
    Layer.provideMerge(MeasuredStore.layer)
  )
