/** What the `connections` commands act on: the config file of a workspace, or a backend that runs. */
import { Data, type Effect } from "effect"
import type { ProblemDetails } from "../../domain/api/ProblemDetails.ts"
import type { Step, TestReport } from "../../domain/ConnectionTest.ts"
import type { Diagnostic } from "../../domain/Diagnostic.ts"
import type { CommandFailure } from "./Failure.ts"

/** As the API answers; what only a running backend knows is absent for a file. */
export interface Listed {
  readonly connections: ReadonlyArray<{
    readonly id: string
    readonly kind: string
    readonly display_name: string
    readonly endpoint?: string
    readonly token_ref?: string
    readonly credential: string
    readonly active?: boolean
    readonly restart_required?: boolean
    readonly status?: string
    readonly diagnostics: ReadonlyArray<Diagnostic>
  }>
  readonly writable: boolean
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

export interface Written {
  readonly restart_required: boolean
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

export interface Applied extends Written {
  readonly applied: { readonly [how in "added" | "removed" | "changed"]: ReadonlyArray<string> }
}

export interface WriteOptions {
  readonly apply: boolean
  readonly force: boolean
}

/** A refusal as the API says it. */
export class Refused extends Data.TaggedError("Refused")<{ readonly details: ProblemDetails }> {}

type Answer<A> = Effect.Effect<A, Refused | CommandFailure>

export interface Target {
  readonly list: Answer<Listed>
  readonly add: (draft: object, options: WriteOptions) => Answer<Written>
  readonly edit: (id: string, patch: object, options: WriteOptions) => Answer<Written>
  readonly remove: (id: string, options: WriteOptions) => Answer<Written>
  readonly test: (id: string, onStep: (step: Step) => Effect.Effect<void>) => Answer<TestReport>
  readonly testDraft: (draft: object, onStep: (step: Step) => Effect.Effect<void>) => Answer<TestReport>
  readonly apply: (force: boolean) => Answer<Applied>
  readonly export: Answer<string>
}
