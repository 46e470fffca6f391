/**
 * JSON Schema as form fields, named by JSON pointers, so that the backend's field errors, which are JSON pointers too, find
 * their field. What this does not know becomes a field for JSON.
 */
import type { JsonSchema } from "#lib/api/wire.ts"
import { sample } from "./sample.ts"
import { deepest, isNode, type Node, settle, titles, variants } from "./settle.ts"

interface Common {
  /** JSON pointer into the body that is sent. */
  readonly pointer: string
  readonly label: string
  readonly description: string
  readonly required: boolean
  readonly placeholder: string
}
export interface TextRule {
  readonly kind: "text"
  /** Only a reference to a secret may stand here. */
  readonly secret: boolean
  readonly long: boolean
  readonly min: number | undefined
  readonly max: number | undefined
  readonly pattern: string | undefined
}
export interface NumberRule {
  readonly kind: "number"
  readonly whole: boolean
  readonly min: number | undefined
  readonly max: number | undefined
  /** Bounds that are not part of the range themselves. */
  readonly above: number | undefined
  readonly below: number | undefined
  readonly step: number | undefined
}
export interface Choice {
  /** As JSON, so that 1 and "1" differ. */
  readonly value: string
  readonly text: string
}
/** How many of a list or a map there may be. */
interface Count {
  readonly least: number | undefined
  readonly most: number | undefined
}
export type Field = Common &
  (
    | TextRule
    | NumberRule
    | { readonly kind: "boolean"; readonly initially: boolean }
    | ChoiceField
    /** Any number of the choices. */
    | ({ readonly kind: "many"; readonly choices: ReadonlyArray<Choice> } & Count)
    /** One to a line. */
    | ({ readonly kind: "list"; readonly item: TextRule | NumberRule; readonly unique: boolean } & Count)
    /** `name = value`, one to a line. */
    | ({ readonly kind: "map"; readonly item: TextRule | NumberRule } & Count)
    | { readonly kind: "json" }
    | { readonly kind: "group"; readonly fields: ReadonlyArray<Field> }
    /** One of several shapes, told apart by one member that is a constant in each. */
    | { readonly kind: "variant"; readonly tag: ChoiceField; readonly shapes: ReadonlyArray<Shape> }
  )
export type ChoiceField = Common & {
  readonly kind: "choice"
  readonly choices: ReadonlyArray<Choice>
  readonly initially: string | undefined
}
interface Shape {
  /** Of the tag, as JSON. */
  readonly value: string
  readonly fields: ReadonlyArray<Field>
}

const text = (value: unknown): string => (typeof value === "string" ? value : "")
const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined)

export const escapePointer = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1")

/** `latency_ms` → "Latency ms"; a schema's own title is better. */
const labelOf = (name: string): string => {
  const words = name
    .replace(/[_-]+/g, " ")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .trim()
  return words === "" ? name : words[0]!.toUpperCase() + words.slice(1)
}

/** What is the same for all fields of one form. */
interface Form {
  readonly root: Node
  readonly secrets: ReadonlyArray<string>
}

/**
 * @param schema of an object; a schema that describes no object gives no fields
 * @param secrets names whose values are references to secrets
 */
export const fieldsOf = (schema: JsonSchema, pointer: string, secrets: ReadonlyArray<string>): ReadonlyArray<Field> =>
  isNode(schema) ? membersOf(settle(schema, schema), { root: schema, secrets }, pointer, 0) : []

const membersOf = (node: Node, form: Form, pointer: string, depth: number): ReadonlyArray<Field> => {
  const properties = isNode(node["properties"]) ? node["properties"] : {}
  const required = Array.isArray(node["required"]) ? node["required"] : []
  return Object.entries(properties).map(([name, schema]) => {
    const at = `${pointer}/${escapePointer(name)}`
    return fieldOf(name, settle(schema, form.root), form, at, required.includes(name), depth)
  })
}

