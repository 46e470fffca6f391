import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { StepName } from "../ConnectionTest.ts"
import * as Problem from "../Problem.ts"
import { StepRecord } from "./StepRecord.ts"

const say = () => "worked"
const words = (record: StepRecord) =>
  Effect.map(record.finish, (steps) => steps.map(({ code, status, step }) => `${step} ${status} ${code}`))

describe("step record", () => {
  it.effect("a step that hangs ends soon after 5 s, with the time it took", () =>
    Effect.gen(function* () {
      const record = yield* StepRecord.make(undefined)
      const hanging = yield* Effect.forkChild(Effect.exit(record.take("tcp", Effect.never, say)), {
        startImmediately: true
      })
      yield* TestClock.adjust("5 seconds")
      assert.isUndefined(hanging.pollUnsafe())
      yield* TestClock.adjust("250 millis")
      yield* Fiber.join(hanging)
      const failed = (yield* record.finish).find(({ status }) => status === "fail")
      assert.deepInclude(failed, { step: "tcp", code: "runtime_timeout.step", latency_ms: 5_250 })
    })
  )

  it.effect("all steps together end after 15 s, however patient each of them is", () =>
    Effect.gen(function* () {
      const record = yield* StepRecord.make(undefined)
      const slow = Effect.sleep("4900 millis")
      const taking = yield* Effect.forkChild(
        Effect.exit(
          Effect.forEach(["policy", "dns", "tcp", "tls", "http"] as const, (step) => record.take(step, slow, say))
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust("14999 millis")
      assert.isUndefined(taking.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(taking)
      assert.includeMembers(
        [...(yield* words(record))],
        ["tcp pass ok", "tls fail runtime_timeout.test", "http skip not_reached"]
      )
      // Nothing is begun any more.
      assert.strictEqual((yield* Effect.flip(record.bounded(Effect.never))).context.reason, "test")
    })
  )

  it.effect("every step is in the report, in its order, and only the first failure counts", () =>
    Effect.gen(function* () {
      const record = yield* StepRecord.make(undefined)
      yield* record.passed("policy", 1, "worked")
      yield* record.failed(Problem.make("runtime_unreachable", undefined, { reason: "dns" }))
      yield* record.failed(Problem.make("runtime_auth_failed"))
      const steps = yield* record.finish
      assert.deepStrictEqual(
        steps.map(({ step }) => step),
        [...StepName.literals]
      )
      assert.strictEqual(record.failedAt, "dns")
      assert.lengthOf(
        steps.filter(({ status }) => status === "fail"),
        1
      )
    })
  )

  it.effect("what had worked is not taken back: a later failure of the same sort shows at the next step", () =>
    Effect.gen(function* () {
      const record = yield* StepRecord.make(undefined)
      yield* record.passed("tcp", 1, "worked")
      yield* record.passed("tls", 1, "worked")
      yield* record.failed(Problem.make("runtime_unreachable", undefined, { reason: "refused" }))
      assert.includeMembers([...(yield* words(record))], ["tcp pass ok", "http fail runtime_unreachable.refused"])
    })
  )
})
