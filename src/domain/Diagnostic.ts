/** Something worth telling a person that did not fail a request. */
import { Schema } from "effect"

export const Diagnostic = Schema.Struct({
  code: Schema.String,
  severity: Schema.Literals(["info", "warning", "error"]),
  /** For a person; without address, path or secret. */
  message: Schema.String
})
export type Diagnostic = typeof Diagnostic.Type
