/** Whether what a module exports is a definition that this version can use; authors may write it without a type checker. */
import { Result, Schema } from "effect"
import { EMBEDDED, Kind } from "../Connection.ts"
import { Capabilities } from "../Runtime.ts"
import { apiVersion, mark, type PluginDefinition } from "./Definition.ts"
import * as FormSchema from "./FormSchema.ts"
import * as SafeProblem from "./SafeProblem.ts"

/** Characters of a label and of a sentence for a person. */
export const maxLabelLength = 80
export const maxDescriptionLength = 500

/** Members that may name a secret. */
export const maxSecretFields = 32

/** What is wrong with a definition: a word, and a sentence that repeats nothing but names by our grammar. */
export interface Flaw {
  readonly reason: "not_a_definition" | "api_version" | "definition_invalid"
  readonly sentence: string
}

/** The class of something thrown, for a person. */
export const classOf = SafeProblem.nameOf

/** Made by one of the `define…` functions, of this copy of the package or of another. */
export const isDefinition = (value: unknown): value is PluginDefinition =>
  typeof value === "object" &&
  value !== null &&
  ["runtime_source", "secret_scheme"].includes((value as { readonly [mark]?: string })[mark] ?? "")

const invalid = (member: string, what: string): Flaw => ({
  reason: "definition_invalid",
  sentence: `Its definition is not valid: ${member} ${what}.`
})

const text = (most: number) => (value: unknown) =>
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  typeof value === "string" && value.trim() !== "" && value.length <= most && !/[\u0000-\u001f\u007f]/.test(value)

const fieldName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/

const isFieldList = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) &&
  value.length <= maxSecretFields &&
  value.every((it) => typeof it === "string" && fieldName.test(it))

const isText = text(maxDescriptionLength)

const isReasons = (value: unknown) =>
  typeof value === "object" &&
  value !== null &&
  Object.entries(value).every(([name, sentence]) => /^[a-z][a-z0-9_]{0,63}$/.test(name) && isText(sentence))

/** Whether a form can be made of it. */
const isShape = (value: unknown): value is Schema.Top =>
  Schema.isSchema(value) &&
  Result.getOrElse(
    Result.try(() => FormSchema.of(value)["type"] === "object"),
    () => false
  )

type Members = Readonly<Record<string, unknown>>

const optional = (value: unknown, fits: (value: unknown) => boolean) => value === undefined || fits(value)

const flawOfSource = (it: Members): Flaw | undefined => {
  if (!Schema.is(Kind)(it["kind"]) || it["kind"] === EMBEDDED)
    return invalid("kind", "is not a name that a kind can have")
  if (!text(maxLabelLength)(it["label"])) return invalid("label", `is not a text of 1 to ${maxLabelLength} characters`)
  if (it["endpoint"] !== "required" && it["endpoint"] !== "none")
    return invalid("endpoint", 'is not "required" or "none"')
  if (!isShape(it["options"])) return invalid("options", "is not a schema of an object that a form can be made of")
  if (!optional(it["capabilities"], Schema.is(Capabilities)))
    return invalid("capabilities", "is not an object of objects")
  if (!optional(it["reasons"], isReasons)) return invalid("reasons", "is not an object of sentences")
  if (typeof it["connect"] !== "function") return invalid("connect", "is not a function")
  return optional(it["reach"], (reach) => typeof reach === "function")
    ? undefined
    : invalid("reach", "is not a function")
}

const flawOfScheme = (it: Members): Flaw | undefined => {
  if (typeof it["scheme"] !== "string" || !/^[a-z][a-z0-9-]{0,31}$/.test(it["scheme"])) {
    return invalid("scheme", "is not a name that a scheme can have")
  }
  return typeof it["open"] === "function" ? undefined : invalid("open", "is not a function")
}

/** The first thing that is wrong with it; undefined when it can be used. */
export const flawOf = (value: unknown): Flaw | undefined => {
  if (!isDefinition(value)) {
    return {
      reason: "not_a_definition",
      sentence: "Its default export is not what defineRuntimeSource, definePromiseSource or defineSecretScheme returns."
    }
  }
  const it = value as unknown as Members
  if (it["apiVersion"] !== apiVersion) {
    const written = Number.isSafeInteger(it["apiVersion"]) ? `version ${String(it["apiVersion"])}` : "no known version"
    return {
      reason: "api_version",
      sentence: `It was written for ${written} of the plugin API, and this backend has version ${apiVersion}.`
    }
  }
  if (!isText(it["description"])) {
    return invalid("description", `is not a text of 1 to ${maxDescriptionLength} characters`)
  }
  if (!isFieldList(it["secretFields"])) return invalid("secretFields", "is not a list of names of members")
  if (!optional(it["settings"], isShape)) return invalid("settings", "is not a schema of an object")
  return value[mark] === "runtime_source" ? flawOfSource(it) : flawOfScheme(it)
}
