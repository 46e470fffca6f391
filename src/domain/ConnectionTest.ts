/** What a test of a connection found out, step by step. It writes nothing, not even on success. */
import { Context, type Effect, Schema } from "effect"
import type { ConnectionEntry } from "./Connection.ts"
import { Diagnostic } from "./Diagnostic.ts"
import type { Problem } from "./Problem.ts"
import { Capabilities } from "./Runtime.ts"

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
  /** `ok`, or what is wrong in one word of the catalogue or of the step. */
  code: Schema.String,
  latency_ms: Schema.Number,
  summary: Schema.String,
  fix: Schema.optionalKey(Schema.String)
})
export type Step = typeof Step.Type

export const Operation = Schema.Struct({
  operation: Schema.String,
  /** Whether the product needs it for its main job. */
  needed: Schema.Boolean,
  /** Unchecked is not failed. */
  verdict: Schema.Literals(["available", "unavailable", "unchecked"])
})

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

export class ConnectionTest extends Context.Service<
  ConnectionTest,
  {
    /**
     * Tests a saved entry or a draft with the same client, credentials and egress policy as real calls. What it learns
     * about a runtime that is live is written to the same observation as live calls.
     */
    readonly run: (entry: ConnectionEntry, saved: boolean) => Effect.Effect<TestReport, Problem<"runtime_timeout">>
  }
>()("yoi-workspace/domain/ConnectionTest") {}
