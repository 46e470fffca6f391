/** Why a secret was not stored or removed: one sentence that names no path and no secret. */
import { Data } from "effect"
import type { PlatformError } from "effect/PlatformError"
import type { Unresolvable } from "../../domain/SecretResolver.ts"

export class StoreRefused extends Data.TaggedError("StoreRefused")<{ readonly sentence: string }> {
  override get message(): string {
    return this.sentence
  }
}

const sentenceOf = (error: PlatformError): string => {
  switch (error.reason._tag) {
    case "PermissionDenied":
      return "The secret store cannot be written: check the owner and the permissions of the .yoi folder."
    default:
      return "The secret store could not be read or written."
  }
}

export const refusal = (error: PlatformError | Unresolvable): StoreRefused =>
  new StoreRefused({ sentence: error._tag === "PlatformError" ? sentenceOf(error) : error.message })
