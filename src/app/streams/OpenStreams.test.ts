import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { maxOpenStreams, OpenStreams } from "./OpenStreams.ts"

const stream = () => ({ lastHeard: 0, heartbeat: () => {}, close: () => {} })

describe("the open streams", () => {
  it.effect("are limited, and one that ends makes room", () =>
    Effect.gen(function* () {
      const streams = yield* OpenStreams
      for (let i = 1; i < maxOpenStreams; i++) yield* streams.open(stream())
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* streams.open(stream())
          const problem = yield* Effect.flip(streams.open(stream()))
          assert.strictEqual(problem._tag, "too_many_streams")
          assert.strictEqual(problem.context.max, maxOpenStreams)
        })
      )
      assert.strictEqual(yield* streams.count, maxOpenStreams - 1)
      yield* streams.open(stream())
    }).pipe(Effect.scoped, Effect.provide(OpenStreams.layer))
  )
})
