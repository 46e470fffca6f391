/** The workspace folder of a command: its config file, the secrets that it names, and where its data lives. */
import { join, resolve } from "node:path"
import { Effect, Layer, type Redacted } from "effect"
import * as TomlConfigStore from "../../adapters/config/TomlConfigStore.ts"
import * as EnvSecrets from "../../adapters/secrets/EnvSecrets.ts"
import * as FileSecrets from "../../adapters/secrets/FileSecrets.ts"
import * as LocalSecrets from "../../adapters/secrets/LocalSecrets.ts"
import { ConfigStore, type WorkspaceConfig } from "../../domain/ConfigStore.ts"
import { isSecretRef, make as makeSecrets, SecretResolver } from "../../domain/SecretResolver.ts"
import { ConfigFolder } from "../plugins/PluginPlace.ts"
import { fail } from "./Failure.ts"
import * as ListenAddress from "./ListenAddress.ts"

export const defaultListen = "127.0.0.1:8787"
const defaultDataRoot = ".yoi/data"

/** The folder of everything that belongs to the workspace but is nobody's source. */
export const stateFolder = (folder: string): string => resolve(folder, ".yoi")

export const configFile = (folder: string): string => join(stateFolder(folder), "workspace-backend.local.toml")

/** The profiles of the built-in runtime, where there are any. */
export const profileFile = (folder: string): string => join(stateFolder(folder), "profiles.toml")

/** Folder of the secrets that `secret set` stores. */
export const secretStore = (folder: string): string => join(stateFolder(folder), "secrets")

/** Folder for `file:` secrets of this workspace, besides those where the system puts a service's secrets. */
export const tokenFolder = (folder: string): string => join(stateFolder(folder), "tokens")

const dataRootOf = (folder: string, config: WorkspaceConfig): string =>
  resolve(folder, config.data.root ?? defaultDataRoot)

/** Secrets by `env:`, `file:` and `local:`. Files of the backend itself are nobody's secret. */
const providers = (folder: string) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const store = yield* ConfigStore
      const files = FileSecrets.layer({
        base: resolve(folder),
        roots: [tokenFolder(folder), ...FileSecrets.systemRoots(process.env["CREDENTIALS_DIRECTORY"])],
        reserved: [configFile(folder), secretStore(folder), dataRootOf(folder, yield* store.read)]
      })
      return Layer.mergeAll(EnvSecrets.layer, files, LocalSecrets.layer(secretStore(folder)))
    })
  )

/** Config and secrets of a workspace, and the folder that its plugins lie beside. */
export const layer = (folder: string) =>
  providers(folder).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        TomlConfigStore.layer({ path: configFile(folder) }),
        Layer.effect(SecretResolver, makeSecrets),
        Layer.succeed(ConfigFolder, stateFolder(folder))
      )
    )
  )

export interface Opened {
  readonly config: WorkspaceConfig
  readonly listen: ListenAddress.ListenAddress
  readonly dataRoot: string
  readonly accessToken: Redacted.Redacted | undefined
}

const accessToken = Effect.fnUntraced(function* (ref: string | undefined) {
  if (ref === undefined) return undefined
  const secrets = yield* SecretResolver
  if (!isSecretRef(ref))
    return yield* fail("server.access_token_ref is not a secret reference. Use env:NAME, file:PATH or local:NAME.")
  return yield* Effect.mapError(secrets.resolve(ref), (problem) =>
    fail(`server.access_token_ref cannot be resolved. ${problem.message}`)
  )
})

/** @param listen as given on the command line, which wins over the file */
export const open = Effect.fnUntraced(function* (folder: string, listen: string | undefined) {
  const store = yield* ConfigStore
  const config = yield* store.read
  const text = listen ?? config.server.listen ?? defaultListen
  const address = ListenAddress.parse(text)
  if (address === undefined) {
    return yield* fail(
      `"${text}" is not an address. Use HOST:PORT, for instance ${defaultListen}.`,
      listen === undefined ? 1 : 2
    )
  }
  return {
    config,
    listen: address,
    dataRoot: dataRootOf(folder, config),
    accessToken: yield* accessToken(config.server.access_token_ref)
  } satisfies Opened
})
