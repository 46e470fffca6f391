/** What is typed into a form, text by text under the JSON pointer of its field, and the value that it stands for. */
import type { Field, NumberRule, TextRule } from "./schema.ts"
import { isNode } from "./settle.ts"

/** What was typed, by pointer. An absent or empty text means: not set. */
export type Texts = Readonly<Record<string, string>>
export type Leaf = Exclude<Field, { kind: "group" | "variant" }>
type Variant = Extract<Field, { kind: "variant" }>

/** The fields of the shape that was chosen; none before one is. */
export const chosenOf = ({ shapes, tag }: Variant, texts: Texts): ReadonlyArray<Field> =>
  shapes.find(({ value }) => value === texts[tag.pointer])?.fields ?? []
/** The members of every shape; those that several have stand once. */
const membersOf = ({ shapes, tag }: Variant): ReadonlyArray<Field> => {
  const members = shapes.flatMap(({ fields }) => fields)
  return [tag, ...members.filter((one, index) => members.findIndex(({ pointer }) => pointer === one.pointer) === index)]
}

/** Every field that is typed into, groups opened. */
export const leaves = (fields: ReadonlyArray<Field>): ReadonlyArray<Leaf> =>
  fields.flatMap((field) => {
    if (field.kind === "group") return leaves(field.fields)
    return field.kind === "variant" ? leaves(membersOf(field)) : [field]
  })

/** Every place that an error can be shown at, groups themselves too. */
export const places = (fields: ReadonlyArray<Field>): ReadonlyArray<string> =>
  fields.flatMap((field) => {
    if (field.kind === "group") return [field.pointer, ...places(field.fields)]
    return field.kind === "variant" ? [field.pointer, ...places(membersOf(field))] : [field.pointer]
  })

/** The texts of a value that was saved before. */
export const textsOf = (fields: ReadonlyArray<Field>, value: unknown): Record<string, string> => {
  const texts: Record<string, string> = {}
  for (const field of fields) {
    const name = nameOf(field.pointer)
    const member = isNode(value) && Object.hasOwn(value, name) ? value[name] : undefined
    if (field.kind === "group") Object.assign(texts, textsOf(field.fields, member))
    else if (field.kind === "variant") {
      const tag = textsOf([field.tag], member)
      Object.assign(texts, tag, textsOf(chosenOf(field, tag), member))
    } else if (member !== undefined && member !== null) texts[field.pointer] = written(field, member)
  }
  return texts
}
const nameOf = (pointer: string): string =>
  pointer
    .slice(pointer.lastIndexOf("/") + 1)
    .replaceAll("~1", "/")
    .replaceAll("~0", "~")
const written = (field: Leaf, value: unknown): string => {
  if (field.kind === "choice" || field.kind === "many") return JSON.stringify(value)
  if (field.kind === "list" || field.kind === "map") {
    const lines = asLines(value)
    // What lines cannot carry, for instance a line break, is written as JSON.
    return JSON.stringify(parsed(field, lines)) === JSON.stringify(value) ? lines : JSON.stringify(value)
  }
  return typeof value === "string" && field.kind !== "json"
    ? value
    : JSON.stringify(value, null, field.kind === "json" ? 2 : undefined)
}

const asLines = (value: unknown): string => {
  if (Array.isArray(value)) return value.join("\n")
  return isNode(value)
    ? Object.entries(value)
        .map(([name, member]) => `${name} = ${String(member)}`)
        .join("\n")
    : ""
}

/** The value that the texts stand for; undefined when nothing is set. */
export const valueOf = (fields: ReadonlyArray<Field>, texts: Texts): Readonly<Record<string, unknown>> | undefined => {
  const members = fields.flatMap((field): Array<[string, unknown]> => {
    const value = memberOf(field, texts)
    return value === undefined ? [] : [[nameOf(field.pointer), value]]
  })
  return members.length === 0 ? undefined : Object.fromEntries(members)
}
const memberOf = (field: Field, texts: Texts): unknown => {
  // A member that must be there may have nothing in it.
  if (field.kind === "group") return valueOf(field.fields, texts) ?? (field.required ? {} : undefined)
  if (field.kind !== "variant") return parsed(field, texts[field.pointer] ?? "")
  const chosen = chosenOf(field, texts)
  return (texts[field.tag.pointer] ?? "") === "" ? undefined : valueOf([field.tag, ...chosen], texts)
}

const parsed = (field: Leaf, typed: string): unknown => {
  // A box without a tick says no where an answer is needed.
  if (typed.trim() === "") return field.kind === "boolean" && field.required ? field.initially : undefined
  switch (field.kind) {
    case "number":
      return Number(typed)
    case "boolean":
      return typed === "true"
    case "list":
    case "map":
      return writtenAsJson(field.kind, typed) ?? itemsOf(field, typed)
    case "choice":
    case "many":
    case "json":
      return parseJson(typed)
    default:
      return typed
  }
}
const itemsOf = (field: Extract<Leaf, { kind: "list" | "map" }>, typed: string): unknown =>
  field.kind === "list"
    ? linesOf(typed).map((line) => itemOf(field.item, line))
    : Object.fromEntries(pairsOf(typed).map(({ name, value }) => [name, itemOf(field.item, value)]))
const itemOf = (item: TextRule | NumberRule, typed: string): unknown => (item.kind === "number" ? Number(typed) : typed)

/** The value, when a field for lines holds JSON instead. */
export const writtenAsJson = (kind: "list" | "map", typed: string): unknown => {
  const value = /^\s*[[{]/.test(typed) ? parseJson(typed) : undefined
  return (kind === "list" ? Array.isArray(value) : isNode(value)) ? value : undefined
}

/** Lines that say something. */
export const linesOf = (typed: string): ReadonlyArray<string> =>
  typed
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")

/** `name = value` of each line; the first equals sign divides, so that a value may have more of them. */
export const pairsOf = (typed: string): ReadonlyArray<{ readonly name: string; readonly value: string }> =>
  linesOf(typed).map((line) => {
    const at = line.indexOf("=")
    return at < 0 ? { name: "", value: line } : { name: line.slice(0, at).trim(), value: line.slice(at + 1).trim() }
  })

export const parseJson = (typed: string): unknown => {
  try {
    return JSON.parse(typed) as unknown
  } catch {
    return undefined
  }
}
