import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Deadlines from "./Deadlines.ts"

const late = () => Effect.succeed("late")

describe("deadlines", () => {
  it.effect("a call that ends in time answers for itself", () =>
    Effect.gen(function* () {
      const { within } = yield* Deadlines.make(1_000)
      assert.strictEqual(yield* within(Effect.succeed("at once"), late), "at once")
      const call = yield* Effect.forkChild(within(Effect.as(Effect.sleep(999), "in time"), late))
      yield* TestClock.adjust(999)
      assert.strictEqual(yield* Fiber.join(call), "in time")
      assert.strictEqual(yield* Effect.flip(within(Effect.fail("no"), late)), "no")
    })
  )

  it.effect("a late call has ended before its caller is told", () =>
    Effect.gen(function* () {
      const { within } = yield* Deadlines.make(1_000)
      const said: Array<string> = []
      const slow = Effect.never.pipe(Effect.onInterrupt(() => Effect.sync(() => said.push("ended"))))
      const call = yield* Effect.forkChild(
        Effect.tap(within(slow, late), (answer) => Effect.sync(() => said.push(answer)))
      )
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(said, [])
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* Fiber.join(call), "late")
      assert.deepStrictEqual(said, ["ended", "late"])
    })
  )

  it.effect("each call has its own time, also after a while without calls", () =>
    Effect.gen(function* () {
      const { within } = yield* Deadlines.make(1_000)
      const first = yield* Effect.forkChild(within(Effect.never, late))
      yield* TestClock.adjust(600)
      const second = yield* Effect.forkChild(within(Effect.never, late))
      yield* TestClock.adjust(400)
      assert.strictEqual(yield* Fiber.join(first), "late")
      assert.isUndefined(second.pollUnsafe())
      yield* TestClock.adjust(600)
      assert.strictEqual(yield* Fiber.join(second), "late")
      yield* TestClock.adjust(10_000)
      const third = yield* Effect.forkChild(within(Effect.never, late))
      yield* TestClock.adjust(999)
      assert.isUndefined(third.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* Fiber.join(third), "late")
    })
  )

  it.effect("whoever gives a call up waits until it has ended", () =>
    Effect.gen(function* () {
      const { within } = yield* Deadlines.make(1_000)
      let ended = false
      const slow = Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          ended = true
        })
      )
      const call = yield* Effect.forkChild(within(slow, late))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(call)
      assert.isTrue(ended)
    })
  )
})
