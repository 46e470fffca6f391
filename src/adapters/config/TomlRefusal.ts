/** Why a TOML text is not read or not edited. In-process only: the config store maps it to what callers see. */
import { Data } from "effect"

export type TomlReason =
  | "not_toml"
  | "too_large"
  | "too_deep"
  | "value_too_long"
  | "too_many_entries"
  | "unsupported_form"
  | "no_such_entry"
  | "unencodable"
  | "not_preserved"

/** `sentence` never quotes the file: what stands there may be a secret. `line` and `column` count from 1. */
export class TomlRefusal extends Data.TaggedError("TomlRefusal")<{
  readonly reason: TomlReason
  readonly sentence: string
  readonly line?: number | undefined
  readonly column?: number | undefined
}> {
  override get message() {
    return this.line === undefined ? this.sentence : `Line ${this.line}: ${this.sentence}`
  }
}
