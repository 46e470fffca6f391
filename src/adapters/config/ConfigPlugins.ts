/** Decodes the plugins of the config file: a bad entry costs itself, and says on which line and in which key. */
import { Result, Schema } from "effect"
import * as Connection from "../../domain/Connection.ts"
import { fieldErrors } from "../../domain/api/FieldErrors.ts"
import type { Diagnostic } from "../../domain/Diagnostic.ts"
import { maxPlugins, members, type PlacedPlugin, PluginEntry } from "../../domain/plugin/PluginEntry.ts"
import { at, shown } from "./ConfigSections.ts"
import type { Entry, Path, TomlDocument } from "./TomlDocument.ts"
import type { TomlRefusal } from "./TomlRefusal.ts"
import { plain } from "./TomlValue.ts"

export const PLUGINS: Path = ["plugins"]

export interface Plugins {
  /** In file order, which is the order in which they are loaded. */
  readonly plugins: ReadonlyArray<PlacedPlugin>
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

const decodeEntry = Schema.decodeUnknownResult(PluginEntry, { errors: "all" })

const error = (message: string): Diagnostic => ({ code: "plugin_entry_invalid", severity: "error", message })

const valuesOf = (entry: Entry): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(entry.values).flatMap(([key, value]) => (members.has(key) ? [[key, plain(value)] as const] : []))
  )

/** What is wrong with it, key by key; the plugin is left out then. */
const flaws = (entry: Entry): ReadonlyArray<Diagnostic> => {
  const values = valuesOf(entry)
  const secrets = Connection.rawSecrets(values["options"] ?? {})
  if (secrets.length > 0) {
    const message = `${at(entry.lineOf("options"))}"options" in [[plugins]] holds what looks like a secret, and the plugin is left out. ${Connection.RAW_SECRET_SENTENCE}`
    return [{ code: "plugin_raw_secret", severity: "error", message }]
  }
  const decoded = decodeEntry(values)
  if (Result.isSuccess(decoded)) return []
  return fieldErrors(decoded.failure.issue).map(({ code, pointer }) => {
    const key = pointer.split("/")[1] ?? ""
    if (key === "")
      return error(`${at(entry.line)}A plugin needs one of "package" and "path", and not both. It is left out.`)
    return error(`${at(entry.lineOf(key))}${shown(key)} in [[plugins]] is not valid (${code}). The plugin is left out.`)
  })
}

const unknownKeys = (entry: Entry): ReadonlyArray<Diagnostic> =>
  Object.keys(entry.values).flatMap((key): ReadonlyArray<Diagnostic> => {
    if (members.has(key)) return []
    const where = `${at(entry.lineOf(key))}${shown(key)} in [[plugins]]`
    return Connection.isSecretName(key)
      ? [
          {
            code: "plugin_raw_secret",
            severity: "error",
            message: `${where} looks like a secret and is not used. ${Connection.RAW_SECRET_SENTENCE}`
          }
        ]
      : [{ code: "plugin_key_unknown", severity: "warning", message: `${where} is not known and is ignored.` }]
  })

/** Fails when the array cannot be read at all. */
export const decode = (document: TomlDocument): Result.Result<Plugins, TomlRefusal> =>
  Result.map(document.entries(PLUGINS), ({ items }) => {
    const plugins: Array<PlacedPlugin> = []
    const diagnostics: Array<Diagnostic> = []
    for (const [index, entry] of items.entries()) {
      diagnostics.push(...unknownKeys(entry))
      if (index >= maxPlugins) {
        diagnostics.push(error(`${at(entry.line)}There are more than ${maxPlugins} plugins. This one is left out.`))
        continue
      }
      diagnostics.push(...flaws(entry))
      const decoded = decodeEntry(valuesOf(entry))
      const secrets = Connection.rawSecrets(valuesOf(entry)["options"] ?? {})
      if (Result.isSuccess(decoded) && secrets.length === 0) {
        plugins.push({ ...decoded.success, position: index + 1 })
      }
    }
    return { plugins, diagnostics }
  })
