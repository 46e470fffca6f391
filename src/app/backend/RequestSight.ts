/** Which services the requests of the backend do without; what is in sight is copied for each of them. */
import { FileSystem, type Layer, Path, Stdio, Terminal, Tracer } from "effect"
import { Digest } from "effect/crypto/Digest"
import { SecureRandom } from "effect/crypto/SecureRandom"
import { Generator } from "effect/http/Etag"
import { HttpPlatform } from "effect/http/HttpPlatform"
import { HttpRouter } from "effect/http/HttpRouter"
import { HttpServer } from "effect/http/HttpServer"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { BrowserEdge } from "../../domain/api/BrowserApi.ts"
import { ConfigStore } from "../../domain/ConfigStore.ts"
import { Connections } from "../../domain/Connections.ts"
import { ConnectionTest } from "../../domain/ConnectionTest.ts"
import { EventHub } from "../../domain/EventHub.ts"
import { RuntimeRegistry } from "../../domain/RuntimeRegistry.ts"
import { SecretResolver } from "../../domain/SecretResolver.ts"
import { SourceKinds } from "../../domain/SourceKind.ts"
import { WorkerRuntime } from "../../domain/WorkerRuntime.ts"
import * as InSight from "../http/InSight.ts"
import { OpenStreams } from "../streams/OpenStreams.ts"
import { BrowserStreams } from "./BrowserStreams.ts"
import { Login } from "./Login.ts"

/** Of the settings' handlers, or of nobody who answers requests. */
const rare = [
  ChildProcessSpawner,
  ConfigStore,
  Connections,
  ConnectionTest,
  Digest,
  HttpServer,
  SecretResolver,
  SecureRandom,
  SourceKinds,
  Stdio.Stdio,
  Terminal.Terminal,
  // That of the command which started the server: no parent of what a request does.
  Tracer.ParentSpan,
  WorkerRuntime
] as const

/** For the handlers that are asked all the time. Files are the page's. */
export const forHandlers = InSight.unseenBy(...rare, FileSystem.FileSystem, Generator, HttpPlatform, Path.Path)

/** Handlers of the API keep what they need. */
export const server: Layer.Layer<HttpServer, never, HttpServer> = InSight.serverWithout(
  ...rare,
  BrowserEdge,
  BrowserStreams,
  EventHub,
  HttpRouter,
  Login,
  OpenStreams,
  RuntimeRegistry
)
