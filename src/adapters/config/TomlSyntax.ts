/** Parses a TOML text twice: `toml` says what it means, `toml-eslint-parser` says where each part stands. */
import { Result } from "effect"
import { parse as parseMeaning } from "toml"
import { ParseError, parseTOML } from "toml-eslint-parser"
import * as TomlBounds from "./TomlBounds.ts"
import { TomlRefusal } from "./TomlRefusal.ts"
import { spansOf, type TomlSpans } from "./TomlSpans.ts"
import type { TomlTable } from "./TomlValue.ts"

const BOM = "\uFEFF"

export interface TomlSyntax extends TomlSpans {
  /** The byte order mark of the file, or nothing. */
  readonly bom: string
  /** The text after the byte order mark. All offsets count UTF-16 units from its start. */
  readonly body: string
  readonly model: TomlTable
}

const position = (error: unknown): { readonly line?: number; readonly column?: number } => {
  if (error instanceof ParseError) return { line: error.lineNumber, column: error.column + 1 }
  if (typeof error !== "object" || error === null) return {}
  const at: unknown = "location" in error ? (error.location as { readonly start?: unknown } | null)?.start : error
  if (typeof at !== "object" || at === null) return {}
  return "line" in at && typeof at.line === "number" && "column" in at && typeof at.column === "number"
    ? { line: at.line, column: at.column }
    : {}
}

// The messages of `toml` quote the file; those of toml-eslint-parser are fixed sentences, but for a code point in two of them.
const sentence = (error: unknown): string =>
  error instanceof ParseError && !error.message.includes("code point") ? `${error.message}.` : "This is not valid TOML."

const spans = (body: string) =>
  Result.try({
    // At the very end of a text the parser gives the number 0 an empty range; a newline behind it helps.
    try: () => spansOf(parseTOML(body.endsWith("\n") ? body : `${body}\n`, { tomlVersion: "1.1.0" })),
    catch: (error) => error
  })

const meaning = (body: string) =>
  Result.try({
    try: (): TomlTable => parseMeaning(body, { bigint: true, maxDepth: TomlBounds.MAX_DEPTH }),
    catch: (error) => error
  })

const refusal = (spansError: unknown, meaningError: unknown) =>
  new TomlRefusal({ reason: "not_toml", sentence: sentence(spansError), ...position(spansError ?? meaningError) })

/** Both parsers must accept the text; a text that only one of them takes for TOML is not edited and not trusted. */
export const parse = (text: string): Result.Result<TomlSyntax, TomlRefusal> => {
  const bom = text.startsWith(BOM) ? BOM : ""
  const body = text.slice(bom.length)
  const bounded = TomlBounds.check(text)
  if (Result.isFailure(bounded)) return Result.fail(bounded.failure)
  const located = spans(body)
  const meant = meaning(body)
  if (Result.isFailure(located)) return Result.fail(refusal(located.failure, undefined))
  if (Result.isFailure(meant)) return Result.fail(refusal(undefined, meant.failure))
  return Result.succeed({ bom, body, model: meant.success, ...located.success })
}
