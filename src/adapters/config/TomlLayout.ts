/**
 * Which lines of a file belong to which table.
 *
 * The rule for comments: comment lines directly above a header, with no blank line between, belong to that header; so do
 * comment lines directly below a table's last key, unless they touch the next header. Comments between the keys of a
 * table belong to it. The comment block that opens the file belongs to the file. Everything else belongs to nobody and stays.
 */
import type { TableSpan } from "./TomlSpans.ts"
import type { TomlSyntax } from "./TomlSyntax.ts"

/** Half-open range of offsets in the body. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A replacement of one span; `start === end` inserts. */
export interface Splice extends Span {
  readonly text: string
}

/** Offset of the first character of the line that holds `offset`. */
export const lineStart = (body: string, offset: number): number =>
  // A negative position would be taken for 0, and so find a newline that stands at 0.
  offset <= 0 ? 0 : body.lastIndexOf("\n", offset - 1) + 1

/** Offset behind the line's newline, or the end of the text. */
export const lineEnd = (body: string, offset: number): number => {
  const newline = body.indexOf("\n", offset)
  return newline === -1 ? body.length : newline + 1
}

/** The newline the file uses, taken from its first line. */
export const newline = (body: string): string => {
  const first = body.indexOf("\n")
  return first > 0 && body.charAt(first - 1) === "\r" ? "\r\n" : "\n"
}

const isBlank = (line: string) => /^[ \t]*\r?\n?$/.test(line)

export interface Layout {
  /** Where the lines of a table end, its last key's comments included. */
  readonly end: (table: TableSpan) => number
  /**
   * Removes the lines that the given tables own, with one blank line each, so that adding and removing leaves no trace.
   * Neighbours are one range, with all that stands between them.
   */
  readonly removals: (tables: ReadonlyArray<TableSpan>) => ReadonlyArray<Splice>
}

export const make = (syntax: TomlSyntax): Layout => {
  const { body, comments, tables } = syntax
  const indexOf = new Map(tables.map((table, index) => [table, index]))

  const isCommentLine = (start: number): boolean => {
    let at = start
    while (body.charAt(at) === " " || body.charAt(at) === "\t") at++
    return comments.has(at)
  }

  let fileComment = 0
  while (fileComment < body.length && isCommentLine(fileComment)) fileComment = lineEnd(body, fileComment)

  /** Where the lines of a table begin, its attached comments included. */
  const start = (table: TableSpan): number => {
    let at = lineStart(body, table.start)
    while (at > fileComment) {
      const above = lineStart(body, at - 1)
      if (!isCommentLine(above)) break
      at = above
    }
    return at
  }

  const end = (table: TableSpan): number => {
    const next = tables[(indexOf.get(table) ?? tables.length) + 1]
    const limit = next === undefined ? body.length : start(next)
    let at = lineEnd(body, table.keys.at(-1)?.end ?? table.nameEnd)
    while (at < limit && isCommentLine(at)) at = lineEnd(body, at)
    return at
  }

  const blocks = (owned: ReadonlyArray<TableSpan>): ReadonlyArray<Span> => {
    const spans: Array<Span> = []
    let previous = -2
    for (const table of owned) {
      const index = indexOf.get(table) ?? -2
      const last = index === previous + 1 ? spans.pop() : undefined
      spans.push({ start: last?.start ?? start(table), end: end(table) })
      previous = index
    }
    return spans
  }

  /** Takes the one blank line that sets a block apart, unless a comment would then touch what it does not belong to. */
  const widened = (block: Span): Span => {
    if (block.start === 0) {
      const below = lineEnd(body, block.end)
      const free = isBlank(body.slice(block.end, below)) && !isCommentLine(below)
      return { start: 0, end: free ? below : block.end }
    }
    const above = lineStart(body, block.start - 1)
    const follows = body.slice(block.end, lineEnd(body, block.end))
    const shields = above > 0 && isCommentLine(lineStart(body, above - 1)) && !isBlank(follows)
    return { start: isBlank(body.slice(above, block.start)) && !shields ? above : block.start, end: block.end }
  }

  const removals = (owned: ReadonlyArray<TableSpan>) => blocks(owned).map((block) => removeLines(body, widened(block)))

  return { end, removals }
}

/** Removes whole lines. A file without a newline at its end stays one. */
export const removeLines = (body: string, { start, end }: Span): Splice => {
  if (end < body.length || body.endsWith("\n") || start === 0) return { start, end, text: "" }
  return { start: start - (body.startsWith("\r\n", start - 2) ? 2 : 1), end, text: "" }
}

/** Inserts whole lines behind the line that ends at `at`; `lines` come without a newline at their end. */
export const insertLines = (body: string, at: number, lines: ReadonlyArray<string>): Splice => {
  const eol = newline(body)
  const text = lines.join(eol)
  const unended = at === body.length && at > 0 && !body.endsWith("\n")
  return { start: at, end: at, text: unended ? eol + text : text + eol }
}

/** Applies splices. What two removals share is removed once. */
export const apply = (body: string, splices: ReadonlyArray<Splice>): string => {
  let text = ""
  let done = 0
  for (const splice of splices.toSorted((left, right) => left.start - right.start)) {
    text += body.slice(done, Math.max(done, splice.start)) + splice.text
    done = Math.max(done, splice.end)
  }
  return text + body.slice(done)
}
