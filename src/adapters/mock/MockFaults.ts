/** Decides which call of a mock runtime fails and how. The same seed gives the same faults. */
import * as Problem from "../../domain/Problem.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"
import type { FaultName, FaultRule, MockOptions, Operation } from "./MockOptions.ts"

export interface Hit {
  readonly name: FaultName
  readonly problem: Problem.Problem
  readonly answer_lost: boolean
  readonly after_frames: number
}

/** A busy worker's hint, in milliseconds. */
const busyRetryMs = 1_000

const problemOf = (name: FaultName): Problem.Problem => {
  switch (name) {
    case "worker_busy":
    case "input_queue_full":
      return Problem.make(name, undefined, { retry_after_ms: busyRetryMs })
    case "worker_not_found":
    case "queued_input_not_found":
    case "permission_not_found":
    case "worker_not_running":
    case "worker_execution_rejected":
      return Problem.make(name)
    default:
      return RuntimeFault.problem(name)
  }
}

/** Mulberry32: 32 bits of state are plenty for choosing faults. */
const generator = (seed: number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The fault of the next call of an operation, if it has one. The first rule that says something decides. */
export const make = (options: MockOptions): ((operation: Operation) => Hit | undefined) => {
  const random = generator(options.seed ?? 1)
  const rules = (options.faults ?? []).map((rule) => ({ rule, calls: 0 }))
  const chosen = (rule: FaultRule, call: number): FaultName | undefined => {
    const scripted = rule.sequence?.[call]
    if (scripted !== undefined) return scripted === "ok" ? undefined : scripted
    if (rule.fault === undefined) return undefined
    return random() < (rule.probability ?? 1) ? rule.fault : undefined
  }
  return (operation) => {
    let hit: Hit | undefined
    for (const it of rules) {
      const { rule } = it
      if (rule.operation !== undefined && rule.operation !== operation) continue
      // Every rule counts every call it is about, so that one rule does not shift another's sequence.
      const name = chosen(rule, it.calls++)
      if (name === undefined || hit !== undefined) continue
      hit = {
        name,
        problem: problemOf(name),
        answer_lost: rule.answer_lost ?? false,
        after_frames: rule.after_frames ?? 0
      }
    }
    return hit
  }
}
