/** Secrets of the workspace's own store: `local:NAME`, written by the command line. */
import { Effect, type FileSystem, Layer, type Path } from "effect"
import { SecretResolver } from "../../domain/SecretResolver.ts"
import * as LocalStore from "./LocalStore.ts"

/** @param folder of the store; made with the first secret */
export const layer = (folder: string) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const secrets = yield* SecretResolver
      const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
      yield* secrets.register({
        scheme: "local",
        resolve: (name) => Effect.provideContext(LocalStore.resolve(folder, name), services)
      })
    })
  )
