/** What a mock runtime does, as a config file says it. */
import { Schema } from "effect"
import { DisplayName, WorkerId } from "../../domain/Identifiers.ts"
import { type RuntimeFault, runtimeFaults } from "../../domain/RuntimeFault.ts"

export const operations = [
  "runtime.describe",
  "worker.list",
  "worker.get",
  "worker.create",
  "worker.input",
  "worker.stop",
  "worker.cancel",
  "worker.interrupt",
  "worker.permit",
  "worker.unqueue",
  "worker.transcript",
  "worker.events",
  "config_bundle.list",
  "config_bundle.put",
  "config_bundle.availability"
] as const

export const Operation = Schema.Literals(operations)
export type Operation = typeof Operation.Type

/** Refusals that are about a worker and not about the way to the runtime. */
const refusals = [
  "worker_not_found",
  "worker_busy",
  "input_queue_full",
  "queued_input_not_found",
  "permission_not_found",
  "worker_not_running",
  "worker_execution_rejected"
] as const

export type FaultName = RuntimeFault | (typeof refusals)[number]
export const faultNames: ReadonlyArray<FaultName> = [...runtimeFaults, ...refusals]
export const FaultName = Schema.Literals(faultNames)

/** Longest latency, in milliseconds: the registry's deadline is 5 000, so twice that shows every effect of being late. */
export const maxLatencyMs = 10_000

/** Bounds that keep a mistyped file from filling the memory. */
export const maxWorkers = 1_000
export const maxInputs = 100
export const maxRules = 100
export const maxSequence = 1_000

export const FaultRule = Schema.Struct({
  /** Absent = every operation. */
  operation: Schema.optionalKey(Operation),
  /** Happens with this probability per call; 1 unless given. */
  fault: Schema.optionalKey(FaultName),
  probability: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  /** What the first, second, … call meets instead; `ok` and calls after the last entry go through. */
  sequence: Schema.optionalKey(
    Schema.Array(Schema.Literals(["ok", ...faultNames])).check(Schema.isMaxLength(maxSequence))
  ),
  /** A command is carried out and only its answer is lost. */
  answer_lost: Schema.optionalKey(Schema.Boolean),
  /** An event stream breaks after so many frames; 0, before the first, unless given. */
  after_frames: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })))
})
export type FaultRule = typeof FaultRule.Type

export const MockWorker = Schema.Struct({
  worker_id: WorkerId,
  display_name: Schema.optionalKey(DisplayName),
  /** Said to the worker one after the other, each when it is idle. */
  inputs: Schema.optionalKey(Schema.Array(Schema.NonEmptyString).check(Schema.isMaxLength(maxInputs))),
  /** How it ends after its last input; absent = it stays idle. */
  end: Schema.optionalKey(Schema.Literals(["stopped", "cancelled"]))
})
export type MockWorker = typeof MockWorker.Type

export const MockOptions = Schema.Struct({
  workers: Schema.optionalKey(
    Schema.Array(MockWorker)
      .check(Schema.isMaxLength(maxWorkers))
      .annotate({ title: "Workers", description: "Workers that are there from the start, and what is said to each." })
  ),
  faults: Schema.optionalKey(
    Schema.Array(FaultRule).check(Schema.isMaxLength(maxRules)).annotate({
      title: "Faults",
      description: "What goes wrong on the way, by operation: by chance, or in a sequence."
    })
  ),
  /** Added to every call, in milliseconds. */
  latency_ms: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxLatencyMs })).annotate({
      title: "Latency (ms)",
      description: "Added to every call."
    })
  ),
  /** Makes the probabilities repeatable; 1 unless given. */
  seed: Schema.optionalKey(
    Schema.Int.annotate({ title: "Seed", description: "Makes faults by chance repeatable; 1 when absent." })
  )
})
export type MockOptions = typeof MockOptions.Type
