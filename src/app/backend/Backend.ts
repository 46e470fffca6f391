/** The backend as one layer: engine, registry, hub, API and page on one port. */
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"
import { ByteSize, Clock, Effect, Layer, type Redacted } from "effect"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import * as EmbeddedSource from "../../adapters/embedded/EmbeddedSource.ts"
import * as EchoExecutor from "../../adapters/executors/EchoExecutor.ts"
import * as ProfileExecutor from "../../adapters/executors/ProfileExecutor.ts"
import { RuntimeHome } from "../../adapters/process-runtime/RuntimeHome.ts"
import * as FileWorkerStore from "../../adapters/stores/FileWorkerStore.ts"
import * as Engine from "../../domain/engine/Engine.ts"
import { Connections } from "../../domain/Connections.ts"
import * as Negotiation from "../../domain/connections/Negotiation.ts"
import { EventHub } from "../../domain/EventHub.ts"
import { embeddedRuntimeId } from "../../domain/Identifiers.ts"
import { RuntimeRegistry } from "../../domain/RuntimeRegistry.ts"
import { WorkerRuntime } from "../../domain/WorkerRuntime.ts"
import * as BrowserGate from "../http/BrowserGate.ts"
import * as HostRules from "../http/HostRules.ts"
import * as NodeServer from "../http/NodeServer.ts"
import * as RequestScopes from "../http/RequestScopes.ts"
import { Sessions } from "../http/Sessions.ts"
import { CloseCode } from "../streams/CloseCode.ts"
import { OpenStreams } from "../streams/OpenStreams.ts"
import { serverOptions } from "../streams/WebSockets.ts"
import * as Kinds from "../Kinds.ts"
import { version } from "../version.ts"
import { BrowserStreams } from "./BrowserStreams.ts"
import { Login } from "./Login.ts"
import { Readiness } from "./Readiness.ts"
import * as Routes from "./Routes.ts"

export interface Options {
  /** Port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number }
  /** Folder for what must survive a restart. */
  readonly dataRoot: string
  /** Asked of everybody when it is set. */
  readonly accessToken: Redacted.Redacted | undefined
  /** Further Host header values that are answered. */
  readonly allowedHosts: ReadonlyArray<string>
  /** Folder of the built page. */
  readonly pageRoot: string | undefined
  /** File with the profiles of the built-in runtime; it need not exist. Absent = there is only the echo. */
  readonly profiles?: string
  /** How long a request may take to arrive; absent = the defaults of the server. */
  readonly timeouts?: NodeServer.Timeouts
}

/** Requests that are under way when the server stops have this long. */
const gracefulShutdown = "10 seconds"

/** Like the gate, the router knows one spelling of a path. An id that is too long is refused as an id, and not here. */
const routerConfig = {
  caseSensitive: true,
  ignoreDuplicateSlashes: false,
  ignoreTrailingSlash: false,
  maxParamLength: NodeServer.maxHeaderBytes
}

const crypto = Layer.mergeAll(SecureRandom.layerWebCrypto, Digest.layerWebCrypto)

const executor = ({ profiles }: Options) =>
  profiles === undefined ? EchoExecutor.layer : ProfileExecutor.layer({ path: profiles, required: false })

const engine = (options: Options) =>
  Engine.layer({ runtime_id: embeddedRuntimeId, display_name: "Built-in runtime", version }).pipe(
    Layer.provide([executor(options), FileWorkerStore.layer({ root: `${options.dataRoot}/embedded` }), crypto])
  )

const embedded = Layer.effectDiscard(
  Effect.gen(function* () {
    const registry = yield* RuntimeRegistry
    yield* registry.add(EmbeddedSource.make)
  })
)

/** This program itself, which is also that of every runtime that the backend runs in a process of its own. */
const program = fileURLToPath(
  import.meta.url.endsWith(".ts") ? new URL("../main.ts", import.meta.url) : new URL("../main.js", import.meta.url)
)

const runtimeHome = ({ dataRoot, profiles }: Options) =>
  Layer.succeed(RuntimeHome, {
    folder: `${dataRoot}/runtimes`,
    profiles: profiles === undefined ? dataRoot : dirname(profiles),
    program
  })

/** Stops in order: no new work, streams told, requests finished; then the engine and its store. */
const drain = Layer.effectDiscard(
  Effect.gen(function* () {
    const readiness = yield* Readiness
    const streams = yield* OpenStreams
    const runtime = yield* WorkerRuntime
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        Effect.andThen(readiness.drain, runtime.drain),
        streams.closeAll(CloseCode.shutdown, "the server is shutting down")
      )
    )
  })
)

const server = (options: Options, login: Sessions) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let hosts: ReadonlySet<string> = new Set()
      const node = NodeServer.make(
        BrowserGate.make({
          hosts: () => hosts,
          sessions: login,
          now: () => clock.currentTimeMillisUnsafe()
        }),
        options.timeouts
      )
      node.on("listening", () => {
        const address = node.address()
        const port = typeof address === "object" && address !== null ? address.port : options.listen.port
        hosts = HostRules.allowedHosts({ host: options.listen.host, port }, options.allowedHosts)
      })
      return RequestScopes.layer(() => node, {
        ...options.listen,
        gracefulShutdownTimeout: gracefulShutdown,
        websocket: serverOptions
      })
    })
  )

/** Serves until the scope closes; provides the address that was bound, and the services that it serves. */
export const layer = (options: Options) => {
  const sessions = new Sessions(options.accessToken)
  // The built-in runtime comes first in every list; configured ones follow.
  const domain = Layer.mergeAll(Connections.layer, Negotiation.layer).pipe(
    Layer.provideMerge(Layer.provide(Kinds.layer, runtimeHome(options))),
    Layer.provideMerge(EventHub.layer),
    Layer.provideMerge(embedded),
    Layer.provideMerge(RuntimeRegistry.layer),
    Layer.provideMerge(engine(options)),
    Layer.provideMerge(crypto)
  )
  const services = Layer.mergeAll(
    BrowserStreams.layer,
    Readiness.layer,
    OpenStreams.layer,
    Layer.succeed(Login, sessions)
  ).pipe(Layer.provideMerge(domain))
  const serving = HttpRouter.serve(Routes.layer(options.pageRoot), {
    disableLogger: true,
    disableListenLog: true,
    routerConfig
  }).pipe(Layer.provide(Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(NodeServer.maxBodyBytes))))
  return drain.pipe(
    Layer.provideMerge(serving),
    Layer.provideMerge(server(options, sessions)),
    Layer.provideMerge(services)
  )
}
