/** Sentences for what is wrong with a field, from the form's own check or from the backend's answer. */
import type { FieldError } from "#lib/api/wire.ts"
import type { Messages } from "#lib/i18n/en.ts"
import type { Fault } from "./texts.ts"

export const faultText = (fault: Fault, t: Messages["connectionForm"]): string => {
  if (typeof fault !== "string")
    return {
      too_short: t.tooShort,
      too_long: t.tooLong,
      too_small: t.tooSmall,
      too_large: t.tooLarge
    }[fault.code](fault.limit)
  return {
    required: t.required,
    not_json: t.notJson,
    not_number: t.notNumber,
    not_whole: t.notWhole,
    pattern: t.pattern
  }[fault]
}

/** The page's own sentence for a known code, else the backend's. */
export const fieldErrorText = (error: FieldError, t: Messages["connectionForm"]): string =>
  (Object.hasOwn(t.fieldCode, error.code) ? t.fieldCode[error.code] : undefined) ?? error.message ?? t.invalidField

/** Errors by the field that shows them: a pointer into a field's inside belongs to that field. */
export const errorsByField = (
  errors: ReadonlyArray<FieldError>,
  pointers: ReadonlyArray<string>
): { readonly at: ReadonlyMap<string, FieldError>; readonly elsewhere: ReadonlyArray<FieldError> } => {
  const at = new Map<string, FieldError>()
  const elsewhere: Array<FieldError> = []
  for (const error of errors) {
    const field = pointers.find((pointer) => error.pointer === pointer || error.pointer.startsWith(`${pointer}/`))
    if (field === undefined) elsewhere.push(error)
    else if (!at.has(field)) at.set(field, error)
  }
  return { at, elsewhere }
}
