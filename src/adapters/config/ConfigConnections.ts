/** Decodes the connections of the config file: a bad entry costs itself, and says on which line and in which key. */
import { Result } from "effect"
import * as Connection from "../../domain/Connection.ts"
import type { ConnectionEntry } from "../../domain/Connection.ts"
import type { Diagnostic } from "../../domain/Diagnostic.ts"
import { embeddedRuntimeId, idPattern } from "../../domain/Identifiers.ts"
import { at, shown } from "./ConfigSections.ts"
import type { Entry, Path, TomlDocument } from "./TomlDocument.ts"
import type { TomlRefusal } from "./TomlRefusal.ts"
import { plain } from "./TomlValue.ts"

/** `[[runtimes.remote]]` is a connection of kind `remote_http`; `[[runtimes.source]]` names its kind. */
export const REMOTE: Path = ["runtimes", "remote"]
export const SOURCE: Path = ["runtimes", "source"]

const known = new Set(Object.keys(Connection.ConnectionEntry.fields))

/** Where an entry stands, so that it can be edited. */
export interface Place {
  readonly path: Path
  readonly index: number
}

export interface Connections {
  readonly connections: ReadonlyArray<ConnectionEntry>
  readonly rejected_ids: ReadonlyArray<string>
  /** By id; the valid entry where several have the same. */
  readonly places: ReadonlyMap<string, Place>
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

interface Found {
  readonly entry: Entry
  readonly place: Place
  readonly id: string | undefined
}

const idOf = (entry: Entry): string | undefined => {
  const id = Object.hasOwn(entry.values, "id") ? entry.values["id"] : undefined
  return typeof id === "string" && idPattern.test(id) ? id : undefined
}

const keyDiagnostics = ({ entry, place }: Found): ReadonlyArray<Diagnostic> =>
  Object.keys(entry.values).flatMap((key): ReadonlyArray<Diagnostic> => {
    const where = `${at(entry.lineOf(key))}${shown(key)} in [[${place.path.join(".")}]]`
    if (Connection.isSecretName(key)) {
      const message = `${where} looks like a secret and is not used. ${Connection.RAW_SECRET_SENTENCE}`
      return [{ code: "connection_raw_secret", severity: "error", message }]
    }
    if (known.has(key)) return []
    return [{ code: "connection_key_unknown", severity: "warning", message: `${where} is not known and is ignored.` }]
  })

const decodeOne = ({ entry, place }: Found) => {
  const values = Object.entries(entry.values).filter(([key]) => known.has(key))
  const kind = place.path === REMOTE ? { kind: Connection.REMOTE_HTTP } : { kind: undefined }
  return Connection.decodeEntry({ ...kind, ...Object.fromEntries(values.map(([key, value]) => [key, plain(value)])) })
}

const leftOut = (found: Found, pointer: string, why: string): Diagnostic => {
  const key = pointer.split("/")[1] ?? ""
  const line = found.entry.lineOf(key)
  const what = found.id === undefined ? "The connection" : `The connection "${found.id}"`
  return {
    code: "connection_invalid",
    severity: "error",
    message: `${at(line)}${key === "" ? "the entry" : shown(key)} is not valid (${why}). ${what} is left out.`
  }
}

/** Fails when one of the arrays cannot be read at all. */
export const decode = (document: TomlDocument): Result.Result<Connections, TomlRefusal> =>
  Result.gen(function* () {
    const found: Array<Found> = []
    for (const path of [REMOTE, SOURCE]) {
      const { items } = yield* document.entries(path)
      for (const [index, entry] of items.entries()) found.push({ entry, place: { path, index }, id: idOf(entry) })
    }
    const connections: Array<ConnectionEntry> = []
    const rejected: Array<Found> = []
    const places = new Map<string, Place>()
    const diagnostics: Array<Diagnostic> = []
    for (const one of found) {
      diagnostics.push(...keyDiagnostics(one))
      const decoded = decodeOne(one)
      const reserved = one.id === embeddedRuntimeId
      if (Result.isSuccess(decoded) && !reserved && !places.has(decoded.success.id)) {
        connections.push(decoded.success)
        places.set(decoded.success.id, one.place)
        continue
      }
      rejected.push(one)
      if (Result.isFailure(decoded)) {
        diagnostics.push(...decoded.failure.map(({ pointer, code }) => leftOut(one, pointer, code)))
      } else diagnostics.push(leftOut(one, "/id", reserved ? "reserved" : "used twice"))
    }
    for (const { id, place } of rejected) if (id !== undefined && !places.has(id)) places.set(id, place)
    const ids = new Set(rejected.flatMap(({ id }) => (id === undefined ? [] : [id])))
    return { connections, rejected_ids: [...ids], places, diagnostics }
  })
