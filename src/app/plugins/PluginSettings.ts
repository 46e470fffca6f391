/** Decodes a plugin's own options of the config file for each of its definitions, with pointers to what does not fit. */
import { Effect, Schema } from "effect"
import { fieldErrors } from "../../domain/api/FieldErrors.ts"
import { RAW_SECRET_SENTENCE } from "../../domain/Connection.ts"
import type { PluginDefinition } from "../../domain/plugin/Definition.ts"
import * as FormSchema from "../../domain/plugin/FormSchema.ts"
import * as Grant from "../../domain/plugin/Grant.ts"
import type { FieldError } from "../../domain/Problem.ts"
import { NotLoaded } from "./PluginFile.ts"

type Options = Readonly<Record<string, unknown>>

/** A definition that can be installed. */
export interface Ready {
  readonly definition: PluginDefinition
  readonly settings: unknown
  /** Secrets that the options name and the definition may ask for. */
  readonly references: ReadonlyArray<string>
}

/** Names as people write them; what else somebody wrote as a key is not repeated. */
const shownPointer = /^(\/[A-Za-z0-9_-]{1,40})+$/

const refuse = (errors: ReadonlyArray<FieldError>) => {
  const places = errors.map(({ code, pointer }) => `/options${shownPointer.test(pointer) ? pointer : ""} ${code}`)
  return new NotLoaded({ reason: "options_invalid", sentence: `Its options do not fit: ${places.join(", ")}.` })
}

const topLevel = ({ code, pointer }: FieldError): boolean => code === "unexpected" && pointer.lastIndexOf("/") === 0

/**
 * All definitions of a module share the options. Each takes the members that it knows; one that none of them knows is
 * refused.
 */
export const decode = Effect.fnUntraced(function* (definitions: ReadonlyArray<PluginDefinition>, options: Options) {
  const ready: Array<Ready> = []
  const unexpected: Array<ReadonlySet<string>> = []
  for (const definition of definitions) {
    const { secretFields, settings } = definition
    const raw = Grant.raw(options, secretFields)
    if (raw.length > 0) {
      return yield* new NotLoaded({
        reason: "options_invalid",
        sentence: `Its options do not fit: ${raw.map((name) => `/options/${name} raw_secret`).join(", ")}. ${RAW_SECRET_SENTENCE}`
      })
    }
    const references = Grant.named(options, secretFields).map(([, ref]) => ref)
    if (settings === undefined) {
      unexpected.push(new Set(Object.keys(options).map((name) => `/${name}`)))
      ready.push({ definition, settings, references })
      continue
    }
    const strict = yield* Effect.result(
      Schema.decodeEffect(FormSchema.strict(settings), { onExcessProperty: "error", errors: "all" })(options)
    )
    const errors = strict._tag === "Success" ? [] : fieldErrors(strict.failure.issue)
    const wrong = errors.filter((error) => !topLevel(error))
    if (wrong.length > 0) return yield* refuse(wrong)
    unexpected.push(new Set(errors.map(({ pointer }) => pointer)))
    const decoded = yield* Effect.mapError(Schema.decodeEffect(settings)(options), () => refuse([]))
    ready.push({ definition, settings: decoded, references })
  }
  const [first = new Set<string>(), ...others] = unexpected
  const unknown = [...first].filter((pointer) => others.every((other) => other.has(pointer)))
  return unknown.length === 0 ? ready : yield* refuse(unknown.map((pointer) => ({ pointer, code: "unexpected" })))
})
