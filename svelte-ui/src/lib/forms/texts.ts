/** What is typed into a form, text by text under the JSON pointer of its field, and the value that it stands for. */
import { type Field, isNode } from "./schema.ts"

/** What was typed, by pointer. An absent or empty text means: not set. */
export type Texts = Readonly<Record<string, string>>
export type Fault =
  | "required"
  | "not_json"
  | "not_number"
  | "not_whole"
  | "pattern"
  | { readonly code: "too_short" | "too_long" | "too_small" | "too_large"; readonly limit: number }

/** Every field that is typed into, groups opened. */
export const leaves = (fields: ReadonlyArray<Field>): ReadonlyArray<Exclude<Field, { kind: "group" }>> =>
  fields.flatMap((field) => (field.kind === "group" ? leaves(field.fields) : [field]))

/** The texts of a value that was saved before. */
export const textsOf = (fields: ReadonlyArray<Field>, value: unknown): Record<string, string> => {
  const texts: Record<string, string> = {}
  for (const field of fields) {
    const member = isNode(value) ? value[nameOf(field.pointer)] : undefined
    if (field.kind === "group") Object.assign(texts, textsOf(field.fields, member))
    else if (member !== undefined && member !== null) texts[field.pointer] = written(field, member)
  }
  return texts
}
const nameOf = (pointer: string): string =>
  pointer
    .slice(pointer.lastIndexOf("/") + 1)
    .replaceAll("~1", "/")
    .replaceAll("~0", "~")
const written = (field: Field, value: unknown): string => {
  if (field.kind === "choice") return JSON.stringify(value)
  if (field.kind === "list" && Array.isArray(value)) return value.join("\n")
  return typeof value === "string" && field.kind !== "json"
    ? value
    : JSON.stringify(value, null, field.kind === "json" ? 2 : undefined)
}

/** The value that the texts stand for; undefined when nothing is set. */
export const valueOf = (fields: ReadonlyArray<Field>, texts: Texts): Readonly<Record<string, unknown>> | undefined => {
  const members = fields.flatMap((field): Array<[string, unknown]> => {
    const value = field.kind === "group" ? valueOf(field.fields, texts) : parsed(field, texts[field.pointer] ?? "")
    return value === undefined ? [] : [[nameOf(field.pointer), value]]
  })
  return members.length === 0 ? undefined : Object.fromEntries(members)
}
const parsed = (field: Field, typed: string): unknown => {
  if (typed.trim() === "") return undefined
  switch (field.kind) {
    case "number":
      return Number(typed)
    case "boolean":
      return typed === "true"
    case "list":
      return typed
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "")
    case "choice":
    case "json":
      return parseJson(typed)
    default:
      return typed
  }
}
const parseJson = (typed: string): unknown => {
  try {
    return JSON.parse(typed) as unknown
  } catch {
    return undefined
  }
}

/** What can be said before the backend is asked. The backend decides. */
export const faultsOf = (fields: ReadonlyArray<Field>, texts: Texts): ReadonlyMap<string, Fault> => {
  const faults = new Map<string, Fault>()
  for (const field of leaves(fields)) {
    const fault = faultOf(field, texts[field.pointer] ?? "")
    if (fault !== undefined) faults.set(field.pointer, fault)
  }
  return faults
}
const faultOf = (field: Field, typed: string): Fault | undefined => {
  if (typed.trim() === "") return field.required && field.kind !== "boolean" ? "required" : undefined
  if (field.kind === "json") return parseJson(typed) === undefined ? "not_json" : undefined
  if (field.kind === "number") {
    const number = Number(typed)
    if (!Number.isFinite(number)) return "not_number"
    if (field.whole && !Number.isInteger(number)) return "not_whole"
    if (field.min !== undefined && number < field.min) return { code: "too_small", limit: field.min }
    if (field.max !== undefined && number > field.max) return { code: "too_large", limit: field.max }
  }
  if (field.kind === "text") {
    if (field.min !== undefined && typed.length < field.min) return { code: "too_short", limit: field.min }
    if (field.max !== undefined && typed.length > field.max) return { code: "too_long", limit: field.max }
    if (field.pattern !== undefined && !matches(field.pattern, typed)) return "pattern"
  }
  return undefined
}
/** A pattern that this browser cannot read is left to the backend. */
const matches = (pattern: string, typed: string): boolean => {
  try {
    return new RegExp(pattern, "u").test(typed)
  } catch {
    return true
  }
}
