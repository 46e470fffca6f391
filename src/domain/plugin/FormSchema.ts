/** The JSON Schema that a form is made of: with every definition inside, and a title for every member. */
import { Schema } from "effect"

/** Levels of members that get a title. */
const maxDepth = 8

const isObject = (value: unknown): value is { readonly [key: string]: Schema.Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** `known_hosts_file` becomes `Known hosts file`. */
const titleOf = (name: string): string => {
  const words = name.replaceAll(/[_-]+/g, " ").trim()
  return words === "" ? name : words.charAt(0).toUpperCase() + words.slice(1)
}

/** Members without a title get one from their name. */
const titled = (schema: Schema.Json, depth: number): Schema.Json => {
  if (!isObject(schema) || depth > maxDepth) return schema
  const { items, properties } = schema
  return {
    ...schema,
    ...(isObject(properties)
      ? {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, member]) => {
              const it = titled(member, depth + 1)
              return [name, isObject(it) && it.title === undefined ? { title: titleOf(name), ...it } : it]
            })
          )
        }
      : undefined),
    ...(items === undefined ? undefined : { items: titled(items, depth + 1) })
  }
}

const nothing = Schema.Record(Schema.String, Schema.Never)

/** What takes the options: an empty struct, which by itself takes any value but null, takes an empty object only. */
export const strict = <S extends Schema.Top>(options: S): S =>
  "fields" in options && Object.keys(options.fields as object).length === 0 ? (nothing as unknown as S) : options

/** JSON Schema (draft 2020-12) of what may be written. Members that the schema does not name are refused, and it says so. */
export const of = (options: Schema.Top): Schema.JsonObject => {
  const { definitions, schema } = Schema.toJsonSchemaDocument(strict(options), { onExcessProperty: "error" })
  const root = titled(schema as Schema.Json, 0)
  const defs = Object.entries(definitions).map(([name, it]) => [name, titled(it as Schema.Json, 0)] as const)
  return {
    ...(isObject(root) ? root : undefined),
    ...(defs.length === 0 ? undefined : { $defs: Object.fromEntries(defs) })
  }
}
