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
import { parse as parseSyntax, type TomlSyntax } from "./TomlSyntax.ts"
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

/** A text that was parsed. It can be edited any number of times; each edit gives another one. */
export interface TomlDocument {
  readonly text: string
  readonly model: TomlTable
  /** Where its parts stand. */
  readonly syntax: TomlSyntax
  /** The entries of the array of tables at `path`, with the lines of their keys. */
  readonly entries: (path: Path) => Result.Result<Entries, TomlRefusal>
  /** The line, from 1, where a key or table is first written. */
  readonly lineOf: (path: Path) => number | undefined
}

type Edited = Result.Result<TomlDocument, TomlRefusal>

/** Parses a text. Fails with `not_toml` and a position, or with the bound it exceeds. */
export const parse = (text: string): Edited =>
  Result.map(parseSyntax(text), (syntax) => ({
    text,
    model: syntax.model,
    syntax,
    entries: (path) => find(syntax, path),
    lineOf: (path) => lineOf(syntax, path)
  }))

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

/** The text after the splices, only when it means exactly the old model with `items` at `path`. */
const verified = (
  { syntax: before }: TomlDocument,
  path: Path,
  items: ReadonlyArray<TomlTable>,
  splices: ReadonlyArray<TomlLayout.Splice>
): Edited =>
  Result.gen(function* () {
    const text = before.bom + TomlLayout.apply(before.body, splices)
    const after = yield* Result.mapError(parse(text), (error) =>
      error.reason === "not_toml" ? new TomlRefusal({ ...notPreserved }) : error
    )
    const found = yield* after.entries(path)
    const same = equals(withItems(after.model, path, itemsOf(found)), withItems(before.model, path, items))
    return found.form === "headers" && same ? after : yield* Result.fail(new TomlRefusal({ ...notPreserved }))
  })

const notPreserved = {
  reason: "not_preserved",
  sentence: "The change would alter something else in the file; edit the file by hand."
} as const

const editable = (document: TomlDocument, path: Path) =>
  Result.gen(function* () {
    const entries = yield* document.entries(path)
    const name = path.join(".")
    if (entries.form === "inline") {
      return yield* fail(
        "unsupported_form",
        `"${name}" is written as a value. Write each entry below a line [[${name}]] to edit it here.`,
        entries.items[0]?.line
      )
    }
    return entries
  })

const entryAt = (document: TomlDocument, path: Path, index: number) =>
  Result.gen(function* () {
    const entries = yield* editable(document, path)
    const entry = entries.items[index]
    const header = entry?.tables[0]
    if (entry === undefined || header === undefined) return yield* fail("no_such_entry", "There is no such entry.")
    return { entries, entry, header }
  })

/** Appends an entry behind the last one of its array, or at the end of the file, set apart by one blank line. */
export const add = (document: TomlDocument, path: Path, values: { readonly [key: string]: Writable }): Edited =>
  Result.gen(function* () {
    const { syntax } = document
    const entries = yield* editable(document, path)
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
    return yield* verified(document, path, [...itemsOf(entries), table(added)], [splice])
  })

/** Removes an entry with its sub-tables and the comments that belong to them. */
export const remove = (document: TomlDocument, path: Path, index: number): Edited =>
  Result.gen(function* () {
    const { entries, entry } = yield* entryAt(document, path, index)
    const splices = TomlLayout.make(document.syntax).removals(entry.tables)
    return yield* verified(document, path, itemsOf(entries).toSpliced(index, 1), splices)
  })

/** Removes one key of an entry, in whatever form it is written. */
const removeKey = (document: TomlDocument, path: Path, index: number, name: string): Edited =>
  Result.gen(function* () {
    const { entries, entry, header } = yield* entryAt(document, path, index)
    if (!Object.hasOwn(entry.values, name)) return document
    const { body } = document.syntax
    const lines = header.keys
      .filter(({ names }) => names[0] === name)
      .map(({ end, start }) =>
        TomlLayout.removeLines(body, { start: TomlLayout.lineStart(body, start), end: TomlLayout.lineEnd(body, end) })
      )
    const tables = entry.tables.filter(({ resolved }) => resolved[path.length + 1] === name)
    const blocks = TomlLayout.make(document.syntax).removals(tables)
    const kept = table(Object.entries(entry.values).filter(([other]) => other !== name))
    return yield* verified(document, path, itemsOf(entries).with(index, kept), [...lines, ...blocks])
  })

/** Sets one key: in place where it stands as `key = value`, else as the last line below the entry's header. */
const setKey = (document: TomlDocument, path: Path, index: number, name: string, value: Writable): Edited =>
  Result.gen(function* () {
    const { entries, entry, header } = yield* entryAt(document, path, index)
    const written = yield* literal(value)
    if (Object.hasOwn(entry.values, name) && equals(entry.values[name], written.value)) return document
    const holder = header.keys.find(({ names }) => names[0] === name)
    const single = holder !== undefined && holder.names.length === 1
    if (Object.hasOwn(entry.values, name) && !single) {
      return yield* Result.flatMap(removeKey(document, path, index, name), (without) =>
        setKey(without, path, index, name, value)
      )
    }
    const { body } = document.syntax
    const last = header.keys.at(-1)
    const indent = last === undefined ? "" : body.slice(TomlLayout.lineStart(body, last.start), last.start)
    const at = TomlLayout.lineEnd(body, last?.end ?? header.nameEnd)
    const splice = single
      ? { start: holder.value.start, end: holder.value.end, text: written.text }
      : TomlLayout.insertLines(body, at, [`${indent}${yield* encodeKey(name)} = ${written.text}`])
    const changed = table([...Object.entries(entry.values).filter(([other]) => other !== name), [name, written.value]])
    return yield* verified(document, path, itemsOf(entries).with(index, changed), [splice])
  })

/** Sets each key of `patch` to its value; `undefined` removes the key. A key that has the value already is not touched. */
export const update = (
  document: TomlDocument,
  path: Path,
  index: number,
  patch: { readonly [key: string]: Writable | undefined }
): Edited =>
  Object.entries(patch).reduce<Edited>(
    (edited, [name, value]) =>
      Result.flatMap(edited, (document) =>
        value === undefined ? removeKey(document, path, index, name) : setKey(document, path, index, name, value)
      ),
    Result.map(entryAt(document, path, index), () => document)
  )
