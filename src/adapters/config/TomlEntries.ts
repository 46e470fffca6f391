/** Finds the entries of an array of tables, in every form TOML allows for one, and where each of their keys stands. */
import { Result } from "effect"
import type { AST } from "toml-eslint-parser"
import { TomlRefusal } from "./TomlRefusal.ts"
import { keyNames, type TomlSyntax } from "./TomlSyntax.ts"
import { isTable, type TomlTable, type TomlValue } from "./TomlValue.ts"

/** Entries of one array. The backend's own limit for connections is far below. */
export const MAX_ENTRIES = 1000

export type Path = ReadonlyArray<string>

export interface Entry {
  readonly values: TomlTable
  /** Line of the entry's header or opening brace, from 1. */
  readonly line: number
  /** Line of each key of `values`, from 1. */
  readonly keyLines: ReadonlyMap<string, number>
  /** The entry's own header and the headers of its sub-tables, in file order; empty when it is written inline. */
  readonly tables: ReadonlyArray<AST.TOMLTable>
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

const noteKeys = (lines: Map<string, number>, nodes: ReadonlyArray<AST.TOMLKeyValue>) => {
  for (const node of nodes) {
    const name = keyNames(node)[0]
    if (name !== undefined && !lines.has(name)) lines.set(name, node.loc.start.line)
  }
}

const fromHeaders = (syntax: TomlSyntax, path: Path, values: ReadonlyArray<TomlTable>): ReadonlyArray<Entry> => {
  const owned = values.map((): Array<AST.TOMLTable> => [])
  for (const table of syntax.tables) {
    const index = table.resolvedKey[path.length]
    if (typeof index === "number" && startsWith(table.resolvedKey, path)) owned[index]?.push(table)
  }
  return values.map((values, index) => {
    const tables = owned[index] ?? []
    const keyLines = new Map<string, number>()
    for (const table of tables) {
      const sub = table.resolvedKey[path.length + 1]
      if (typeof sub !== "string") noteKeys(keyLines, table.body)
      else if (!keyLines.has(sub)) keyLines.set(sub, table.loc.start.line)
    }
    return { values, tables, keyLines, line: tables[0]?.loc.start.line ?? 1 }
  })
}

/** The node of an array written as a value, under whatever mix of headers, dotted keys and inline tables. */
const inlineArray = (syntax: TomlSyntax, path: Path): AST.TOMLArray | undefined => {
  const search = (nodes: ReadonlyArray<AST.TOMLKeyValue>, prefix: Path): AST.TOMLArray | undefined => {
    for (const node of nodes) {
      const full = [...prefix, ...keyNames(node)]
      if (!startsWith(path, full)) continue
      if (node.value.type === "TOMLArray" && full.length === path.length) return node.value
      const found = node.value.type === "TOMLInlineTable" ? search(node.value.body, full) : undefined
      if (found !== undefined) return found
    }
    return undefined
  }
  const scopes = [
    search(syntax.topLevel, []),
    ...syntax.tables.map((table) =>
      startsWith(path, keyNames(table)) ? search(table.body, keyNames(table)) : undefined
    )
  ]
  return scopes.find((found) => found !== undefined)
}

const fromInline = (array: AST.TOMLArray | undefined, values: ReadonlyArray<TomlTable>): ReadonlyArray<Entry> =>
  values.map((values, index) => {
    const node = array?.elements[index]
    const keyLines = new Map<string, number>()
    if (node?.type === "TOMLInlineTable") noteKeys(keyLines, node.body)
    return { values, keyLines, tables: [], line: node?.loc.start.line ?? 1 }
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
  const search = (nodes: ReadonlyArray<AST.TOMLKeyValue>, prefix: Path): number | undefined => {
    for (const node of nodes) {
      const full = [...prefix, ...keyNames(node)]
      if (startsWith(full, path)) return node.loc.start.line
      const found =
        startsWith(path, full) && node.value.type === "TOMLInlineTable" ? search(node.value.body, full) : undefined
      if (found !== undefined) return found
    }
    return undefined
  }
  const top = search(syntax.topLevel, [])
  if (top !== undefined) return top
  for (const table of syntax.tables) {
    const names = keyNames(table)
    const found = startsWith(names, path) ? table.loc.start.line : search(table.body, names)
    if (found !== undefined) return found
  }
  return undefined
}
