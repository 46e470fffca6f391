import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Random } from "effect"
import { TestClock } from "effect/testing"
import type { Socket } from "node:net"
import * as Problem from "../../domain/Problem.ts"
import * as Carrier from "./Carrier.ts"

const starting = Problem.make("runtime_unavailable", "Being started.", { reason: "starting" })
const passing = Problem.make("runtime_unreachable", "Down.", { reason: "passing" })
const lasting = Problem.make("runtime_auth_failed", "Refused.", { reason: "lasting" })

const socket = {} as Socket

/** Every random number is the largest, so that every wait is as long as its bound. */
const longest = Effect.provideService(Random.Random, {
  nextIntUnsafe: () => Number.MAX_SAFE_INTEGER,
  nextDoubleUnsafe: () => 1
})

/** A start that answers as the script says; after its end the last line again. */
const scripted = (script: ReadonlyArray<"up" | Problem.Problem>) => {
  const ends: Array<Deferred.Deferred<Problem.Problem>> = []
  let starts = 0
  let ended = 0
  return {
    starts: () => starts,
    ended: () => ended,
    end: Effect.suspend(() => Deferred.succeed(ends.at(-1)!, passing)),
    start: Effect.gen(function* () {
      const line = script[Math.min(starts, script.length - 1)]!
      starts += 1
      if (line !== "up") return yield* line
      yield* Effect.addFinalizer(() => Effect.sync(() => void (ended += 1)))
      const end = yield* Deferred.make<Problem.Problem>()
      ends.push(end)
      return { dial: () => Effect.succeed(socket), ended: Deferred.await(end) } satisfies Carrier.Up
    })
  }
}

const reasonOf = (carrier: Carrier.Carrier) =>
  Effect.map(Effect.exit(carrier.dial({ socket: undefined })), (exit) =>
    Exit.isSuccess(exit) ? "connected" : String(JSON.stringify(exit).match(/"reason":"(\w+)"/)?.[1])
  )

describe("Carrier", () => {
  it.effect("tells a dial that it is being started, after as long as a direct dial may take", () =>
    Effect.gen(function* () {
      const carrier = yield* Carrier.make(Effect.never, starting)
      const dial = yield* Effect.forkScoped(reasonOf(carrier))
      yield* TestClock.adjust(Carrier.dialWaitMs - 1)
      assert.isUndefined(dial.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* Fiber.join(dial), "starting")
    }).pipe(Effect.scoped)
  )

  it.effect("doubles the bound of its waits up to the last, and tells callers at once what is wrong meanwhile", () =>
    Effect.gen(function* () {
      const script = scripted([passing])
      const carrier = yield* Carrier.make(script.start, starting)
      yield* TestClock.adjust(0)
      for (let bound = Carrier.firstBackoffMs, starts = 1; starts < 10; starts++) {
        assert.strictEqual(script.starts(), starts)
        assert.strictEqual(yield* reasonOf(carrier), "passing")
        yield* TestClock.adjust(bound - 1)
        assert.strictEqual(script.starts(), starts)
        yield* TestClock.adjust(1)
        bound = Math.min(Carrier.lastBackoffMs, bound * 2)
      }
      assert.strictEqual(carrier.restarts(), 9)
    }).pipe(longest, Effect.scoped)
  )

  it.effect("is in no hurry with what another attempt cannot change", () =>
    Effect.gen(function* () {
      const script = scripted([lasting])
      const carrier = yield* Carrier.make(script.start, starting)
      yield* TestClock.adjust(Carrier.lastBackoffMs - 1)
      assert.strictEqual(script.starts(), 1)
      assert.strictEqual(yield* reasonOf(carrier), "lasting")
      yield* TestClock.adjust(1)
      assert.strictEqual(script.starts(), 2)
    }).pipe(Effect.scoped)
  )

  it.effect("comes back quickly after an end, and whoever dials meanwhile waits for it", () =>
    Effect.gen(function* () {
      const script = scripted(["up"])
      const carrier = yield* Carrier.make(script.start, starting)
      yield* TestClock.adjust(Carrier.steadyMs)
      assert.strictEqual(yield* reasonOf(carrier), "connected")
      assert.strictEqual(carrier.upSince(), 0)
      yield* script.end
      yield* TestClock.adjust(0)
      assert.deepStrictEqual([script.ended(), carrier.upSince()], [1, undefined])
      const dial = yield* Effect.forkScoped(reasonOf(carrier))
      yield* TestClock.adjust(Carrier.comebackMs)
      assert.strictEqual(yield* Fiber.join(dial), "connected")
      assert.deepStrictEqual([script.starts(), carrier.restarts()], [2, 1])
    }).pipe(longest, Effect.scoped)
  )

  it.effect("does not come back quickly again and again when it holds for no time", () =>
    Effect.gen(function* () {
      const script = scripted(["up"])
      const carrier = yield* Carrier.make(script.start, starting)
      yield* TestClock.adjust(0)
      yield* script.end
      yield* TestClock.adjust(Carrier.comebackMs)
      assert.strictEqual(script.starts(), 2)
      yield* script.end
      yield* TestClock.adjust(Carrier.comebackMs)
      assert.strictEqual(script.starts(), 2)
      assert.strictEqual(yield* reasonOf(carrier), "passing")
      yield* TestClock.adjust(Carrier.firstBackoffMs)
      assert.strictEqual(script.starts(), 3)
    }).pipe(longest, Effect.scoped)
  )

  it.effect("goes on after a defect of an attempt", () =>
    Effect.gen(function* () {
      let starts = 0
      const start = Effect.suspend(() => ((starts += 1) === 1 ? Effect.die(new Error("no space")) : Effect.never))
      yield* Carrier.make(start, starting)
      yield* TestClock.adjust(Carrier.firstBackoffMs)
      assert.strictEqual(starts, 2)
    }).pipe(longest, Effect.scoped)
  )

  it.effect("ends what it carries with its scope", () =>
    Effect.gen(function* () {
      const script = scripted(["up"])
      yield* Effect.scoped(Effect.andThen(Carrier.make(script.start, starting), TestClock.adjust(0)))
      assert.strictEqual(script.ended(), 1)
    })
  )
})
