/** Decodes the sections of the config file key by key: a bad key costs itself, except where that would open something. */
import { Option, Schema } from "effect"
import * as Connection from "../../domain/Connection.ts"
import type { EgressSection, WorkspaceConfig } from "../../domain/ConfigStore.ts"
import type { Diagnostic } from "../../domain/Diagnostic.ts"
import type { TomlDocument } from "./TomlDocument.ts"
import { isTable, plain, type TomlTable } from "./TomlValue.ts"

/** Largest value of a limit: above it a limit is a mistake. */
const MAX_LIMIT = 1_000_000_000

/** Entries of one list, and characters of one text. */
const MAX_LIST = 1024
const MAX_TEXT = 1024

const Text = Schema.String.check(Schema.isMaxLength(MAX_TEXT), Schema.isPattern(/^[^\p{Cc}]+$/u))
const List = Schema.Array(Text).check(Schema.isMaxLength(MAX_LIST))
const Limit = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: MAX_LIMIT }))
const Port = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_535 }))

type KeySchema = Schema.ConstraintDecoder<unknown>

const server: Readonly<Record<string, KeySchema>> = {
  listen: Text.check(Schema.isPattern(/^.+:[0-9]{1,5}$/)),
  access_token_ref: Connection.TokenRef,
  allowed_hosts: List
}
const data: Readonly<Record<string, KeySchema>> = { root: Text }
const egress: Readonly<Record<string, KeySchema>> = {
  allow_private: Schema.Boolean,
  allow: List,
  deny: List,
  ports: Schema.Array(Port).check(Schema.isMaxLength(MAX_LIST))
}

/** Egress that permits nothing. */
const closed: EgressSection = { allow: [] }

/** A key as it may be shown: what somebody pasted in a key's place is not repeated whole. */
export const shown = (key: string): string => (/^[A-Za-z0-9_-]{1,40}$/.test(key) ? `"${key}"` : "a key")

export const at = (line: number | undefined): string => (line === undefined ? "" : `Line ${line}: `)

interface Section {
  readonly values: Readonly<Record<string, unknown>>
  readonly diagnostics: ReadonlyArray<Diagnostic>
  /** Whether every key was known and valid. */
  readonly whole: boolean
}

const section = (document: TomlDocument, name: string, schemaOf: (key: string) => KeySchema | undefined): Section => {
  const table = Object.hasOwn(document.model, name) ? document.model[name] : undefined
  if (table === undefined) return { values: {}, diagnostics: [], whole: true }
  if (!isTable(table)) {
    const message = `${at(document.lineOf([name]))}"${name}" is not a table and is ignored.`
    return { values: {}, diagnostics: [{ code: "config_key_invalid", severity: "error", message }], whole: false }
  }
  return keys(document, name, table, schemaOf)
}

const keys = (
  document: TomlDocument,
  name: string,
  table: TomlTable,
  schemaOf: (key: string) => KeySchema | undefined
): Section => {
  const values: Array<readonly [string, unknown]> = []
  const diagnostics: Array<Diagnostic> = []
  let whole = true
  for (const [key, value] of Object.entries(table)) {
    const where = () => `${at(document.lineOf([name, key]))}${shown(key)} in [${name}]`
    const schema = schemaOf(key)
    if (Connection.isSecretName(key)) {
      const message = `${where()} looks like a secret. ${Connection.RAW_SECRET_SENTENCE}`
      diagnostics.push({ code: "config_raw_secret", severity: "error", message })
      whole = false
    } else if (schema === undefined) {
      whole = false
      diagnostics.push({
        code: "config_key_unknown",
        severity: "warning",
        message: `${where()} is not known and is ignored.`
      })
    } else {
      const decoded = Schema.decodeUnknownOption(schema)(plain(value))
      if (Option.isSome(decoded)) values.push([key, decoded.value])
      else {
        whole = false
        diagnostics.push({
          code: "config_key_invalid",
          severity: "error",
          message: `${where()} is not valid and is ignored.`
        })
      }
    }
  }
  return { values: Object.fromEntries(values), diagnostics, whole }
}

const own = (schemas: Readonly<Record<string, KeySchema>>) => (key: string) =>
  Object.hasOwn(schemas, key) ? schemas[key] : undefined

/** Every section but the connections. */
export const decode = (
  document: TomlDocument
): Pick<WorkspaceConfig, "server" | "data" | "limits" | "egress" | "diagnostics"> => {
  const sections = {
    server: section(document, "server", own(server)),
    data: section(document, "data", own(data)),
    limits: section(document, "limits", () => Limit),
    egress: section(document, "egress", own(egress))
  }
  const diagnostics = Object.values(sections).flatMap((section) => section.diagnostics)
  if (!sections.egress.whole) {
    const message = "The section [egress] is not valid as a whole, so no endpoint may be reached."
    diagnostics.push({ code: "egress_closed", severity: "error", message })
  }
  return {
    server: sections.server.values,
    data: sections.data.values,
    limits: sections.limits.values as Readonly<Record<string, number>>,
    egress: sections.egress.whole ? sections.egress.values : closed,
    diagnostics
  }
}
