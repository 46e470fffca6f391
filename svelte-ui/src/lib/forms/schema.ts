/**
 * JSON Schema as form fields, named by JSON pointers, so that the backend's field errors, which are JSON pointers too, find
 * their field. What this does not know becomes a field for JSON.
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

type Node = Readonly<Record<string, unknown>>
export const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value)
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
