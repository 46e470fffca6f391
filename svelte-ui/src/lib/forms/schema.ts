/**
 * JSON Schema as form fields. A form is a flat list of texts by JSON pointer, so that the backend's field errors, which are
 * JSON pointers too, find their field; what this does not know becomes a field for JSON.
 */
import type { JsonSchema } from "#lib/api/wire.ts"

interface Common {
  /** JSON pointer into the body that is sent. */
  readonly pointer: string
  readonly label: string
  readonly description: string
  readonly required: boolean
  readonly placeholder: string
}
export type Field = Common &
  (
    | {
        readonly kind: "text"
        readonly secret: boolean
        readonly long: boolean
        readonly min: number | undefined
        readonly max: number | undefined
        readonly pattern: string | undefined
      }
    | {
        readonly kind: "number"
        readonly whole: boolean
        readonly min: number | undefined
        readonly max: number | undefined
      }
    | { readonly kind: "boolean"; readonly initially: boolean }
    | { readonly kind: "choice"; readonly choices: ReadonlyArray<{ readonly value: string; readonly text: string }> }
    | { readonly kind: "list" }
    | { readonly kind: "json" }
    | { readonly kind: "group"; readonly fields: ReadonlyArray<Field> }
  )

/** What was typed, by pointer. An absent or empty text means: not set. */
export type Texts = Readonly<Record<string, string>>
export type Fault =
  | "required"
  | "not_json"
  | "not_number"
  | "not_whole"
  | "pattern"
  | { readonly code: "too_short" | "too_long" | "too_small" | "too_large"; readonly limit: number }

type Node = Readonly<Record<string, unknown>>
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value)
const text = (value: unknown): string => (typeof value === "string" ? value : "")
const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined)

export const escapePointer = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1")

/** A reference chain or nesting deeper than this is not a form for people. */
const deepest = 8

