/** What a TOML text means: plain values that can be compared, and JSON-like values that can be written. */
import { Result } from "effect"
import { MAX_DEPTH, MAX_TOKEN_CHARACTERS } from "./TomlBounds.ts"
import { TomlRefusal } from "./TomlRefusal.ts"

/** Integers are `bigint`, so that `1` and `1.0` stay apart and 64 bits survive; tables have no prototype. */
export type TomlValue = string | bigint | number | boolean | Date | ReadonlyArray<TomlValue> | TomlTable
export interface TomlTable {
  readonly [key: string]: TomlValue
}

/** What callers may write into an entry. `null` has no form in TOML and is refused. */
export type Writable = string | number | boolean | null | ReadonlyArray<Writable> | { readonly [key: string]: Writable }

export const isTable = (value: TomlValue | undefined): value is TomlTable =>
  typeof value === "object" && !Array.isArray(value) && !(value instanceof Date)

/** A table from own keys; safe for `__proto__`. */
export const table = (entries: Iterable<readonly [string, TomlValue]>): TomlTable => {
  const made: Record<string, TomlValue> = Object.create(null)
  for (const [key, value] of entries) made[key] = value
  return made
}

/** Same meaning: key order is ignored, `nan` equals `nan`, `-0.0` differs from `0.0`. Depth is bounded by the parse. */
export const equals = (left: TomlValue | undefined, right: TomlValue | undefined): boolean => {
  if (left instanceof Date) return right instanceof Date && Object.is(left.getTime(), right.getTime())
  if (Array.isArray(left)) {
    return (
      Array.isArray(right) && left.length === right.length && left.every((item, index) => equals(item, right[index]))
    )
  }
  if (isTable(left)) {
    if (!isTable(right)) return false
    const keys = Object.keys(left)
    return (
      keys.length === Object.keys(right).length &&
      keys.every((key) => Object.hasOwn(right, key) && equals(left[key], right[key]))
    )
  }
  return Object.is(left, right)
}

export interface Literal {
  /** One line of TOML. */
  readonly text: string
  readonly value: TomlValue
}

const unencodable = (sentence: string) => Result.fail(new TomlRefusal({ reason: "unencodable", sentence }))

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\f": "\\f",
  "\r": "\\r"
}

// U+2028, U+2029 and bidi controls are legal raw, but would let a name forge what a reader of the file sees.
// oxlint-disable-next-line no-control-regex
const needsEscape = /["\\\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** A TOML basic string on one line. */
const string = (value: string): Result.Result<string, TomlRefusal> => {
  if (!value.isWellFormed()) return unencodable("A text holds half of a surrogate pair and cannot be stored as UTF-8.")
  if (value.length * 6 > MAX_TOKEN_CHARACTERS) {
    return unencodable(`A text is longer than ${Math.floor(MAX_TOKEN_CHARACTERS / 6)} characters.`)
  }
  const escaped = value.replace(
    needsEscape,
    (char) => escapes[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0").toUpperCase()}`
  )
  return Result.succeed(`"${escaped}"`)
}

/** A key as it stands left of `=`: bare where the grammar allows, quoted otherwise. */
export const key = (name: string): Result.Result<string, TomlRefusal> =>
  /^[A-Za-z0-9_-]+$/.test(name) ? Result.succeed(name) : string(name)

const number = (value: number): Result.Result<Literal, TomlRefusal> => {
  if (!Number.isFinite(value)) return unencodable("A number is not finite.")
  if (Number.isSafeInteger(value) && !Object.is(value, -0))
    return Result.succeed({ text: String(value), value: BigInt(value) })
  const text = Object.is(value, -0) ? "-0.0" : String(value)
  // Integers beyond 2^53 are written as floats, which is what they are in JavaScript.
  return Result.succeed({ text: /[.e]/.test(text) ? text : `${text}.0`, value })
}

/** The literal that a value is written as, with the value that a parser must read back. */
export const literal = (value: Writable, depth = 0): Result.Result<Literal, TomlRefusal> => {
  if (depth >= MAX_DEPTH - 1) return unencodable(`A value nests deeper than ${MAX_DEPTH} levels.`)
  if (typeof value === "string") return Result.map(string(value), (text) => ({ text, value }))
  if (typeof value === "number") return number(value)
  if (typeof value === "boolean") return Result.succeed({ text: String(value), value })
  if (value === null) return unencodable("TOML has no null; leave the key out instead.")
  if (isList(value)) {
    return Result.map(Result.all(value.map((item) => literal(item, depth + 1))), (items) => ({
      text: `[${items.map((item) => item.text).join(", ")}]`,
      value: items.map((item) => item.value)
    }))
  }
  const members = Object.entries(value).map(([name, member]) =>
    Result.all([key(name), literal(member, depth + 1), Result.succeed(name)])
  )
  return Result.map(Result.all(members), (members) => ({
    text: members.length === 0 ? "{}" : `{ ${members.map(([name, member]) => `${name} = ${member.text}`).join(", ")} }`,
    value: table(members.map(([, member, name]) => [name, member.value] as const))
  }))
}

const isList = (value: Writable): value is ReadonlyArray<Writable> => Array.isArray(value)

/** The JSON-like form: integers as numbers where they fit, dates as text. Own keys only, so `__proto__` stays a key. */
export const plain = (value: TomlValue): unknown => {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (Array.isArray(value)) return value.map(plain)
  return isTable(value) ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)])) : value
}
