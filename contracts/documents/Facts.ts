/** A JSON Schema as flat facts: each member by its path, with the types and words that it can have. */

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [member: string]: Json }
type Record_ = { readonly [member: string]: Json }

export interface Fact {
  readonly types: ReadonlySet<string>
  /** The only values; undefined when any value of the types will do. */
  readonly words: ReadonlySet<string> | undefined
  readonly required: boolean
}
export type Facts = ReadonlyMap<string, Fact>

/** Deeper schemas are those that contain themselves. */
const maxDepth = 24

export const isRecord = (value: Json | undefined): value is Record_ =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Where a local reference points to. */
export const resolve = (document: Json, schema: Json | undefined): Record_ => {
  let at = schema
  for (let hops = 0; isRecord(at) && typeof at["$ref"] === "string" && hops < maxDepth; hops++) {
    const steps = at["$ref"].replace(/^#\//, "").split("/")
    at = steps.reduce<Json | undefined>((from, step) => (isRecord(from) ? from[step] : undefined), document)
  }
  return isRecord(at) ? at : {}
}

const list = (value: Json | undefined): ReadonlyArray<Json> => (Array.isArray(value) ? value : [])

/** The alternatives of a schema, none of which is a union itself. */
const branches = (document: Json, schema: Json | undefined, depth = 0): ReadonlyArray<Record_> => {
  const it = resolve(document, schema)
  const union = [...list(it["anyOf"]), ...list(it["oneOf"])]
  if (union.length > 0 && depth < maxDepth) return union.flatMap((branch) => branches(document, branch, depth + 1))
  const all = list(it["allOf"])
  return [all.length === 0 ? it : Object.assign({}, it, ...all.map((part) => resolve(document, part)))]
}

const wordsOf = (branch: Record_): ReadonlyArray<string> | undefined => {
  if ("const" in branch) return [JSON.stringify(branch["const"])]
  return Array.isArray(branch["enum"]) ? branch["enum"].map((word) => JSON.stringify(word)) : undefined
}

const typesOf = (branch: Record_): ReadonlyArray<string> => {
  const type = branch["type"]
  if (typeof type === "string") return [type]
  if (Array.isArray(type)) return type.map(String)
  const words = wordsOf(branch)
  return words === undefined ? ["anything"] : words.map((word) => (word === "null" ? "null" : typeof JSON.parse(word)))
}

/** The member whose one word tells the branches apart, as `kind` does in frames. */
const discriminator = (document: Json, objects: ReadonlyArray<Record_>): string | undefined => {
  if (objects.length < 2) return undefined
  return Object.keys(resolve(document, objects[0]!["properties"])).find((member) => {
    const told = objects.map((branch) => {
      const properties = branch["properties"]
      const alternatives = isRecord(properties) ? branches(document, properties[member]) : []
      const words = alternatives.length === 1 ? wordsOf(alternatives[0]!) : undefined
      return words?.length === 1 ? words[0] : undefined
    })
    return told.every((word) => word !== undefined) && new Set(told).size === told.length
  })
}

const walk = (
  document: Json,
  alternatives: ReadonlyArray<Record_>,
  at: string,
  required: boolean,
  into: Map<string, Fact>,
  depth: number
): void => {
  const words = alternatives.map(wordsOf)
  into.set(at, {
    types: new Set(alternatives.flatMap(typesOf)),
    words: words.every((it) => it !== undefined) ? new Set(words.flat()) : undefined,
    required
  })
  if (depth >= maxDepth) return
  const objects = alternatives.filter((branch) => isRecord(branch["properties"]))
  const apart = discriminator(document, objects)
  const groups =
    apart === undefined
      ? [{ prefix: at, of: objects }]
      : objects.map((branch) => {
          const word = wordsOf(branches(document, resolve(document, branch["properties"])[apart])[0]!)![0]!
          return { prefix: `${at}[${apart}=${JSON.parse(word)}]`, of: [branch] }
        })
  for (const { of, prefix } of groups) {
    if (apart !== undefined) into.set(prefix, { types: new Set(["object"]), words: undefined, required: false })
    const members = new Set(of.flatMap((branch) => Object.keys(branch["properties"] as Record_)))
    for (const member of members) {
      const having = of.filter((branch) => member in (branch["properties"] as Record_))
      const always = having.length === of.length && having.every((branch) => list(branch["required"]).includes(member))
      const found = having.flatMap((branch) => branches(document, (branch["properties"] as Record_)[member]))
      walk(document, found, `${prefix}.${member}`, always, into, depth + 1)
    }
  }
  const items = alternatives.flatMap((branch) => ("items" in branch ? branches(document, branch["items"]) : []))
  if (items.length > 0) walk(document, items, `${at}[]`, true, into, depth + 1)
  const rest = alternatives.flatMap((branch) =>
    isRecord(branch["additionalProperties"]) ? branches(document, branch["additionalProperties"]) : []
  )
  if (rest.length > 0) walk(document, rest, `${at}.*`, false, into, depth + 1)
}

/** Every member of a schema. Unions are taken apart by their discriminator, or else seen as one. */
export const factsOf = (document: Json, schema: Json | undefined): Facts => {
  const facts = new Map<string, Fact>()
  walk(document, branches(document, schema), "", true, facts, 0)
  return facts
}
