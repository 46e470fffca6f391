/** `serve`: starts the backend and stays until it is told to stop. */
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Console, Effect, Layer, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { HttpServer } from "effect/http/HttpServer"
import * as Backend from "../backend/Backend.ts"
import { fail, usage } from "./Failure.ts"
import * as ListenAddress from "./ListenAddress.ts"
import * as Workspace from "./Workspace.ts"

const builtPage = fileURLToPath(new URL("../../../svelte-ui/build", import.meta.url))

export const workspace = Flag.String("workspace").pipe(
  Flag.withMetavar("DIR"),
  Flag.withDescription("Workspace folder; holds .yoi with the config file and the data"),
  Flag.withDefault(".")
)

const listen = Flag.String("listen").pipe(
  Flag.withMetavar("HOST:PORT"),
  Flag.withDescription("Address to serve on; port 0 takes any free one"),
  Flag.optional
)

/** What a failed start says; the reason is always one of these few. */
const explain = (cause: unknown): string => {
  const code = codeOf(cause)
  switch (code) {
    case "EADDRINUSE":
      return "The address is in use by another process. Stop it, or choose another with --listen HOST:PORT."
    case "EACCES":
      return "The address may not be used by this user. Choose a port above 1023 with --listen HOST:PORT."
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return "The address is not one of this machine. Choose another with --listen HOST:PORT."
    default:
      return cause instanceof Error && cause.message !== "" ? cause.message : "The backend could not start."
  }
}

const codeOf = (cause: unknown): string | undefined => {
  for (let it = cause, depth = 0; typeof it === "object" && it !== null && depth < 5; depth++) {
    if ("code" in it && typeof it.code === "string") return it.code
    it = "cause" in it ? it.cause : undefined
  }
  return undefined
}

export const serve = Command.make(
  "serve",
  { workspace, listen },
  Effect.fn("serve")(function* (flags) {
    const opened = yield* Workspace.open(flags.workspace)
    const text = Option.getOrElse(flags.listen, () => opened.config.listen)
    const address = ListenAddress.parse(text)
    if (address === undefined) return yield* usage(`"${text}" is not an address. Use HOST:PORT, for instance 127.0.0.1:8787.`)
    if (!ListenAddress.isLocal(address) && opened.accessToken === undefined) {
      return yield* fail(
        `Refused to serve on ${ListenAddress.format(address)} without an access token: anybody on the network could run workers. Set server.access_token_ref in the config file.`
      )
    }
    const backend = Backend.layer({
      listen: address,
      dataRoot: opened.dataRoot,
      accessToken: opened.accessToken,
      allowedHosts: opened.config.allowedHosts,
      pageRoot: existsSync(`${builtPage}/index.html`) ? builtPage : undefined
    })
    const ready = Layer.effectDiscard(
      Effect.gen(function* () {
        const { address: bound } = yield* HttpServer
        const port = "port" in bound ? bound.port : address.port
        for (const said of opened.diagnostics) yield* Console.error(said)
        yield* Console.log(`http://${ListenAddress.format({ host: address.host, port })}`)
      })
    )
    return yield* Layer.launch(Layer.provide(ready, backend)).pipe(
      Effect.catch((cause) => fail(explain(cause)))
    )
  })
).pipe(Command.withDescription("Start the backend: the built-in runtime, the API and the web page"))
