/** Markdown as tokens, within bounds: what a worker writes is not trusted to be short, sane or kind to a parser. */
import { Lexer, type Token } from "marked"

/** Longer texts are shown as they are: a parser's worst case must not freeze the page. */
export const maxMarkdownLength = 60_000

/** undefined when the text should be shown as it is. */
export const tokensOf = (source: string): ReadonlyArray<Token> | undefined => {
  if (source.length > maxMarkdownLength) return undefined
  try {
    return Lexer.lex(source, { gfm: true, breaks: true })
  } catch {
    return undefined
  }
}

const named: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  copy: "©",
  hellip: "…",
  mdash: "—",
  ndash: "–",
  rarr: "→",
  larr: "←"
}

/** Resolves the character references that people write in Markdown text (not in code). Unknown ones stay as written. */
export const resolved = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w{2,6}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return Object.hasOwn(named, name) ? named[name]! : whole
    const point = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
    return point > 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff) ? String.fromCodePoint(point) : "\ufffd"
  })
