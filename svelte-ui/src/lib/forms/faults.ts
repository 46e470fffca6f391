/** What can be said about a form before the backend is asked. The backend decides. */
import type { Field, NumberRule, TextRule } from "./schema.ts"
import { chosenOf, leaves, type Leaf, linesOf, pairsOf, parseJson, type Texts, writtenAsJson } from "./texts.ts"

type ValueFault =
  | "not_number"
  | "not_whole"
  | "pattern"
  | "not_reference"
  | {
      readonly code: "too_short" | "too_long" | "too_small" | "too_large" | "not_above" | "not_below" | "not_step"
      readonly limit: number
    }
export type Fault =
  | ValueFault
  | "required"
  | "not_json"
  | { readonly code: "too_few" | "too_many"; readonly limit: number }
  /** About one line of several, the first being 1. */
  | { readonly code: "line"; readonly line: number; readonly fault: ValueFault | "not_pair" | "twice" }

/** `scheme:name`: the form of a reference, which says where a secret is and is none. */
const reference = /^[a-z][a-z0-9-]{0,31}:[^\p{C}]+$/u

export const isReference = (typed: string): boolean => reference.test(typed.trim())

export const faultsOf = (fields: ReadonlyArray<Field>, texts: Texts): ReadonlyMap<string, Fault> => {
  const faults = new Map<string, Fault>()
  const look = (members: ReadonlyArray<Field>) => {
    for (const field of members) {
      // What may be left out as a whole is not missed in its parts.
      if (field.kind === "group") {
        if (field.required || leaves(field.fields).some(({ pointer }) => isSet(texts, pointer))) look(field.fields)
        continue
      }
      if (field.kind === "variant") {
        look([field.tag, ...chosenOf(field, texts)])
        continue
      }
      const fault = isSet(texts, field.pointer) ? faultOf(field, texts[field.pointer] ?? "") : missing(field)
      if (fault !== undefined) faults.set(field.pointer, fault)
    }
  }
  look(fields)
  return faults
}
const isSet = (texts: Texts, pointer: string): boolean => (texts[pointer] ?? "").trim() !== ""
const missing = (field: Leaf): Fault | undefined =>
  field.required && field.kind !== "boolean" ? "required" : undefined

const faultOf = (field: Leaf, typed: string): Fault | undefined => {
  if ((field.kind === "list" || field.kind === "map") && writtenAsJson(field.kind, typed) !== undefined)
    return undefined
  switch (field.kind) {
    case "json":
      return parseJson(typed) === undefined ? "not_json" : undefined
    case "text":
    case "number":
      return valueFault(field, typed)
    case "many": {
      const chosen = parseJson(typed)
      return countFault(field, Array.isArray(chosen) ? chosen.length : 0)
    }
    case "list": {
      const lines = linesOf(typed)
      return (
        firstOf(lines, (line, index) =>
          field.unique && lines.indexOf(line) < index ? "twice" : valueFault(field.item, line)
        ) ?? countFault(field, lines.length)
      )
    }
    case "map": {
      const pairs = pairsOf(typed)
      return (
        firstOf(pairs, ({ name, value }, index) => {
          if (name === "") return "not_pair"
          if (pairs.findIndex((other) => other.name === name) < index) return "twice"
          return valueFault(field.item, value)
        }) ?? countFault(field, pairs.length)
      )
    }
    default:
      return undefined
  }
}

const firstOf = <A>(
  lines: ReadonlyArray<A>,
  look: (line: A, index: number) => Extract<Fault, { code: "line" }>["fault"] | undefined
): Fault | undefined => {
  for (const [index, line] of lines.entries()) {
    const fault = look(line, index)
    if (fault !== undefined) return { code: "line", line: index + 1, fault }
  }
  return undefined
}

const countFault = (
  { least, most }: { readonly least: number | undefined; readonly most: number | undefined },
  count: number
): Fault | undefined => {
  if (least !== undefined && count < least) return { code: "too_few", limit: least }
  return most !== undefined && count > most ? { code: "too_many", limit: most } : undefined
}

const valueFault = (rule: TextRule | NumberRule, typed: string): ValueFault | undefined => {
  if (rule.kind === "number") return numberFault(rule, typed)
  if (rule.secret && !isReference(typed)) return "not_reference"
  if (rule.min !== undefined && typed.length < rule.min) return { code: "too_short", limit: rule.min }
  if (rule.max !== undefined && typed.length > rule.max) return { code: "too_long", limit: rule.max }
  return rule.pattern !== undefined && !matches(rule.pattern, typed) ? "pattern" : undefined
}
const numberFault = (rule: NumberRule, typed: string): ValueFault | undefined => {
  const number = Number(typed)
  if (typed.trim() === "" || !Number.isFinite(number)) return "not_number"
  if (rule.whole && !Number.isInteger(number)) return "not_whole"
  if (rule.min !== undefined && number < rule.min) return { code: "too_small", limit: rule.min }
  if (rule.max !== undefined && number > rule.max) return { code: "too_large", limit: rule.max }
  if (rule.above !== undefined && number <= rule.above) return { code: "not_above", limit: rule.above }
  if (rule.below !== undefined && number >= rule.below) return { code: "not_below", limit: rule.below }
  return rule.step !== undefined && rule.step > 0 && !isMultiple(number, rule.step)
    ? { code: "not_step", limit: rule.step }
    : undefined
}
/** 0.3 is three times 0.1, whatever binary fractions make of it. */
const isMultiple = (number: number, step: number): boolean => {
  const times = number / step
  return Math.abs(times - Math.round(times)) < 1e-9 * Math.max(1, Math.abs(times))
}

/** A pattern that this browser cannot read is left to the backend. */
const matches = (pattern: string, typed: string): boolean => {
  try {
    return new RegExp(pattern, "u").test(typed)
  } catch {
    return true
  }
}
