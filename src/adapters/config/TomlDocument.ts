/**
 * Edits the entries of an array of tables in a TOML text and leaves every other byte as it is.
 *
 * Each edit is parsed again and compared with the model it was meant to produce before it is returned: a difference is
 * a refusal, never damage. The rule for comments and blank lines is in `TomlLayout.ts`.
 */
import { Result } from "effect"
import { type Entries, find, lineOf, MAX_ENTRIES, type Path } from "./TomlEntries.ts"
import * as TomlLayout from "./TomlLayout.ts"
import { TomlRefusal } from "./TomlRefusal.ts"
import { keyNames, parse as parseSyntax, type TomlSyntax } from "./TomlSyntax.ts"
import {
  equals,
  isTable,
  key as encodeKey,
  literal,
  table,
  type TomlTable,
  type TomlValue,
  type Writable
} from "./TomlValue.ts"

export type { Entries, Entry, Path } from "./TomlEntries.ts"
export type { TomlTable, Writable } from "./TomlValue.ts"

export interface TomlDocument {
  readonly text: string
  readonly model: TomlTable
  /** The entries of the array of tables at `path`, with the lines of their keys. */
  readonly entries: (path: Path) => Result.Result<Entries, TomlRefusal>
  /** The line, from 1, where a key or table is first written. */
  readonly lineOf: (path: Path) => number | undefined
}

/** Parses a text. Fails with `not_toml` and a position, or with the bound it exceeds. */
export const parse = (text: string): Result.Result<TomlDocument, TomlRefusal> =>
  Result.map(parseSyntax(text), (syntax) => ({
    text,
    model: syntax.model,
    entries: (path) => find(syntax, path),
    lineOf: (path) => lineOf(syntax, path)
  }))

type Edited = Result.Result<string, TomlRefusal>

const fail = (reason: TomlRefusal["reason"], sentence: string, line?: number) =>
  Result.fail(new TomlRefusal({ reason, sentence, line }))

/** The model with `items` as the array at `path`. An empty array leaves no trace, and neither do the tables it emptied. */
const withItems = (model: TomlTable, path: Path, items: ReadonlyArray<TomlTable>): TomlTable => {
  const [name, ...rest] = path
  if (name === undefined) return model
  const child = Object.hasOwn(model, name) ? model[name] : undefined
  const value: TomlValue = rest.length === 0 ? items : withItems(isTable(child) ? child : table([]), rest, items)
  const others = Object.entries(model).filter(([other]) => other !== name)
  const empty = Array.isArray(value) ? value.length === 0 : isTable(value) && Object.keys(value).length === 0
  return table(empty ? others : [...others, [name, value]])
}

const itemsOf = (entries: Entries) => entries.items.map((entry) => entry.values)

/** Returns the text only when it means exactly the old model with `items` at `path`. */
const verified = (
  before: TomlSyntax,
  path: Path,
  items: ReadonlyArray<TomlTable>,
  splices: ReadonlyArray<TomlLayout.Splice>
): Edited =>
  Result.gen(function* () {
    const text = before.bom + TomlLayout.apply(before.body, splices)
    const after = yield* Result.mapError(parseSyntax(text), (error) =>
      error.reason === "not_toml" ? new TomlRefusal({ ...notPreserved }) : error
    )
    const found = yield* find(after, path)
    const same = equals(withItems(after.model, path, itemsOf(found)), withItems(before.model, path, items))
    return found.form === "headers" && same ? text : yield* Result.fail(new TomlRefusal({ ...notPreserved }))
  })

const notPreserved = {
  reason: "not_preserved",
  sentence: "The change would alter something else in the file; edit the file by hand."
} as const

const editable = (text: string, path: Path) =>
  Result.gen(function* () {
    const syntax = yield* parseSyntax(text)
    const entries = yield* find(syntax, path)
    const name = path.join(".")
    if (entries.form === "inline") {
      return yield* fail(
        "unsupported_form",
        `"${name}" is written as a value. Write each entry below a line [[${name}]] to edit it here.`,
        entries.items[0]?.line
      )
    }
    return { syntax, entries }
  })

const entryAt = (text: string, path: Path, index: number) =>
  Result.gen(function* () {
    const { syntax, entries } = yield* editable(text, path)
    const entry = entries.items[index]
    const header = entry?.tables[0]
    if (entry === undefined || header === undefined) return yield* fail("no_such_entry", "There is no such entry.")
    return { syntax, entries, entry, header }
  })

