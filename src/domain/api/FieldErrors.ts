/** What a schema found wrong with a request, as pointers and codes. Values are never part of it. */
import { SchemaIssue } from "effect"
import type { FieldError } from "../Problem.ts"

/** Fields listed in one answer, at most. */
export const maxFieldErrors = 16

const codeOf = (issue: SchemaIssue.Leaf): string => {
  switch (issue._tag) {
    case "MissingKey":
      return "missing"
    case "UnexpectedKey":
      return "unexpected"
    case "InvalidType":
      return "wrong_type"
    case "OneOf":
      return "ambiguous"
    case "InvalidValue":
    case "Forbidden":
      return "invalid"
  }
}

const list = SchemaIssue.makeFormatterStandardSchemaV1({ leafHook: codeOf, checkHook: () => "invalid" })

/** RFC 6901. */
const escape = (key: PropertyKey): string => String(key).replaceAll("~", "~0").replaceAll("/", "~1")

/** One entry per place, the first thing said about it; a place inside another says more than the other. */
export const fieldErrors = (issue: SchemaIssue.Issue): ReadonlyArray<FieldError> => {
  const found = new Map<string, string>()
  for (const { message, path } of list(issue).issues) {
    const pointer = (path ?? [])
      .map((segment) => `/${escape(typeof segment === "object" ? segment.key : segment)}`)
      .join("")
    if (!found.has(pointer)) found.set(pointer, known.has(message) ? message : "wrong_type")
  }
  return Array.from(found, ([pointer, code]) => ({ pointer, code })).slice(0, maxFieldErrors)
}

/** A union that nothing fits is described by the library in a sentence of its own; a sentence is not a code. */
const known: ReadonlySet<string> = new Set(["missing", "unexpected", "wrong_type", "ambiguous", "invalid"])
