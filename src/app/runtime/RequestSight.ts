/** Which services the requests of a worker-runtime do without; what is in sight is copied for each of them. */
import { FileSystem, type Layer, Path, Stdio, Terminal, Tracer } from "effect"
import { Digest } from "effect/crypto/Digest"
import { SecureRandom } from "effect/crypto/SecureRandom"
import { Generator } from "effect/http/Etag"
import { HttpPlatform } from "effect/http/HttpPlatform"
import { HttpRouter } from "effect/http/HttpRouter"
import { HttpServer } from "effect/http/HttpServer"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { SecretResolver } from "../../domain/SecretResolver.ts"
import { WorkerExecutor } from "../../domain/WorkerExecutor.ts"
import { WorkerRuntime } from "../../domain/WorkerRuntime.ts"
import { WorkerStore } from "../../domain/WorkerStore.ts"
import * as InSight from "../http/InSight.ts"
import { OpenStreams } from "../streams/OpenStreams.ts"
import { Lifecycle } from "./Lifecycle.ts"

const rare = [
  ChildProcessSpawner,
  Digest,
  FileSystem.FileSystem,
  Generator,
  HttpPlatform,
  HttpServer,
  Path.Path,
  SecretResolver,
  SecureRandom,
  Stdio.Stdio,
  Terminal.Terminal,
  // That of the command which started the server: no parent of what a request does.
  Tracer.ParentSpan,
  WorkerExecutor
] as const

export const forHandlers = InSight.unseenBy(...rare)

/** Handlers keep what they need. */
export const server: Layer.Layer<HttpServer, never, HttpServer> = InSight.serverWithout(
  ...rare,
  HttpRouter,
  Lifecycle,
  OpenStreams,
  WorkerRuntime,
  WorkerStore
)
