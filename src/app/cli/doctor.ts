/** `doctor`: says in words what is wrong with a workspace, and what to do about it. */
import { access, constants, mkdir } from "node:fs/promises"
import { createServer } from "node:net"
import { existsSync } from "node:fs"
import { Console, Effect, Layer } from "effect"
import { Command } from "effect/cli"
import { ConfigStore } from "../../domain/ConfigStore.ts"
import { isSecretRef, SecretResolver } from "../../domain/SecretResolver.ts"
import { SourceKinds } from "../../domain/SourceKind.ts"
import * as Kinds from "../Kinds.ts"
import { Plugins } from "../plugins/Plugins.ts"
import { version } from "../version.ts"
import { fail } from "./Failure.ts"
import * as ListenAddress from "./ListenAddress.ts"
import { workspace } from "./serve.ts"
import * as Workspace from "./Workspace.ts"

interface Finding {
  readonly severity: "ok" | "warning" | "error"
  readonly sentence: string
}

const ok = (sentence: string): Finding => ({ severity: "ok", sentence })
const warning = (sentence: string): Finding => ({ severity: "warning", sentence })
const error = (sentence: string): Finding => ({ severity: "error", sentence })

const folderFinding = (folder: string) =>
  Effect.tryPromise({
    try: async () => {
      await mkdir(Workspace.stateFolder(folder), { recursive: true, mode: 0o700 })
      await access(Workspace.stateFolder(folder), constants.W_OK)
    },
    catch: () => error("The workspace folder cannot be written. Check its owner and permissions.")
  }).pipe(
    Effect.as(ok("The workspace folder can be written.")),
    Effect.catch((finding) => Effect.succeed(finding))
  )

const secretFinding = Effect.fnUntraced(function* (name: string, ref: string) {
  const secrets = yield* SecretResolver
  if (!isSecretRef(ref)) return error(`${name} is not a secret reference. Use env:NAME, file:PATH or local:NAME.`)
  return yield* secrets.resolve(ref).pipe(
    Effect.as(ok(`${name} can be resolved.`)),
    Effect.catch((problem) => Effect.succeed(error(`${name} cannot be resolved. ${problem.message}`)))
  )
})

const listenFinding = (text: string, hasToken: boolean) => {
  const address = ListenAddress.parse(text)
  if (address === undefined) return Effect.succeed(error("server.listen is not an address. Use HOST:PORT."))
  if (!ListenAddress.isLocal(address) && !hasToken) {
    return Effect.succeed(
      error("server.listen is reachable from other machines and no access token is set. Set server.access_token_ref.")
    )
  }
  return Effect.callback<Finding>((resume) => {
    const probe = createServer()
    probe.once("error", () =>
      resume(Effect.succeed(warning("The address of server.listen is in use or not available.")))
    )
    probe.listen(address, () => probe.close(() => resume(Effect.succeed(ok("The address of server.listen is free.")))))
    return Effect.sync(() => probe.close())
  })
}

const examine = Effect.fn("doctor")(function* (folder: string) {
  const store = yield* ConfigStore
  const config = yield* store.read
  const findings: Array<Finding> = [
    ok(`yoi-workspace ${version} on Node ${process.versions.node}.`),
    yield* folderFinding(folder),
    existsSync(Workspace.configFile(folder))
      ? ok("There is a config file.")
      : ok("There is no config file; defaults apply.")
  ]
  const plugins = yield* Plugins
  for (const { message, severity } of [...config.diagnostics, ...(yield* plugins.diagnostics(config))]) {
    findings.push({ severity: severity === "info" ? "ok" : severity, sentence: message })
  }
  if (config.plugins.length > 0) {
    const kinds = (yield* (yield* SourceKinds).list).filter((it) => !it.built_in).map((it) => it.kind)
    findings.push(ok(`Kinds of plugins: ${kinds.length === 0 ? "none" : kinds.join(", ")}.`))
  }
  const tokenRef = config.server.access_token_ref
  findings.push(yield* listenFinding(config.server.listen ?? Workspace.defaultListen, tokenRef !== undefined))
  if (tokenRef !== undefined) findings.push(yield* secretFinding("server.access_token_ref", tokenRef))
  for (const { id, token_ref } of config.connections) {
    if (token_ref !== undefined) findings.push(yield* secretFinding(`token_ref of ${id}`, token_ref))
  }
  for (const { sentence, severity } of findings) yield* Console.log(`${severity.padEnd(8)}${sentence}`)
  const errors = findings.filter(({ severity }) => severity === "error").length
  if (errors > 0) return yield* fail(`${errors} ${errors === 1 ? "thing is" : "things are"} wrong.`)
})

/** Plugins are loaded as `serve` loads them, so that what they say of themselves is found. */
const kinds = Layer.catch(Kinds.layer, () =>
  Layer.merge(
    SourceKinds.layer,
    Layer.succeed(Plugins, {
      diagnostics: () =>
        Effect.succeed([
          {
            code: "egress_invalid",
            severity: "error",
            message: "The section [egress] holds something that is no network, so the backend does not start."
          } as const
        ])
    })
  )
)

export const doctor = Command.make("doctor", { workspace }, (flags) =>
  examine(flags.workspace).pipe(Effect.provide(Layer.provideMerge(kinds, Workspace.layer(flags.workspace))))
).pipe(Command.withDescription("Say what is wrong with a workspace"))
