/** What an author should know about definitions that can be loaded: what no backend would take, and what people will miss. */
import type { Schema } from "effect"
import { isSecretName } from "../../domain/Connection.ts"
import { mark, type PluginDefinition, type RuntimeSourceDefinition } from "../../domain/plugin/Definition.ts"
import * as FormSchema from "../../domain/plugin/FormSchema.ts"
import { reserved } from "./Reserved.ts"

export interface Finding {
  readonly check: "place" | "types" | "load" | "definition" | "options" | "conformance"
  readonly severity: "ok" | "warning" | "error"
  readonly sentence: string
}

type Members = Readonly<Record<string, { readonly [keyword: string]: unknown }>>

const membersOf = (schema: Schema.Codec<unknown, unknown> | undefined): Members =>
  schema === undefined ? {} : ((FormSchema.of(schema)["properties"] ?? {}) as Members)

const finding =
  (check: Finding["check"]) =>
  (severity: Finding["severity"], sentence: string): Finding => ({ check, severity, sentence })

const definition = finding("definition")
const options = finding("options")

const reviewSource = (it: RuntimeSourceDefinition<unknown, unknown>): ReadonlyArray<Finding> => {
  const members = membersOf(it.options)
  const known = new Set(["token_ref", ...Object.keys(members), ...Object.keys(membersOf(it.settings))])
  const about = `The kind ${it.kind}`
  return [
    ...(reserved.kinds.has(it.kind)
      ? [definition("error", `${about} comes with the product, so no plugin can have its name.`)]
      : []),
    ...it.secretFields
      .filter((name) => !known.has(name))
      .map((name) => definition("error", `${about} names ${name} in secretFields, and no member is called so.`)),
    ...(it.capabilities === undefined
      ? [definition("warning", `${about} declares no capabilities, so each runtime has to say what it can do.`)]
      : []),
    ...Object.entries(members).flatMap(([name, { description }]) => [
      ...(typeof description === "string" && description.trim() !== ""
        ? []
        : [options("warning", `The option ${name} has no description, so its field in the form has none either.`)]),
      ...(isSecretName(name)
        ? [
            options(
              "error",
              `The option ${name} has the name of a secret, and secrets are refused; call it ${name}_ref.`
            )
          ]
        : []),
      ...(name.endsWith("_ref") && !it.secretFields.includes(name)
        ? [options("warning", `The option ${name} looks like a reference to a secret and is not in secretFields.`)]
        : [])
    ])
  ]
}

const nameOf = (it: PluginDefinition): string =>
  it[mark] === "runtime_source" ? `kind ${it.kind}` : `scheme ${it.scheme}`

/** Everything there is to say, what is well included. */
export const review = (definitions: ReadonlyArray<PluginDefinition>): ReadonlyArray<Finding> => {
  const names = definitions.map(nameOf)
  return definitions.flatMap((it, i) => {
    const name = nameOf(it)
    const found = [
      ...(names.indexOf(name) === i ? [] : [definition("error", `The ${name} is defined twice.`)]),
      ...(it[mark] === "runtime_source"
        ? reviewSource(it)
        : reserved.schemes.has(it.scheme)
          ? [definition("error", `The scheme ${it.scheme} comes with the product, so no plugin can have its name.`)]
          : [])
    ]
    return found.some(({ severity }) => severity === "error")
      ? found
      : [definition("ok", `The ${name} can be installed.`), ...found]
  })
}
