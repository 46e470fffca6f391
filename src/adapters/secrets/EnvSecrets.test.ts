import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as EnvSecrets from "./EnvSecrets.ts"
import { resolver } from "./secrets.fixture.ts"

const name = "YOI_TEST_SECRET_OF_ENV"

const unset = Effect.addFinalizer(() => Effect.sync(() => delete process.env[name]))

describe("env secrets", () => {
  it.effect("the variable is read when it is asked for, so a changed one is the changed secret", () =>
    Effect.gen(function* () {
      yield* unset
      const { reason, value } = yield* resolver(EnvSecrets.layer)
      assert.strictEqual(yield* reason(`env:${name}`), "not_set")
      process.env[name] = "one"
      assert.strictEqual(yield* value(`env:${name}`), "one")
      process.env[name] = "two"
      assert.strictEqual(yield* value(`env:${name}`), "two")
      process.env[name] = ""
      assert.strictEqual(yield* reason(`env:${name}`), "empty")
    }).pipe(Effect.scoped)
  )

  it.effect("what is no name of a variable is not set", () =>
    Effect.gen(function* () {
      const { reason } = yield* resolver(EnvSecrets.layer)
      for (const text of ["1A", "A-B", "A.B", "PATH/x", "__proto__ ", "ПАТХ", "constructor"]) {
        assert.strictEqual(yield* reason(`env:${text}`), "not_set", text)
      }
    }).pipe(Effect.scoped)
  )
})
