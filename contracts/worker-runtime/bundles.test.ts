/** Config bundles: the digest, what is checked when one is stored, and what a worker may be created from. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { type ConfigBundle, digest } from "../../src/domain/ConfigBundle.ts"
import { maxBundles } from "../../src/domain/engine/Bundles.ts"
import * as Problem from "../../src/domain/Problem.ts"
import { crypto, settle, world } from "./EngineWorld.ts"

type Content = Omit<ConfigBundle, "digest">

const full: Content = {
  id: "bundle-1",
  revision: "r7",
  workspace_id: "ws",
  created_at: "2026-11-20T00:00:00Z",
  provenance: { source: "git", detail: "main@1234" },
  profiles: [
    { selector: { kind: "builtin", value: "first" }, label: "First" },
    { selector: { kind: "named", value: "second" }, label: null },
    { selector: { kind: "runtime_default" }, label: "\uff5e" }
  ],
  // In the order of UTF-8 bytes the emoji comes last; in that of UTF-16 units it comes before the wide tilde.
  declarations: [
    { kind: "tool", name: "ls", reference: "file:ls" },
    { kind: "tool", name: "\u{1f642}", reference: "emoji" },
    { kind: "tool", name: "\uff5e", reference: "wide" }
  ]
}

const bare: Content = {
  id: "b",
  revision: "1",
  workspace_id: "w",
  created_at: "t",
  provenance: { source: "s" },
  profiles: [],
  declarations: []
}

const sealed = (content: Content) =>
  Effect.map(digest(content), (it): ConfigBundle => ({ ...content, digest: it })).pipe(Effect.provide(crypto))

describe("config bundles", () => {
  // The expected values were computed with Python's hashlib over the lines that the runtime API names.
  it.effect("the digest is that of independent code", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* sealed(full)).digest,
        "d6e7a9771be0ad6f187346ca45a1e99aaa0589bc6d86334fc3b643ef3c500469"
      )
      assert.strictEqual(
        (yield* sealed(bare)).digest,
        "8de1c381f85bcdc23caecc4109d030cd20032b0631885914a869c6c795946ee7"
      )
    })
  )

  it.effect("the digest does not depend on the order in which profiles and declarations are written", () =>
    Effect.gen(function* () {
      const turned = {
        ...full,
        profiles: full.profiles.toReversed(),
        declarations: full.declarations.toReversed()
      }
      assert.strictEqual((yield* sealed(turned)).digest, (yield* sealed(full)).digest)
    })
  )

  it.effect("the digest changes with every member", () =>
    Effect.gen(function* () {
      const others: ReadonlyArray<Content> = [
        { ...full, id: "x" },
        { ...full, revision: "x" },
        { ...full, workspace_id: "x" },
        { ...full, created_at: "x" },
        { ...full, provenance: { source: "x", detail: "main@1234" } },
        { ...full, provenance: { source: "git" } },
        { ...full, profiles: full.profiles.slice(1) },
        { ...full, declarations: full.declarations.slice(1) }
      ]
      const digests = yield* Effect.forEach([full, ...others], (it) => Effect.map(sealed(it), (it) => it.digest))
      assert.strictEqual(new Set(digests).size, digests.length)
    })
  )

  it.effect("a stored bundle is listed and available, across a restart as well", () =>
    Effect.gen(function* () {
      const { session, start } = yield* world()
      const first = yield* session()
      const bundle = yield* sealed(full)
      const given = yield* first.runtime.putBundle(bundle)
      assert.deepStrictEqual(given.reference, { id: "bundle-1", digest: bundle.digest })
      assert.deepStrictEqual([given.summary.profile_count, given.summary.declaration_count], [3, 3])
      yield* first.close
      const runtime = yield* start()
      assert.deepStrictEqual(yield* runtime.bundles, [given.summary])
      assert.deepStrictEqual(yield* runtime.bundleAvailability("bundle-1", undefined), given)
      assert.deepStrictEqual(yield* runtime.bundleAvailability("bundle-1", bundle.digest), given)
      const tag = (id: string, wanted: string | undefined) =>
        Effect.map(Effect.flip(runtime.bundleAvailability(id, wanted)), (it) => it._tag)
      assert.strictEqual(yield* tag("other", undefined), "config_bundle_missing")
      assert.strictEqual(yield* tag("bundle-1", "0".repeat(64)), "config_bundle_digest_mismatch")
    })
  )

  it.effect("a bundle with a wrong digest, or with a declaration that nobody acts on, is not stored", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      const wrong = { ...(yield* sealed(full)), digest: "0".repeat(64) }
      assert.strictEqual((yield* Effect.flip(runtime.putBundle(wrong)))._tag, "config_bundle_digest_mismatch")
      const declarations = [...full.declarations, { kind: "spell", name: "x", reference: "y" }]
      const problem = yield* Effect.flip(runtime.putBundle(yield* sealed({ ...full, declarations })))
      assert.strictEqual(problem._tag, "unsupported_config_declaration")
      assert.deepStrictEqual(problem.context.errors, [{ pointer: "/bundle/declarations/3/kind", code: "unsupported" }])
      assert.deepStrictEqual(yield* runtime.bundles, [])
    })
  )

  it.effect("a worker is created from a bundle that is there, is the one that is meant, and declares the profile", () =>
    Effect.gen(function* () {
      const { executor, start } = yield* world()
      const runtime = yield* start()
      const bundle = yield* sealed({ ...full, profiles: full.profiles.slice(0, 1) })
      yield* runtime.putBundle(bundle)
      const config_bundle = { id: bundle.id, digest: bundle.digest }
      const profile = { kind: "builtin", value: "first" } as const
      const { answer } = yield* runtime.create({ profile, config_bundle }, {})
      assert.deepStrictEqual(answer.config_bundle, config_bundle)

      const tag = (request: Parameters<typeof runtime.create>[0]) =>
        Effect.map(Effect.flip(runtime.create(request, {})), (it) => it._tag)
      const missing = { ...config_bundle, id: "other" }
      const mismatch = { ...config_bundle, digest: "0".repeat(64) }
      assert.strictEqual(yield* tag({ profile, config_bundle: missing }), "config_bundle_missing")
      assert.strictEqual(yield* tag({ profile, config_bundle: mismatch }), "config_bundle_digest_mismatch")
      const undeclared = { kind: "named", value: "second" } as const
      assert.strictEqual(yield* tag({ profile: undeclared, config_bundle }), "invalid_profile_selector")
      assert.strictEqual(yield* tag({ config_bundle }), "invalid_profile_selector")
      assert.strictEqual(executor.spawned.length, 1)
    })
  )

  it.effect("a bundle with the same id replaces the one before, even at the limit; a new one above it is refused", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      for (let i = 0; i < maxBundles; i++) yield* runtime.putBundle(yield* sealed({ ...bare, id: `b${i}` }))
      const problem = yield* Effect.flip(runtime.putBundle(yield* sealed(bare)))
      assert.deepStrictEqual([problem._tag, problem.context.max], ["config_bundle_limit_reached", maxBundles])
      const replaced = yield* sealed({ ...bare, id: "b0", revision: "2" })
      yield* runtime.putBundle(replaced)
      assert.strictEqual((yield* runtime.bundleAvailability("b0", undefined)).reference.digest, replaced.digest)
    })
  )

  it.effect("two versions at once end the same in the store and in memory; a store that fails changes nothing", () =>
    Effect.gen(function* () {
      const { start, store } = yield* world()
      const runtime = yield* start()
      const [one, two] = [yield* sealed(bare), yield* sealed({ ...bare, revision: "2" })]
      const gate = yield* Deferred.make<void>()
      const reached = yield* Deferred.make<void>()
      store.afterPut = Effect.suspend(() =>
        Deferred.isDoneUnsafe(reached)
          ? Effect.void
          : Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(gate))
      )
      const puts = yield* Effect.forkChild(
        Effect.all([runtime.putBundle(one), runtime.putBundle(two)], { concurrency: 2 })
      )
      yield* Deferred.await(reached)
      yield* settle
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(puts)
      const known = (yield* runtime.bundleAvailability("b", undefined)).reference.digest
      assert.deepStrictEqual(
        (yield* store.service.load).bundles.map((it) => it.digest),
        [known]
      )

      store.onRead = Effect.fail(Problem.make("store_io"))
      const third = yield* sealed({ ...bare, revision: "3" })
      assert.strictEqual((yield* Effect.flip(runtime.putBundle(third)))._tag, "store_io")
      assert.strictEqual((yield* runtime.bundleAvailability("b", undefined)).reference.digest, known)
    })
  )
})
