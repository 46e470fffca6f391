/**
 * Where tables and keys stand in a TOML text: as much of the parser's tree as edits and findings need. The tree itself
 * holds every token, some eighty bytes for each of the text, and a config is kept while the backend runs.
 */
import type { AST } from "toml-eslint-parser"

/** `names` of a key, of which `a.b` has two. Offsets count UTF-16 units of the body, lines from 1. */
export interface KeySpan {
  readonly names: ReadonlyArray<string>
  readonly line: number
  readonly start: number
  readonly end: number
  readonly value: ValueSpan
}

export interface ValueSpan {
  readonly line: number
  readonly start: number
  readonly end: number
  /** The elements of an array. */
  readonly elements: ReadonlyArray<ValueSpan> | undefined
  /** The keys of an inline table. */
  readonly keys: ReadonlyArray<KeySpan> | undefined
}

/** One `[table]` or `[[table]]`. */
export interface TableSpan {
  readonly names: ReadonlyArray<string>
  /** With the index of each element of an array of tables. */
  readonly resolved: ReadonlyArray<string | number>
  readonly line: number
  readonly start: number
  /** Where the text between its brackets ends. */
  readonly nameEnd: number
  readonly keys: ReadonlyArray<KeySpan>
}

export interface TomlSpans {
  /** The keys before the first header. */
  readonly topLevel: ReadonlyArray<KeySpan>
  /** In file order. */
  readonly tables: ReadonlyArray<TableSpan>
  /** Where comments start. */
  readonly comments: ReadonlySet<number>
}

const namesOf = (key: AST.TOMLKey): ReadonlyArray<string> =>
  key.keys.map((part) => (part.type === "TOMLBare" ? part.name : part.value))

const valueSpan = (node: AST.TOMLContentNode): ValueSpan => ({
  line: node.loc.start.line,
  start: node.range[0],
  end: node.range[1],
  elements: node.type === "TOMLArray" ? node.elements.map(valueSpan) : undefined,
  keys: node.type === "TOMLInlineTable" ? node.body.map(keySpan) : undefined
})

const keySpan = (node: AST.TOMLKeyValue): KeySpan => ({
  names: namesOf(node.key),
  line: node.loc.start.line,
  start: node.range[0],
  end: node.range[1],
  value: valueSpan(node.value)
})

const tableSpan = (node: AST.TOMLTable): TableSpan => ({
  names: namesOf(node.key),
  resolved: node.resolvedKey,
  line: node.loc.start.line,
  start: node.range[0],
  nameEnd: node.key.range[1],
  keys: node.body.map(keySpan)
})

export const spansOf = (program: AST.TOMLProgram): TomlSpans => {
  const topLevel: Array<KeySpan> = []
  const tables: Array<TableSpan> = []
  for (const node of program.body[0].body) {
    if (node.type === "TOMLTable") tables.push(tableSpan(node))
    else topLevel.push(keySpan(node))
  }
  return { topLevel, tables, comments: new Set(program.comments.map(({ range }) => range[0])) }
}