/** Appends an entry behind the last one of its array, or at the end of the file, set apart by one blank line. */
export const add = (text: string, path: Path, values: { readonly [key: string]: Writable }): Edited =>
  Result.gen(function* () {
    const { syntax, entries } = yield* editable(text, path)
    if (entries.items.length >= MAX_ENTRIES) {
      return yield* fail("too_many_entries", `"${path.join(".")}" already has ${MAX_ENTRIES} entries.`)
    }
    const names = yield* Result.all(path.map(encodeKey))
    const keys: Array<string> = []
    const added: Array<readonly [string, TomlValue]> = []
    for (const [name, value] of Object.entries(values)) {
      const written = yield* literal(value)
      keys.push(`${yield* encodeKey(name)} = ${written.text}`)
      added.push([name, written.value])
    }
    const layout = TomlLayout.make(syntax)
    const at = Math.max(-1, ...entries.items.flatMap((entry) => entry.tables.map(layout.end)))
    const apart = syntax.body.length === 0 ? [] : [""]
    const lines = [...apart, `[[${names.join(".")}]]`, ...keys]
    const splice = TomlLayout.insertLines(syntax.body, at === -1 ? syntax.body.length : at, lines)
    return yield* verified(syntax, path, [...itemsOf(entries), table(added)], [splice])
  })

/** Removes an entry with its sub-tables and the comments that belong to them. */
export const remove = (text: string, path: Path, index: number): Edited =>
  Result.gen(function* () {
    const { syntax, entries, entry } = yield* entryAt(text, path, index)
    const splices = TomlLayout.make(syntax).removals(entry.tables)
    return yield* verified(syntax, path, itemsOf(entries).toSpliced(index, 1), splices)
  })

/** Removes one key of an entry, in whatever form it is written. */
const removeKey = (text: string, path: Path, index: number, name: string): Edited =>
  Result.gen(function* () {
    const { syntax, entries, entry, header } = yield* entryAt(text, path, index)
    if (!Object.hasOwn(entry.values, name)) return text
    const { body } = syntax
    const lines = header.body
      .filter((node) => keyNames(node)[0] === name)
      .map(({ range: [start, end] }) =>
        TomlLayout.removeLines(body, { start: TomlLayout.lineStart(body, start), end: TomlLayout.lineEnd(body, end) })
      )
    const tables = entry.tables.filter((table) => table.resolvedKey[path.length + 1] === name)
    const blocks = TomlLayout.make(syntax).removals(tables)
    const kept = table(Object.entries(entry.values).filter(([other]) => other !== name))
    return yield* verified(syntax, path, itemsOf(entries).with(index, kept), [...lines, ...blocks])
  })

/** Sets one key: in place where it stands as `key = value`, else as the last line below the entry's header. */
const setKey = (text: string, path: Path, index: number, name: string, value: Writable): Edited =>
  Result.gen(function* () {
    const { syntax, entries, entry, header } = yield* entryAt(text, path, index)
    const written = yield* literal(value)
    if (Object.hasOwn(entry.values, name) && equals(entry.values[name], written.value)) return text
    const holder = header.body.find((node) => keyNames(node)[0] === name)
    const single = holder !== undefined && holder.key.keys.length === 1
    if (Object.hasOwn(entry.values, name) && !single) {
      return yield* Result.flatMap(removeKey(text, path, index, name), (text) => setKey(text, path, index, name, value))
    }
    const { body } = syntax
    const last = header.body.at(-1)
    const indent = last === undefined ? "" : body.slice(TomlLayout.lineStart(body, last.range[0]), last.range[0])
    const at = TomlLayout.lineEnd(body, last?.range[1] ?? header.key.range[1])
    const splice = single
      ? { start: holder.value.range[0], end: holder.value.range[1], text: written.text }
      : TomlLayout.insertLines(body, at, [`${indent}${yield* encodeKey(name)} = ${written.text}`])
    const changed = table([...Object.entries(entry.values).filter(([other]) => other !== name), [name, written.value]])
    return yield* verified(syntax, path, itemsOf(entries).with(index, changed), [splice])
  })

/** Sets each key of `patch` to its value; `undefined` removes the key. A key that has the value already is not touched. */
export const update = (
  text: string,
  path: Path,
  index: number,
  patch: { readonly [key: string]: Writable | undefined }
): Edited =>
  Object.entries(patch).reduce<Edited>(
    (text, [name, value]) =>
      Result.flatMap(text, (text) =>
        value === undefined ? removeKey(text, path, index, name) : setKey(text, path, index, name, value)
      ),
    Result.flatMap(entryAt(text, path, index), () => Result.succeed(text))
  )
