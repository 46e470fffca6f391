/** A runtime that does not declare steering is not asked to steer: its interactions are skipped by name and change nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Provider from "../../src/app/cli/contract/Provider.ts"
import { steeringStates } from "../../src/app/cli/contract/SteeringStates.ts"
import { client } from "../egress/egressWorld.ts"
import * as FieldRuntime from "../support/FieldRuntime.ts"
import * as TellingRuntime from "../support/TellingRuntime.ts"

describe("the states in which a turn is steered", () => {
  for (const [name, reach] of Object.entries(steeringStates)) {
    it.live(`${name}: out of reach`, () =>
      Effect.gen(function* () {
        const field = yield* FieldRuntime.make()
        const modest = yield* TellingRuntime.make({ "workers.create": {}, "workers.input": {} })
        for (const { port } of [field, modest]) {
          const provider = yield* Provider.make(`http://127.0.0.1:${port}`, undefined)
          assert.strictEqual((yield* Effect.flip(reach(provider)))._tag, "OutOfReach")
        }
        assert.deepStrictEqual(modest.commands, [])
        assert.strictEqual(field.workers.size, 0)
      }).pipe(Effect.scoped, Effect.provide(client()))
    )
  }
})
