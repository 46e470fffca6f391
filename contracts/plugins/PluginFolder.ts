/** Plugins as files of a workspace: written beside its config file, where Node itself imports them. */
import * as fs from "node:fs"
import { join } from "node:path"

/** The first line of a plugin without a type checker. */
export const imports = `import { apiVersion, definePromiseSource, defineRuntimeSource, defineSecretScheme, problem } from "yoi-workspace/plugin"
import { Effect, Redacted, Schema } from "effect"
`

/** Path of the plugin's module, as a config file beside `node_modules` would name it. */
export const pathOf = (name: string): string => `node_modules/${name}/index.mjs`

export const fileOf = (folder: string, name: string): string => join(folder, ".yoi", pathOf(name))

/** Installs a package of one module. */
export const install = (folder: string, name: string, source: string, manifest: object = {}): string => {
  const file = fileOf(folder, name)
  fs.mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 })
  fs.writeFileSync(
    join(file, "../package.json"),
    JSON.stringify({ name, version: "1.0.0", exports: { ".": { import: "./index.mjs" } }, ...manifest })
  )
  fs.writeFileSync(file, source, { mode: 0o600 })
  return file
}

/** A kind that answers without a runtime, and counts nothing; `more` are further members of the definition. */
export const simple = (kind: string, more = ""): string => `${imports}
export default definePromiseSource({
  kind: ${JSON.stringify(kind)},
  apiVersion,
  label: "Example",
  description: "A kind for tests.",
  endpoint: "none",
  options: {
    type: "object",
    properties: {
      greeting: { type: "string", title: "Greeting", description: "What it says.", maxLength: 20 },
      api_key_ref: { type: "string" }
    },
    additionalProperties: false
  },
  secretFields: ["token_ref", "api_key_ref"],
  capabilities: {},
  connect: () => ({
    describe: async () => ({ display_name: "Example runtime" }),
    list: async () => ({ items: [], next_cursor: null }),
    get: async () => { throw problem("worker_not_found") }
  })${more === "" ? "" : `,\n  ${more}`}
})
`
