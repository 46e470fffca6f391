/** Refuses a text that would cost a parser its stack or the process its time, before any parser sees it. */
import { Result } from "effect"
import { TomlRefusal } from "./TomlRefusal.ts"

/** Bytes of UTF-8. A hand-written file is a few kB; the two parsers need about 1 s each for the worst text of this size. */
export const MAX_FILE_BYTES = 1_048_576

/** Brackets and braces open at once, and segments in one dotted key. The parsers recurse or walk once per level. */
export const MAX_DEPTH = 32

/** Characters of one string, number or comment. toml-eslint-parser spreads a string over the stack and overflows near 120,000. */
export const MAX_TOKEN_CHARACTERS = 65_536

const breaksToken = (char: string) => " \t\r\n,=[]{}.".includes(char)

/** The end of the string that opens at `start`; the text's length when it is never closed. */
const stringEnd = (text: string, start: number): number => {
  const quote = text.charAt(start)
  const fence = quote.repeat(3)
  const multiline = text.startsWith(fence, start)
  let at = start + (multiline ? 3 : 1)
  while (at < text.length) {
    const char = text.charAt(at)
    if (char === "\\" && quote === '"') at += 2
    else if (multiline && text.startsWith(fence, at)) {
      at += 3
      // One or two quotes directly before the closing fence are content.
      for (let extra = 0; extra < 2 && text.charAt(at) === quote; extra++) at++
      return at
    } else if (!multiline && (char === quote || char === "\n")) return at + 1
    else at++
  }
  return text.length
}

const lineOf = (text: string, offset: number): number => {
  let line = 1
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line++
  return line
}

/** One linear pass that knows strings and comments and nothing else of the grammar. */
export const check = (text: string): Result.Result<string, TomlRefusal> => {
  // A UTF-16 unit takes at most 3 bytes of UTF-8, so short texts need no count.
  if (text.length * 3 > MAX_FILE_BYTES && new TextEncoder().encode(text).length > MAX_FILE_BYTES) {
    return Result.fail(
      new TomlRefusal({ reason: "too_large", sentence: `The file is larger than ${MAX_FILE_BYTES} bytes.` })
    )
  }
  const tooDeep = (at: number) =>
    Result.fail(
      new TomlRefusal({
        reason: "too_deep",
        sentence: `Values or keys nest deeper than ${MAX_DEPTH} levels.`,
        line: lineOf(text, at)
      })
    )
  let depth = 0
  let dots = 0
  let at = 0
  while (at < text.length) {
    const char = text.charAt(at)
    const start = at
    if (char === "[" || char === "{") {
      if (++depth > MAX_DEPTH) return tooDeep(at)
      dots = 0
      at++
    } else if (char === "]" || char === "}") {
      depth = Math.max(0, depth - 1)
      at++
    } else if (char === ".") {
      if (++dots >= MAX_DEPTH) return tooDeep(at)
      at++
    } else if (char === "\n" || char === "=" || char === ",") {
      dots = 0
      at++
    } else if (char === '"' || char === "'") {
      at = stringEnd(text, at)
    } else if (char === "#") {
      const end = text.indexOf("\n", at)
      at = end === -1 ? text.length : end
    } else if (breaksToken(char)) {
      at++
    } else {
      while (at < text.length && !breaksToken(text.charAt(at))) at++
    }
    if (at - start > MAX_TOKEN_CHARACTERS) {
      return Result.fail(
        new TomlRefusal({
          reason: "value_too_long",
          sentence: `A value or comment is longer than ${MAX_TOKEN_CHARACTERS} characters.`,
          line: lineOf(text, start)
        })
      )
    }
  }
  return Result.succeed(text)
}
