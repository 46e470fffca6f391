import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Layer } from "effect"
import * as TomlConfigStore from "../../src/adapters/config/TomlConfigStore.ts"
import { suite } from "./suite.ts"

/** A store over a file in a folder that is removed with the layer; without `text` the file is missing at first. */
const over = (text?: string) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => fs.mkdtemp(join(tmpdir(), "config-store-"))),
        (path) => Effect.promise(() => fs.rm(path, { recursive: true, force: true }))
      )
      const path = join(folder, "workspace-backend.local.toml")
      if (text !== undefined) yield* Effect.promise(() => fs.writeFile(path, text))
      return TomlConfigStore.layer({ path })
    })
  ).pipe(Layer.provide(NodeFileSystem.layer))

const existing = `# Ours.\r\n[server]\r\nlisten = "127.0.0.1:8787"\r\n\r\n[[runtimes.remote]]\r\nid = "mine" # kept\r\nendpoint = "http://127.0.0.1:1"\r\n\r\n[other]\r\nx = 1`

suite("toml, no file yet", over(), { nullInOptions: "unsupported" })
suite("toml, a file in use", over(existing), { nullInOptions: "unsupported" })
