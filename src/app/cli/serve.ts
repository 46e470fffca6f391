/** `serve`: starts the backend and stays until it is told to stop. */
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Console, Effect, Layer, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { HttpServer } from "effect/http/HttpServer"
import * as Backend from "../backend/Backend.ts"
import { fail } from "./Failure.ts"
import * as ListenAddress from "./ListenAddress.ts"
import { explain } from "./StartFailure.ts"
import * as Workspace from "./Workspace.ts"

const builtPage = fileURLToPath(new URL("../../../svelte-ui/build", import.meta.url))

export const workspace = Flag.String("workspace").pipe(
  Flag.withMetavar("DIR"),
  Flag.withDescription("Workspace folder; holds .yoi with the config file and the data"),
  Flag.withDefault(".")
)

export const listen = Flag.String("listen").pipe(
  Flag.withMetavar("HOST:PORT"),
  Flag.withDescription("Address to serve on; port 0 takes any free one"),
  Flag.optional
)

/** The backend of a workspace that was opened. */
export const backendOf = (folder: string, { accessToken, config, dataRoot, listen }: Workspace.Opened) =>
  Backend.layer({
    listen,
    dataRoot,
    profiles: Workspace.profileFile(folder),
    accessToken,
    allowedHosts: config.server.allowed_hosts ?? [],
    pageRoot: existsSync(`${builtPage}/index.html`) ? builtPage : undefined
  })

/** Where the backend can be reached. */
export const urlOf = ({ listen: { host, port } }: Workspace.Opened) =>
  Effect.map(HttpServer, ({ address }) => {
    const bound = "port" in address ? address.port : port
    return `http://${ListenAddress.format({ host, port: bound })}`
  })

const start = Effect.fn("serve")(function* (folder: string, listenFlag: string | undefined) {
  const opened = yield* Workspace.open(folder, listenFlag)
  for (const { message, severity } of opened.config.diagnostics)
    yield* Console.error(`config file: ${severity}: ${message}`)
  if (!ListenAddress.isLocal(opened.listen) && opened.accessToken === undefined) {
    return yield* fail(
      `Refused to serve on ${ListenAddress.format(opened.listen)} without an access token: anybody on the network could run workers. Set server.access_token_ref in the config file.`
    )
  }
  const ready = Layer.effectDiscard(Effect.flatMap(urlOf(opened), (url) => Console.log(url)))
  return yield* Layer.launch(Layer.provide(ready, backendOf(folder, opened))).pipe(
    Effect.catch((cause) => fail(explain(cause, "--listen")))
  )
})

export const serve = Command.make("serve", { workspace, listen }, (flags) =>
  Effect.provide(start(flags.workspace, Option.getOrUndefined(flags.listen)), Workspace.layer(flags.workspace))
).pipe(Command.withDescription("Start the backend: the built-in runtime, the API and the web page"))
