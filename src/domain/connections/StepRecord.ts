/** Takes the steps of one connection test: times them, bounds them, and keeps what each found out. */
import { Clock, Duration, Effect } from "effect"
import {
  type Remark,
  type Step,
  StepName,
  type Steps,
  stepTimeout,
  type TestOptions,
  testTimeout
} from "../ConnectionTest.ts"
import * as Problem from "../Problem.ts"
import { codeOf, fixOf, stepOf } from "./StepFaults.ts"

/** A call has the time of a step itself, and so long beyond it to say how it failed, in milliseconds. */
const graceMs = 250

const stepMs = Duration.toMillis(stepTimeout) + graceMs
const testMs = Duration.toMillis(testTimeout)

const order = StepName.literals

export class StepRecord implements Steps {
  readonly #taken = new Map<StepName, Step>()
  readonly #clock: Clock.Clock
  readonly #started: number
  readonly #onStep: NonNullable<TestOptions["onStep"]>
  #failed = false

  constructor(clock: Clock.Clock, onStep: TestOptions["onStep"]) {
    this.#clock = clock
    this.#started = this.#now()
    this.#onStep = onStep ?? (() => Effect.void)
  }

  static readonly make = (onStep: TestOptions["onStep"]) =>
    Effect.map(Clock.Clock, (clock) => new StepRecord(clock, onStep))

  /** Milliseconds of a clock that no one sets. */
  #now(): number {
    return Number(this.#clock.monotonicTimeNanosUnsafe()) / 1_000_000
  }

  #add(step: Step): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#taken.has(step.step)) return Effect.void
      this.#taken.set(step.step, step)
      if (step.status === "fail") this.#failed = true
      return this.#onStep(step)
    })
  }

  /** No longer than a step may take, nor than is left of the test. */
  bounded<A, R>(effect: Effect.Effect<A, Problem.Problem, R>): Effect.Effect<A, Problem.Problem, R> {
    return Effect.suspend(() => {
      const left = testMs - (this.#now() - this.#started)
      return Effect.timeoutOrElse(effect, {
        duration: Math.max(0, Math.min(stepMs, left)),
        orElse: () =>
          left < stepMs
            ? Problem.fail("runtime_timeout", `The test took longer than ${Duration.format(testTimeout)}.`, {
                reason: "test"
              })
            : Problem.fail("runtime_timeout", `The step took longer than ${Duration.format(stepTimeout)}.`, {
                reason: "step"
              })
      })
    })
  }

  /** The effect with the time it took, in milliseconds, whether it worked or not. */
  timed<A, R>(effect: Effect.Effect<A, Problem.Problem, R>) {
    return Effect.suspend(() => {
      const before = this.#now()
      return Effect.map(Effect.result(this.bounded(effect)), (result) => ({
        result,
        latency_ms: Math.round((this.#now() - before) * 10) / 10
      }))
    })
  }

  readonly take: Steps["take"] = (step, effect, say) =>
    Effect.flatMap(this.timed(effect), ({ latency_ms, result }) =>
      result._tag === "Success"
        ? Effect.as(this.passed(step, latency_ms, say(result.success)), result.success)
        : Effect.andThen(this.failed(result.failure, step, latency_ms), Effect.fail(result.failure))
    )

  readonly skip: Steps["skip"] = (step, code, summary) =>
    this.#add({ step, status: "skip", code, latency_ms: 0, summary })

  passed(step: StepName, latency_ms: number, said: string | Remark): Effect.Effect<void> {
    return this.#add(
      typeof said === "string"
        ? { step, status: "pass", code: "ok", latency_ms, summary: said }
        : { step, status: "warn", latency_ms, ...said }
    )
  }

  /**
   * The step at which the problem shows fails, unless it is one that had worked before: then it is the next that was not
   * taken. Steps between are passed over.
   */
  failed(problem: Problem.Problem, at: StepName = stepOf(problem), latency_ms = 0): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#failed) return Effect.void
      const step = order.slice(order.indexOf(at)).find((it) => !this.#taken.has(it)) ?? at
      const summary = problem.message
      return this.#add({ step, status: "fail", code: codeOf(problem), latency_ms, summary, fix: fixOf(problem) })
    })
  }

  /** Where it failed, if it did. */
  get failedAt(): StepName | undefined {
    return order.find((step) => this.#taken.get(step)?.status === "fail")
  }

  /** Every step in its order; those that were not taken are skipped. */
  readonly finish: Effect.Effect<ReadonlyArray<Step>> = Effect.suspend(() =>
    Effect.map(
      Effect.forEach(order, (step) => this.skip(step, "not_reached", "Not reached."), { discard: true }),
      () => order.flatMap((step) => this.#taken.get(step) ?? [])
    )
  )
}
