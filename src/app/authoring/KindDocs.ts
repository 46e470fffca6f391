/** The page of a kind for those who use it, made of its definition: what it is, how it is configured, what it can do. */
import type { Schema } from "effect"
import type { RuntimeSourceFacts } from "../../domain/plugin/Definition.ts"
import * as FormSchema from "../../domain/plugin/FormSchema.ts"

type Json = { readonly [keyword: string]: unknown }

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

/** In a cell of a table. */
const cell = (text: string): string =>
  text.replaceAll(/\s+/g, " ").trim().replaceAll("\\", "\\\\").replaceAll("|", "\\|")

const code = (value: unknown): string => `\`${JSON.stringify(value)}\``

/** Bounds as a person reads them: `1 to 80 characters`, `at least 1`. */
const between = (least: unknown, most: unknown, unit = ""): string => {
  if (least !== undefined && most !== undefined) return `, ${String(least)} to ${String(most)}${unit}`
  if (least !== undefined) return `, at least ${String(least)}${unit}`
  return most === undefined ? "" : `, at most ${String(most)}${unit}`
}

/** Deeper shapes are told as what they are at the top. */
const maxDepth = 4

/** What may be written for a member, in words. */
const typeOf = (schema: unknown, defs: Json, depth = 0): string => {
  if (!isJson(schema) || depth > maxDepth) return "any value"
  const { $ref, allOf, anyOf, const: only, enum: choices, items, oneOf, type } = schema
  if (typeof $ref === "string") return typeOf(defs[$ref.slice($ref.lastIndexOf("/") + 1)], defs, depth + 1)
  if (Array.isArray(choices)) return choices.map(code).join(", ")
  if (only !== undefined) return code(only)
  const union = anyOf ?? oneOf
  if (Array.isArray(union)) return [...new Set(union.map((it) => typeOf(it, defs, depth + 1)))].join(" or ")
  const merged: Json = Array.isArray(allOf) ? Object.assign({}, schema, ...allOf.filter(isJson)) : schema
  switch (type) {
    case "string":
      return `text${between(merged["minLength"], merged["maxLength"], " characters")}`
    case "integer":
      return `whole number${between(merged["minimum"], merged["maximum"])}`
    case "number":
      return `number${between(merged["minimum"], merged["maximum"])}`
    case "boolean":
      return "`true` or `false`"
    case "array":
      return `list of ${typeOf(items, defs, depth + 1)}`
    default:
      return type === "object" ? "table" : "any value"
  }
}

interface Facts extends Omit<RuntimeSourceFacts<unknown, unknown>, "options" | "settings"> {
  readonly options: Schema.Top
}

/** @returns Markdown: a heading, the description, the options, the secrets and the capabilities. */
export const of = ({ capabilities, description, endpoint, kind, label, options, secretFields }: Facts): string => {
  const schema: Json = FormSchema.of(options)
  const defs = isJson(schema["$defs"]) ? schema["$defs"] : {}
  const needed = new Set(Array.isArray(schema["required"]) ? schema["required"] : [])
  const members = isJson(schema["properties"]) ? Object.entries(schema["properties"]) : []
  const rows = members.map(([name, member]) => {
    const about = isJson(member) && typeof member["description"] === "string" ? member["description"] : ""
    const type = secretFields.includes(name) ? "reference to a secret" : typeOf(member, defs)
    return `| \`${name}\` | ${cell(type)} | ${needed.has(name) ? "yes" : "no"} | ${cell(about)} |`
  })
  const example = [
    "```toml",
    "[[runtimes.source]]",
    `id = "my-${kind}"`,
    `kind = "${kind}"`,
    ...(endpoint === "required" ? ['endpoint = "https://…"'] : []),
    ...(secretFields.includes("token_ref") ? ['token_ref = "local:…"'] : []),
    "```"
  ]
  return [
    `## ${label} (\`${kind}\`)`,
    "",
    description,
    "",
    ...example,
    "",
    ...(rows.length === 0
      ? ["It has no options."]
      : ["| option | value | needed | meaning |", "| --- | --- | --- | --- |", ...rows]),
    "",
    capabilities === undefined
      ? "Each runtime says itself what it can do."
      : `It can do: ${Object.keys(capabilities)
          .map((name) => `\`${name}\``)
          .join(", ")}.`,
    ""
  ].join("\n")
}