const fieldOf = (name: string, node: Node, form: Form, pointer: string, required: boolean, depth: number): Field => {
  const { root } = form
  const preset = node["default"] ?? (Array.isArray(node["examples"]) ? node["examples"][0] : undefined)
  const common: Common = {
    pointer,
    label: text(node["title"]) || labelOf(name),
    description: text(node["description"]),
    required,
    placeholder: typeof preset === "string" || typeof preset === "number" ? String(preset) : sample(node, root)
  }
  const choices = choicesOf(node)
  if (choices !== undefined) return { ...common, kind: "choice", choices, initially: presetText(node, choices) }
  const secret = form.secrets.includes(name)
  const variant = depth < deepest ? variantOf(node, common, form, depth) : undefined
  if (variant !== undefined) return variant
  const rule = ruleOf(node, secret)
  if (rule !== undefined) return { ...common, ...rule }
  switch (node["type"]) {
    case "boolean":
      return { ...common, kind: "boolean", initially: node["default"] === true }
    case "array": {
      const items = settle(node["items"], root)
      const count = { least: numberOf(node["minItems"]), most: numberOf(node["maxItems"]) }
      const of = choicesOf(items)
      if (of !== undefined) return { ...common, kind: "many", choices: of, ...count }
      const item = ruleOf(items, secret)
      // A text of many lines does not fit one.
      return item === undefined || (item.kind === "text" && item.long)
        ? { ...common, kind: "json" }
        : { ...common, kind: "list", item, unique: node["uniqueItems"] === true, ...count, placeholder: "" }
    }
    case "object": {
      if (isNode(node["properties"]))
        return depth < deepest
          ? { ...common, kind: "group", fields: membersOf(node, form, pointer, depth + 1) }
          : { ...common, kind: "json" }
      const item = ruleOf(settle(node["additionalProperties"], root), secret)
      return item === undefined || (item.kind === "text" && item.long)
        ? { ...common, kind: "json" }
        : {
            ...common,
            kind: "map",
            item,
            least: numberOf(node["minProperties"]),
            most: numberOf(node["maxProperties"]),
            placeholder: ""
          }
    }
    default:
      return { ...common, kind: "json" }
  }
}

const variantOf = (node: Node, common: Common, form: Form, depth: number): Field | undefined => {
  const shapes: ReadonlyArray<Node> = Array.isArray(node[variants]) ? node[variants] : []
  /** The constant that a member has in a shape. */
  const constantOf = (shape: Node, name: string): Choice | undefined => {
    const member = isNode(shape["properties"]) ? settle(shape["properties"][name], form.root) : {}
    const choices = choicesOf(member)
    return choices?.length === 1 ? choices[0] : undefined
  }
  const tag = Object.keys(isNode(shapes[0]?.["properties"]) ? shapes[0]["properties"] : {}).find((name) => {
    const values = shapes.map((shape) => constantOf(shape, name)?.value)
    return !values.includes(undefined) && new Set(values).size === shapes.length
  })
  if (tag === undefined) return undefined
  const at = `${common.pointer}/${escapePointer(tag)}`
  const choices = shapes.map((shape) => {
    const { text: words, value } = constantOf(shape, tag)!
    return { value, text: text(shape["title"]) || words }
  })
  return {
    ...common,
    kind: "variant",
    tag: {
      kind: "choice",
      pointer: at,
      label: labelOf(tag),
      description: "",
      required: common.required,
      placeholder: "",
      choices,
      initially: undefined
    },
    shapes: shapes.map((shape, index) => ({
      value: choices[index]!.value,
      fields: membersOf(shape, form, common.pointer, depth + 1).filter(({ pointer }) => pointer !== at)
    }))
  }
}

const ruleOf = (node: Node, secret: boolean): TextRule | NumberRule | undefined => {
  switch (node["type"]) {
    case "string":
      return {
        kind: "text",
        secret,
        // A reference is one line, however long it may be.
        long: !secret && (text(node["format"]) === "multiline" || (numberOf(node["maxLength"]) ?? 0) > 500),
        min: numberOf(node["minLength"]),
        max: numberOf(node["maxLength"]),
        pattern: text(node["pattern"]) || undefined
      }
    case "integer":
    case "number":
      return {
        kind: "number",
        whole: node["type"] === "integer",
        min: numberOf(node["minimum"]),
        max: numberOf(node["maximum"]),
        above: numberOf(node["exclusiveMinimum"]),
        below: numberOf(node["exclusiveMaximum"]),
        step: numberOf(node["multipleOf"])
      }
    default:
      return undefined
  }
}

/** The values that a member may have, when they can be counted; with their own words where the schema has some. */
const choicesOf = (node: Node): ReadonlyArray<Choice> | undefined => {
  const values = "const" in node ? [node["const"]] : node["enum"]
  if (!Array.isArray(values) || values.length === 0) return undefined
  if (!values.every((one) => ["string", "number", "boolean"].includes(typeof one))) return undefined
  const words = Array.isArray(node[titles]) ? node[titles] : []
  return values.map((one, index) => ({ value: JSON.stringify(one), text: text(words[index]) || String(one) }))
}
const presetText = (node: Node, choices: ReadonlyArray<Choice>): string | undefined =>
  choices.find(({ value }) => value === JSON.stringify(node["default"]))?.text
