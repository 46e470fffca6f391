/** The backend with one remote runtime in its config, started as people start it. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Options, product, type Running } from "./Process.ts"

/** The backend's alias of the runtime. */
export const alias = "bench"

export const entry = (id: string, endpoint: string): string =>
  `[[runtimes.remote]]\nid = "${id}"\nendpoint = "${endpoint}"\ndisplay_name = "Runtime ${id}"\n`

/** Writes the workspace's config file. */
export const configure = (workspace: string, text: string): void => {
  mkdirSync(join(workspace, ".yoi"), { recursive: true })
  writeFileSync(join(workspace, ".yoi/workspace-backend.local.toml"), text, { mode: 0o600 })
}

export const backend = (name: string, workspace: string, endpoint: string, options: Options = {}): Promise<Running> => {
  configure(workspace, entry(alias, endpoint))
  return product(name, ["serve", "--workspace", workspace, "--listen", "127.0.0.1:0"], options)
}
