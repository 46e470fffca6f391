/** What a test of a connection found out, step by step. It writes nothing, not even on success. */
import { Context, Duration, type Effect, Schema } from "effect"
import type { ConnectionEntry } from "./Connection.ts"
import { Diagnostic } from "./Diagnostic.ts"
import type { Problem } from "./Problem.ts"
import { Capabilities } from "./Runtime.ts"

/** How long one step may take … */
export const stepTimeout = Duration.seconds(5)

/** … and all together; steps that are left then are skipped. */
export const testTimeout = Duration.seconds(15)

/** Tests that run at once; further ones wait. An endpoint of somebody's choice is dialled for each. */
export const maxRunningTests = 8

/** In the order in which they are taken; a step that is not reached is skipped. */
export const StepName = Schema.Literals([
  "policy",
  "url",
  "dns",
  "tcp",
  "tls",
  "http",
  "auth",
  "protocol",
  "capabilities",
  "operations",
  "stream"
])
export type StepName = typeof StepName.Type

export const Step = Schema.Struct({
  step: StepName,
  status: Schema.Literals(["pass", "warn", "fail", "skip"]),
  /**
   * `ok`; a failure's code of the catalogue, with its reason after a dot when it has one (`runtime_unreachable.dns`); or a
   * word of the step: `not_reached`, `not_applicable`, `not_encrypted`, `undeclared`, `nothing_to_watch`.
   */
  code: Schema.String,
  latency_ms: Schema.Finite,
  summary: Schema.String,
  fix: Schema.optionalKey(Schema.String)
})
export type Step = typeof Step.Type

export const Operation = Schema.Struct({
  /** Dotted, for instance `workers.list`. */
  operation: Schema.String,
  /** Whether the product needs it for its main job. */
  needed: Schema.Boolean,
  /** Unchecked is not failed. */
  verdict: Schema.Literals(["available", "unavailable", "unchecked"]),
  /** How the verdict was reached: `tried` here and now, or only `declared` by the runtime. */
  basis: Schema.Literals(["tried", "declared", "none"])
})
export type Operation = typeof Operation.Type

export const TestReport = Schema.Struct({
  /** Absent for a draft. */
  id: Schema.optionalKey(Schema.String),
  checked_at: Schema.String,
  compatible: Schema.Boolean,
  protocol: Schema.Struct({ compatible: Schema.Boolean, basis: Schema.String }),
  /** What the runtime said of itself; null when it was not reached. */
  observed: Schema.NullOr(
    Schema.Struct({
      runtime_id: Schema.String,
      display_name: Schema.NullOr(Schema.String),
      status: Schema.String,
      version: Schema.optionalKey(Schema.String),
      capabilities: Capabilities
    })
  ),
  steps: Schema.Array(Step),
  operations: Schema.Array(Operation),
  diagnostics: Schema.Array(Diagnostic)
}).annotate({ identifier: "TestReport" })
export type TestReport = typeof TestReport.Type

/** A step that worked, but has something to say. */
export interface Remark {
  readonly code: string
  readonly summary: string
  readonly fix: string
}

/** How the way to a runtime is taken in steps. Each is timed, bounded and told at once; the first that fails is the last. */
export interface Steps {
  /** @param say what a step that worked shows */
  readonly take: <A, R>(
    step: StepName,
    effect: Effect.Effect<A, Problem, R>,
    say: (value: A) => string | Remark
  ) => Effect.Effect<A, Problem, R>
  /** There is nothing to do at this step. */
  readonly skip: (step: StepName, code: string, summary: string) => Effect.Effect<void>
}

export interface TestOptions {
  /** Whether the entry is stored; the report then has its id. */
  readonly saved: boolean
  /**
   * Whether the entry is live exactly as it stands here. Then the live source is tested, and what is learned is written
   * to the same observation as live calls.
   */
  readonly live: boolean
  /** Gets each step as soon as it is over. */
  readonly onStep?: (step: Step) => Effect.Effect<void>
}

export class ConnectionTest extends Context.Service<
  ConnectionTest,
  {
    /** Tests an entry with the same client, credentials and egress policy as real calls. A failed test is a report too. */
    readonly run: (entry: ConnectionEntry, options: TestOptions) => Effect.Effect<TestReport>
  }
>()("yoi-workspace/domain/ConnectionTest") {}
