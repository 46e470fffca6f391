/** Finds the entries of an array of tables, in every form TOML allows for one, and where each of their keys stands. */
import { Result } from "effect"
import { TomlRefusal } from "./TomlRefusal.ts"
import type { KeySpan, TableSpan, ValueSpan } from "./TomlSpans.ts"
import type { TomlSyntax } from "./TomlSyntax.ts"
import { isTable, type TomlTable, type TomlValue } from "./TomlValue.ts"

/** Entries of one array. The backend's own limit for connections is far below. */
export const MAX_ENTRIES = 1000

export type Path = ReadonlyArray<string>

export interface Entry {
  readonly values: TomlTable
  /** Line of the entry's header or opening brace, from 1. */
  readonly line: number
  /** Line of a key of `values`, from 1; that of the entry for any other. */
  readonly lineOf: (key: string) => number
  /** The entry's own header and the headers of its sub-tables, in file order; empty when it is written inline. */
  readonly tables: ReadonlyArray<TableSpan>
}

export interface Entries {
  /** `headers`: written as `[[path]]`, or absent. `inline`: written as a value, which is read but not edited. */
  readonly form: "headers" | "inline"
  readonly items: ReadonlyArray<Entry>
}

const startsWith = (names: ReadonlyArray<string | number>, path: Path) =>
  names.length >= path.length && path.every((name, index) => names[index] === name)

const refuse = (reason: "unsupported_form" | "too_many_entries", sentence: string) =>
  Result.fail(new TomlRefusal({ reason, sentence }))

/** The value at a path, or `undefined`; never walks into an array, and never into a prototype. */
export const valueAt = (model: TomlTable, path: Path): TomlValue | undefined =>
  path.reduce<TomlValue | undefined>(
    (value, name) => (isTable(value) && Object.hasOwn(value, name) ? value[name] : undefined),
    model
  )

const keyLine = (keys: ReadonlyArray<KeySpan>, name: string) => keys.find(({ names }) => names[0] === name)?.line

/** Where a key is first written: below the entry's own header, or as the header of a sub-table. */
const lineIn = (path: Path, tables: ReadonlyArray<TableSpan>, name: string): number | undefined => {
  for (const { keys, line, resolved } of tables) {
    const sub = resolved[path.length + 1]
    const found = typeof sub !== "string" ? keyLine(keys, name) : sub === name ? line : undefined
    if (found !== undefined) return found
  }
  return undefined
}

const fromHeaders = (syntax: TomlSyntax, path: Path, values: ReadonlyArray<TomlTable>): ReadonlyArray<Entry> => {
  const owned = values.map((): Array<TableSpan> => [])
  for (const table of syntax.tables) {
    const index = table.resolved[path.length]
    if (typeof index === "number" && startsWith(table.resolved, path)) owned[index]?.push(table)
  }
  return values.map((values, index) => {
    const tables = owned[index] ?? []
    const line = tables[0]?.line ?? 1
    return { values, tables, line, lineOf: (key) => lineIn(path, tables, key) ?? line }
  })
}

/** The elements of an array written as a value, under whatever mix of headers, dotted keys and inline tables. */
const inlineArray = (syntax: TomlSyntax, path: Path): ReadonlyArray<ValueSpan> | undefined => {
  const search = (keys: ReadonlyArray<KeySpan>, prefix: Path): ReadonlyArray<ValueSpan> | undefined => {
    for (const { names, value } of keys) {
      const full = [...prefix, ...names]
      if (!startsWith(path, full)) continue
      if (value.elements !== undefined && full.length === path.length) return value.elements
      const found = value.keys === undefined ? undefined : search(value.keys, full)
      if (found !== undefined) return found
    }
    return undefined
  }
  const scopes = [
    search(syntax.topLevel, []),
    ...syntax.tables.map(({ keys, names }) => (startsWith(path, names) ? search(keys, names) : undefined))
  ]
  return scopes.find((found) => found !== undefined)
}

const fromInline = (
  elements: ReadonlyArray<ValueSpan> | undefined,
  values: ReadonlyArray<TomlTable>
): ReadonlyArray<Entry> =>
  values.map((values, index) => {
    const element = elements?.[index]
    const line = element?.line ?? 1
    return { values, tables: [], line, lineOf: (key) => keyLine(element?.keys ?? [], key) ?? line }
  })

/** The entries under `path`. A path that is absent has none; one that leads through something else is refused. */
export const find = (syntax: TomlSyntax, path: Path): Result.Result<Entries, TomlRefusal> => {
  const name = path.join(".")
  for (let length = 1; length < path.length; length++) {
    const parent = valueAt(syntax.model, path.slice(0, length))
    if (parent === undefined) return Result.succeed({ form: "headers", items: [] })
    if (!isTable(parent)) {
      return refuse(
        "unsupported_form",
        `"${path.slice(0, length).join(".")}" is not a table, so "${name}" cannot stand in it.`
      )
    }
  }
  const value = valueAt(syntax.model, path)
  if (value === undefined) return Result.succeed({ form: "headers", items: [] })
  if (!Array.isArray(value) || !value.every(isTable)) {
    return refuse("unsupported_form", `"${name}" is not a list of tables. Write each entry below a line [[${name}]].`)
  }
  if (value.length > MAX_ENTRIES) return refuse("too_many_entries", `"${name}" has more than ${MAX_ENTRIES} entries.`)
  const headers = fromHeaders(syntax, path, value)
  return Result.succeed(
    value.length > 0 && headers.every((entry) => entry.tables.length > 0)
      ? { form: "headers", items: headers }
      : { form: "inline", items: fromInline(inlineArray(syntax, path), value) }
  )
}

/** The line, from 1, where a key or table is first written; nothing when it is not. */
export const lineOf = (syntax: TomlSyntax, path: Path): number | undefined => {
  const search = (keys: ReadonlyArray<KeySpan>, prefix: Path): number | undefined => {
    for (const { line, names, value } of keys) {
      const full = [...prefix, ...names]
      if (startsWith(full, path)) return line
      const found = startsWith(path, full) && value.keys !== undefined ? search(value.keys, full) : undefined
      if (found !== undefined) return found
    }
    return undefined
  }
  const top = search(syntax.topLevel, [])
  if (top !== undefined) return top
  for (const { keys, line, names } of syntax.tables) {
    const found = startsWith(names, path) ? line : startsWith(path, names) ? search(keys, names) : undefined
    if (found !== undefined) return found
  }
  return undefined
}
