/** The backend in this process, on a real port: for what the command line cannot ask for. */
import { NodeServices } from "@effect/platform-node"
import { Effect, Exit, Layer, Redacted, Scope } from "effect"
import * as Context from "effect/Context"
import { HttpServer } from "effect/http/HttpServer"
import * as Backend from "../../src/app/backend/Backend.ts"
import * as Workspace from "../../src/app/cli/Workspace.ts"
import type { Timeouts } from "../../src/app/http/NodeServer.ts"
import { makeFolder, removeFolder } from "./BackendProcess.ts"

export interface Options {
  readonly accessToken?: string
  readonly allowedHosts?: ReadonlyArray<string>
  readonly pageRoot?: string
  /** The profile file of the built-in runtime. */
  readonly profiles?: string
  readonly timeouts?: Timeouts
}

export interface Served {
  readonly url: string
  readonly port: number
  /** Stops it and removes its folder. */
  readonly stop: () => Promise<void>
}

export const layer = (folder: string, options: Options = {}) =>
  Backend.layer({
    listen: { host: "127.0.0.1", port: 0 },
    dataRoot: folder,
    accessToken: options.accessToken === undefined ? undefined : Redacted.make(options.accessToken),
    allowedHosts: options.allowedHosts ?? [],
    pageRoot: options.pageRoot,
    ...(options.profiles === undefined ? undefined : { profiles: options.profiles }),
    ...(options.timeouts === undefined ? undefined : { timeouts: options.timeouts })
  }).pipe(Layer.provide(Workspace.layer(folder)), Layer.provide(NodeServices.layer))

export const portOf = (context: Context.Context<HttpServer>): number => {
  const { address } = Context.get(context, HttpServer)
  return "port" in address ? address.port : 0
}

export const serve = async (options: Options = {}): Promise<Served> => {
  const folder = makeFolder()
  const scope = Scope.makeUnsafe()
  const port = portOf(await Effect.runPromise(Layer.buildWithScope(layer(folder, options), scope)))
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    stop: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      removeFolder(folder)
    }
  }
}
