import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted, Ref } from "effect"
import { TestClock } from "effect/testing"
import { make, maxSecretBytes, SecretRef, secretTimeToLive, unresolvable } from "./SecretResolver.ts"

const ref = SecretRef.make("test:token")

/** A resolver with a provider whose secret is whatever the reference holds, and a count of the looks at it. */
const world = Effect.gen(function* () {
  const resolver = yield* make
  const stored = yield* Ref.make<string | undefined>("one")
  const looks = yield* Ref.make(0)
  yield* resolver.register({
    scheme: "test",
    resolve: () =>
      Effect.gen(function* () {
        yield* Ref.update(looks, (n) => n + 1)
        const secret = yield* Ref.get(stored)
        return secret === undefined ? yield* unresolvable("not_set") : Redacted.make(secret)
      })
  })
  const value = Effect.map(resolver.resolve(ref), Redacted.value)
  return { resolver, stored, looks, value }
})

describe("secret resolver", () => {
  it.effect("asks the provider once until the secret expires, and then finds the rotated one", () =>
    Effect.gen(function* () {
      const { looks, stored, value } = yield* world
      assert.strictEqual(yield* value, "one")
      yield* Ref.set(stored, "two")
      assert.strictEqual(yield* value, "one")
      assert.strictEqual(yield* Ref.get(looks), 1)
      yield* TestClock.adjust(secretTimeToLive)
      assert.strictEqual(yield* value, "two")
      assert.strictEqual(yield* Ref.get(looks), 2)
    }).pipe(Effect.scoped)
  )

  it.effect("a failure is never kept: a secret that is set now is found now", () =>
    Effect.gen(function* () {
      const { stored, value } = yield* world
      yield* Ref.set(stored, undefined)
      assert.strictEqual((yield* Effect.flip(value)).context.reason, "not_set")
      yield* Ref.set(stored, "set")
      assert.strictEqual(yield* value, "set")
    }).pipe(Effect.scoped)
  )

  it.effect("a refresh looks at once, and later calls get what it found", () =>
    Effect.gen(function* () {
      const { looks, resolver, stored, value } = yield* world
      yield* value
      yield* Ref.set(stored, "two")
      assert.strictEqual(Redacted.value(yield* resolver.refresh(ref)), "two")
      assert.strictEqual(yield* value, "two")
      assert.strictEqual(yield* Ref.get(looks), 2)
    }).pipe(Effect.scoped)
  )

  it.effect("a refresh that fails takes the old secret away", () =>
    Effect.gen(function* () {
      const { resolver, stored, value } = yield* world
      yield* value
      yield* Ref.set(stored, undefined)
      yield* Effect.flip(resolver.refresh(ref))
      assert.strictEqual((yield* Effect.flip(value))._tag, "secret_unresolvable")
    }).pipe(Effect.scoped)
  )

  it.effect("callers at the same time share one look", () =>
    Effect.gen(function* () {
      const { looks, value } = yield* world
      yield* Effect.all([value, value, value], { concurrency: 3 })
      assert.strictEqual(yield* Ref.get(looks), 1)
    }).pipe(Effect.scoped)
  )

  it.effect("a provider that has gone takes its secrets with it", () =>
    Effect.gen(function* () {
      const resolver = yield* make
      const provider = { scheme: "test", resolve: () => Effect.succeed(Redacted.make("one")) }
      yield* Effect.scoped(Effect.andThen(resolver.register(provider), resolver.resolve(ref)))
      assert.strictEqual((yield* Effect.flip(resolver.resolve(ref))).context.reason, "unknown_scheme")
      assert.deepStrictEqual(yield* resolver.schemes, [])
    })
  )

  it.effect("a second provider of a scheme is a defect of the program", () =>
    Effect.gen(function* () {
      const { resolver } = yield* world
      const second = resolver.register({ scheme: "test", resolve: () => Effect.succeed(Redacted.make("x")) })
      const exit = yield* Effect.exit(second)
      assert.strictEqual(exit._tag, "Failure")
    }).pipe(Effect.scoped)
  )

  const flawed: ReadonlyArray<readonly [secret: string, reason: string]> = [
    ["", "empty"],
    ["\n", "empty"],
    ["a\nb", "control_characters"],
    ["a\r\nb", "control_characters"],
    ["a\0b", "control_characters"],
    ["é".repeat(maxSecretBytes / 2 + 1), "too_large"]
  ]
  for (const [secret, reason] of flawed) {
    it.effect(`${JSON.stringify(secret.slice(0, 8))} is ${reason}, and the problem does not repeat it`, () =>
      Effect.gen(function* () {
        const { stored, value } = yield* world
        yield* Ref.set(stored, secret)
        const problem = yield* Effect.flip(value)
        assert.strictEqual(problem.context.reason, reason)
        if (secret.length > 2) assert.notInclude(JSON.stringify(problem), secret)
      }).pipe(Effect.scoped)
    )
  }

  it.effect("one line break at the end is not part of a secret", () =>
    Effect.gen(function* () {
      const { stored, value } = yield* world
      yield* Ref.set(stored, "secret\r\n")
      assert.strictEqual(yield* value, "secret")
    }).pipe(Effect.scoped)
  )

  it.effect("who comes through the API may only name what the provider admits", () =>
    Effect.gen(function* () {
      const resolver = yield* make
      yield* resolver.register({
        scheme: "test",
        resolve: () => Effect.succeed(Redacted.make("one")),
        admit: (rest) => (rest === "open" ? Effect.void : Effect.fail(unresolvable("reserved_place")))
      })
      const reason = (text: string) =>
        Effect.map(Effect.flip(resolver.admit(SecretRef.make(text))), ({ context }) => context.reason)
      yield* resolver.admit(SecretRef.make("test:open"))
      assert.strictEqual(yield* reason("test:closed"), "reserved_place")
      assert.strictEqual(yield* reason("other:open"), "unknown_scheme")
    }).pipe(Effect.scoped)
  )

  it.effect("an interrupted look is not kept as an answer", () =>
    Effect.gen(function* () {
      const resolver = yield* make
      const answers = yield* Ref.make(0)
      yield* resolver.register({
        scheme: "test",
        resolve: () =>
          Effect.flatMap(
            Ref.updateAndGet(answers, (n) => n + 1),
            (n) => (n === 1 ? Effect.never : Effect.succeed(Redacted.make("late")))
          )
      })
      const first = yield* Effect.forkChild(resolver.resolve(ref), { startImmediately: true })
      yield* Fiber.interrupt(first)
      assert.strictEqual(Redacted.value(yield* resolver.resolve(ref)), "late")
    }).pipe(Effect.scoped)
  )
})
