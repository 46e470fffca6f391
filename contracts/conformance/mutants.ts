/** All mutants. */
import { mutants as errors } from "./mutants/errors.ts"
import { mutants as identity } from "./mutants/identity.ts"
import { mutants as keys } from "./mutants/keys.ts"
import type { Mutant } from "./mutants/Mutant.ts"
import { mutants as operations } from "./mutants/operations.ts"
import { mutants as resuming } from "./mutants/resuming.ts"
import { mutants as steering } from "./mutants/steering.ts"
import { mutants as streams } from "./mutants/streams.ts"
import { mutants as transcript } from "./mutants/transcript.ts"

export const mutants: ReadonlyArray<Mutant> = [
  ...identity,
  ...operations,
  ...errors,
  ...keys,
  ...transcript,
  ...streams,
  ...resuming,
  ...steering
]
