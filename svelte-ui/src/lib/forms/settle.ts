/** A JSON Schema as one plain node: references followed, parts merged, the null of an optional union dropped. */

export type Node = Readonly<Record<string, unknown>>
export const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A reference chain or nesting deeper than this is not a form for people. */
export const deepest = 8

/** Where a union of constants keeps the words for each of them, in their order. */
export const titles = "enumTitles"

/** Where a union of objects keeps them, each settled. */
export const variants = "objectVariants"

export const settle = (schema: unknown, root: Node, depth = 0): Node => {
  if (!isNode(schema) || depth > deepest) return {}
  const reference = schema["$ref"]
  if (typeof reference === "string" && reference.startsWith("#")) {
    const target = reference
      .slice(1)
      .split("/")
      .slice(1)
      .reduce<unknown>(
        (at, name) =>
          isNode(at)
            ? at[decoded(name).replaceAll("~1", "/").replaceAll("~0", "~")]
            : Array.isArray(at)
              ? at[Number(name)]
              : undefined,
        root
      )
    return { ...settle(target, root, depth + 1), ...omit(schema, "$ref") }
  }
  const parts = schema["allOf"]
  if (Array.isArray(parts))
    return settle(
      parts.map((part) => settle(part, root, depth + 1)).reduce(merge, omit(schema, "allOf")),
      root,
      depth + 1
    )
  const union = schema["anyOf"] ?? schema["oneOf"]
  if (Array.isArray(union)) return settleUnion(schema, union, root, depth)
  const types = schema["type"]
  if (Array.isArray(types)) {
    const some = types.filter((one) => one !== "null")
    return { ...schema, type: some.length === 1 ? some[0] : undefined }
  }
  return schema
}

const settleUnion = (schema: Node, union: ReadonlyArray<unknown>, root: Node, depth: number): Node => {
  const some = union.map((one) => settle(one, root, depth + 1)).filter((one) => one["type"] !== "null")
  const rest = omit(omit(schema, "anyOf"), "oneOf")
  if (some.length === 1) return { ...some[0], ...rest }
  // How a number is written when infinity has a name: the names are not for people.
  const numbers = some.filter((one) => !infinities(one))
  if (numbers.length === 1) return { ...numbers[0], ...rest }
  const constants = some.map((one) =>
    Array.isArray(one["enum"]) ? one["enum"] : "const" in one ? [one["const"]] : undefined
  )
  if (!constants.every((values) => values !== undefined))
    return some.every((one) => isNode(one["properties"])) ? { ...rest, [variants]: some } : rest
  return {
    ...rest,
    enum: constants.flat(),
    [titles]: constants.flatMap((values, at) => values.map(() => some[at]!["title"]))
  }
}

/** Both hold: members are put together, of anything else the latter says more. */
const merge = (one: Node, other: Node): Node => ({
  ...one,
  ...other,
  ...(isNode(one["properties"]) && isNode(other["properties"])
    ? { properties: { ...one["properties"], ...other["properties"] } }
    : {}),
  ...(Array.isArray(one["required"]) && Array.isArray(other["required"])
    ? { required: [...one["required"], ...other["required"]] }
    : {})
})

const infinities = (one: Node): boolean =>
  Array.isArray(one["enum"]) &&
  one["enum"].every((value) => value === "Infinity" || value === "-Infinity" || value === "NaN")
const omit = (node: Node, name: string): Node =>
  Object.fromEntries(Object.entries(node).filter(([key]) => key !== name))

/** Pointers in references are percent-encoded, or were meant to be. */
const decoded = (name: string): string => {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