/** Follows references, merges allOf, and drops the null of an optional union. */
const settle = (schema: unknown, root: Node, depth = 0): Node => {
  if (!isNode(schema) || depth > deepest) return {}
  const reference = schema["$ref"]
  if (typeof reference === "string" && reference.startsWith("#/")) {
    const target = reference
      .slice(2)
      .split("/")
      .reduce<unknown>(
        (at, name) => (isNode(at) ? at[name.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined),
        root
      )
    return { ...settle(target, root, depth + 1), ...omit(schema, "$ref") }
  }
  const parts = schema["allOf"]
  if (Array.isArray(parts))
    return Object.assign({}, omit(schema, "allOf"), ...parts.map((part) => settle(part, root, depth + 1))) as Node
  const union = schema["anyOf"] ?? schema["oneOf"]
  if (Array.isArray(union)) {
    const some = union.map((one) => settle(one, root, depth + 1)).filter((one) => one["type"] !== "null")
    const rest = omit(omit(schema, "anyOf"), "oneOf")
    if (some.length === 1) return { ...some[0], ...rest }
    // How a number is written when infinity has a name: the names are not for people.
    const numbers = some.filter((one) => !infinities(one))
    if (numbers.length === 1) return { ...numbers[0], ...rest }
    const constants = some.map((one) =>
      Array.isArray(one["enum"]) ? one["enum"] : "const" in one ? [one["const"]] : undefined
    )
    if (constants.every((values) => values !== undefined)) return { ...rest, enum: constants.flat() }
    return rest
  }
  const types = schema["type"]
  if (Array.isArray(types)) {
    const some = types.filter((one) => one !== "null")
    return { ...schema, type: some.length === 1 ? some[0] : undefined }
  }
  return schema
}
const infinities = (one: Node): boolean =>
  Array.isArray(one["enum"]) &&
  one["enum"].every((value) => value === "Infinity" || value === "-Infinity" || value === "NaN")
const omit = (node: Node, name: string): Node =>
  Object.fromEntries(Object.entries(node).filter(([key]) => key !== name))

/** `latency_ms` → "Latency ms"; a schema's own title is better. */
const labelOf = (name: string): string => {
  const words = name
    .replace(/[_-]+/g, " ")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .trim()
  return words === "" ? name : words[0]!.toUpperCase() + words.slice(1)
}

/**
 * @param schema of an object; a schema that describes no object gives no fields
 * @param secrets names whose values are references to secrets
 */
export const fieldsOf = (schema: JsonSchema, pointer: string, secrets: ReadonlyArray<string>): ReadonlyArray<Field> =>
  isNode(schema) ? membersOf(settle(schema, schema), schema, pointer, secrets, 0) : []

const membersOf = (
  node: Node,
  root: Node,
  pointer: string,
  secrets: ReadonlyArray<string>,
  depth: number
): ReadonlyArray<Field> => {
  const properties = isNode(node["properties"]) ? node["properties"] : {}
  const required = Array.isArray(node["required"]) ? node["required"] : []
  return Object.entries(properties).map(([name, schema]) =>
    fieldOf(
      name,
      settle(schema, root),
      root,
      `${pointer}/${escapePointer(name)}`,
      required.includes(name),
      secrets,
      depth
    )
  )
}

const fieldOf = (
  name: string,
  node: Node,
  root: Node,
  pointer: string,
  required: boolean,
  secrets: ReadonlyArray<string>,
  depth: number
): Field => {
  const preset = node["default"] ?? (Array.isArray(node["examples"]) ? node["examples"][0] : undefined)
  const common: Common = {
    pointer,
    label: text(node["title"]) || labelOf(name),
    description: text(node["description"]),
    required,
    placeholder: typeof preset === "string" || typeof preset === "number" ? String(preset) : sample(node, root)
  }
  const choices = "const" in node ? [node["const"]] : node["enum"]
  if (Array.isArray(choices) && choices.every((one) => typeof one === "string" || typeof one === "number"))
    return {
      ...common,
      kind: "choice",
      choices: choices.map((one) => ({ value: JSON.stringify(one), text: String(one) }))
    }
  switch (node["type"]) {
    case "string":
      return {
        ...common,
        kind: "text",
        secret: secrets.includes(name),
        long: text(node["format"]) === "multiline" || (numberOf(node["maxLength"]) ?? 0) > 500,
        min: numberOf(node["minLength"]),
        max: numberOf(node["maxLength"]),
        pattern: text(node["pattern"]) || undefined
      }
    case "integer":
    case "number":
      return {
        ...common,
        kind: "number",
        whole: node["type"] === "integer",
        min: numberOf(node["minimum"]),
        max: numberOf(node["maximum"])
      }
    case "boolean":
      return { ...common, kind: "boolean", initially: node["default"] === true }
    case "array":
      return settle(node["items"], root)["type"] === "string"
        ? { ...common, kind: "list" }
        : { ...common, kind: "json" }
    case "object":
      return isNode(node["properties"]) && depth < deepest
        ? { ...common, kind: "group", fields: membersOf(node, root, pointer, secrets, depth + 1) }
        : { ...common, kind: "json" }
    default:
      return { ...common, kind: "json" }
  }
}

/** What JSON of a list or a free object looks like, as a hint; empty for everything else. */
const sample = (node: Node, root: Node): string =>
  node["type"] === "array" || (node["type"] === "object" && !isNode(node["properties"]))
    ? JSON.stringify(example(node, root, 0))
    : ""
const example = (node: Node, root: Node, depth: number): unknown => {
  if (depth > deepest) return null
  if (Array.isArray(node["enum"])) return node["enum"][0]
  switch (node["type"]) {
    case "array":
      return [example(settle(node["items"], root), root, depth + 1)]
    case "object": {
      const required = Array.isArray(node["required"]) ? node["required"] : []
      const properties = isNode(node["properties"]) ? node["properties"] : {}
      const names = required.length > 0 ? required : Object.keys(properties).slice(0, 2)
      return Object.fromEntries(names.map((name) => [name, example(settle(properties[name], root), root, depth + 1)]))
    }
    case "integer":
    case "number":
      return 0
    case "boolean":
      return false
    default:
      return "…"
  }
}

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
