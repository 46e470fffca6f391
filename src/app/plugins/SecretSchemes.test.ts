/** Secret schemes of plugins that do not behave. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { apiVersion, defineSecretScheme } from "../../domain/plugin/Definition.ts"
import { SecretRef, SecretResolver } from "../../domain/SecretResolver.ts"
import * as SecretResolvers from "../../domain/SecretResolver.ts"
import * as SecretSchemes from "./SecretSchemes.ts"

const stuck = Effect.uninterruptible(Effect.never)
const facts = { apiVersion, description: "Does not let itself be interrupted.", secretFields: [] } as const

it.effect(
  "a secret scheme that does not let itself be interrupted holds nobody up: neither the start nor a caller",
  () =>
    Effect.gen(function* () {
      const opening = yield* Effect.forkChild(
        Effect.flip(
          SecretSchemes.install(
            defineSecretScheme({ ...facts, scheme: "closed", open: () => stuck }) as never,
            undefined,
            []
          )
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust(SecretSchemes.openDeadline)
      assert.strictEqual((yield* Fiber.join(opening)).reason, "open_failed")

      const lookup = Effect.succeed({ resolve: () => stuck })
      yield* SecretSchemes.install(
        defineSecretScheme({ ...facts, scheme: "stuck", open: () => lookup }) as never,
        undefined,
        []
      )
      const { resolve } = yield* SecretResolver
      const asking = yield* Effect.forkChild(Effect.flip(resolve(SecretRef.make("stuck:x"))), {
        startImmediately: true
      })
      yield* TestClock.adjust(SecretSchemes.resolveDeadline)
      assert.strictEqual((yield* Fiber.join(asking)).context.reason, "provider_failed")
    }).pipe(Effect.scoped, Effect.provideServiceEffect(SecretResolver, SecretResolvers.make))
)
