/** Sentences for what is wrong with a field, from the form's own check or from the backend's answer. */
import type { FieldError } from "#lib/api/wire.ts"
import type { Messages } from "#lib/i18n/en.ts"
import type { Fault } from "./faults.ts"

type FormTexts = Messages["connectionForm"]

export const faultText = (fault: Fault | "not_pair" | "twice", t: FormTexts): string => {
  if (typeof fault === "string")
    return {
      required: t.required,
      not_json: t.notJson,
      not_number: t.notNumber,
      not_whole: t.notWhole,
      pattern: t.pattern,
      not_reference: t.notReference,
      not_pair: t.notPair,
      twice: t.twice
    }[fault]
  if (fault.code === "line") return t.inLine(String(fault.line), faultText(fault.fault, t))
  return {
    too_short: t.tooShort,
    too_long: t.tooLong,
    too_small: t.tooSmall,
    too_large: t.tooLarge,
    not_above: t.notAbove,
    not_below: t.notBelow,
    not_step: t.notStep,
    too_few: t.tooFew,
    too_many: t.tooMany
  }[fault.code](fault.limit)
}

/** The page's own sentence for a known code, else the backend's. */
export const fieldErrorText = (error: FieldError, t: FormTexts): string =>
  (Object.hasOwn(t.fieldCode, error.code) ? t.fieldCode[error.code] : undefined) ?? error.message ?? t.invalidField

/** The same for the field that shows it: an error inside of it says where, lines being counted from 1. */
export const placedErrorText = (error: FieldError, field: string, t: FormTexts): string => {
  const words = fieldErrorText(error, t)
  const inside = error.pointer.slice(field.length + 1)
  if (inside === "") return words
  const [first = ""] = inside.split("/")
  return t.inLine(
    /^\d+$/.test(first) ? String(Number(first) + 1) : first.replaceAll("~1", "/").replaceAll("~0", "~"),
    words
  )
}

/** Errors by the field that shows them: a pointer into a field's inside belongs to that field, the innermost that there is. */
export const errorsByField = (
  errors: ReadonlyArray<FieldError>,
  pointers: ReadonlyArray<string>
): { readonly at: ReadonlyMap<string, FieldError>; readonly elsewhere: ReadonlyArray<FieldError> } => {
  const at = new Map<string, FieldError>()
  const elsewhere: Array<FieldError> = []
  const innermost = pointers.toSorted((one, other) => other.length - one.length)
  for (const error of errors) {
    const field = innermost.find((pointer) => error.pointer === pointer || error.pointer.startsWith(`${pointer}/`))
    if (field === undefined) elsewhere.push(error)
    else if (!at.has(field)) at.set(field, error)
  }
  return { at, elsewhere }
}
