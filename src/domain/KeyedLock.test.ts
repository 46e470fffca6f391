import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as KeyedLock from "./KeyedLock.ts"

const now = { startImmediately: true } as const

describe("a lock by key", () => {
  it.effect("lets one after the other in, and others with another key at once", () =>
    Effect.gen(function* () {
      const lock = KeyedLock.make()
      const scope = yield* Scope.make()
      yield* Scope.provide(lock.hold("a"), scope)
      const seen: Array<string> = []
      const say = (text: string) => Effect.sync(() => void seen.push(text))
      const second = yield* Effect.forkChild(lock.within("a", say("second")), now)
      yield* lock.within("b", say("other"))
      assert.deepStrictEqual(seen, ["other"])
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(second)
      assert.deepStrictEqual(seen, ["other", "second"])
      assert.strictEqual(lock.size(), 0)
    })
  )

  it.effect("remembers nothing of whoever failed or no longer waits", () =>
    Effect.gen(function* () {
      const lock = KeyedLock.make()
      yield* Effect.flip(lock.within("failing", Effect.fail("no")))
      const held = yield* Effect.forkChild(lock.within("a", Effect.never), now)
      const waits = yield* Effect.forkChild(lock.within("a", Effect.never), now)
      const holds = yield* Effect.forkChild(Effect.scoped(Effect.andThen(lock.hold("a"), Effect.never)), now)
      assert.strictEqual(lock.size(), 1)
      yield* Fiber.interruptAll([waits, holds])
      assert.strictEqual(lock.size(), 1)
      yield* Fiber.interrupt(held)
      assert.strictEqual(lock.size(), 0)
      yield* lock.within("a", Effect.void)
    })
  )
})
