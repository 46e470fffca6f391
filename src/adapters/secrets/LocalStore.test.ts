import * as fs from "node:fs/promises"
import { join } from "node:path"
import { inspect } from "node:util"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as LocalSecrets from "./LocalSecrets.ts"
import * as LocalStore from "./LocalStore.ts"
import { folder, resolver } from "./secrets.fixture.ts"

const canary = "canary-5f2a"
const set = (store: string, name: string, secret = canary) =>
  Effect.provide(LocalStore.set(store, name, Redacted.make(secret)), NodeServices.layer)
const list = (store: string) => Effect.provide(LocalStore.list(store), NodeServices.layer)
const remove = (store: string, name: string) => Effect.provide(LocalStore.remove(store, name), NodeServices.layer)
const promise = <A>(run: () => Promise<A>) => Effect.promise(run)

const world = Effect.gen(function* () {
  const store = join(yield* folder, "secrets")
  return { store, ...(yield* resolver(LocalSecrets.layer(store))) }
})

describe("local secret store", () => {
  it.effect("what was set is resolved, and a replaced one without a restart", () =>
    Effect.gen(function* () {
      const { store, value } = yield* world
      yield* set(store, "a", "one")
      assert.strictEqual(yield* value("local:a"), "one")
      yield* set(store, "a", "two")
      assert.strictEqual(yield* value("local:a"), "two")
    }).pipe(Effect.scoped)
  )

  it.effect("every file is 0600 in a folder of 0700, no file holds the secret, and no temporary one is left", () =>
    Effect.gen(function* () {
      const { store } = yield* world
      yield* set(store, "a")
      const names = yield* promise(() => fs.readdir(store))
      assert.deepStrictEqual(names.toSorted(), ["a.secret", "store.key"])
      assert.strictEqual((yield* promise(() => fs.stat(store))).mode & 0o777, 0o700)
      for (const name of names) {
        assert.strictEqual((yield* promise(() => fs.stat(join(store, name)))).mode & 0o777, 0o600)
        assert.notInclude((yield* promise(() => fs.readFile(join(store, name)))).toString("latin1"), canary)
      }
    }).pipe(Effect.scoped)
  )

  for (const file of ["a.secret", "store.key"]) {
    for (const mode of [0o640, 0o604]) {
      it.effect(`${file} of mode ${mode.toString(8)} is refused with the fix`, () =>
        Effect.gen(function* () {
          const { reason, store } = yield* world
          yield* set(store, "a")
          yield* promise(() => fs.chmod(join(store, file), mode))
          assert.strictEqual(yield* reason("local:a"), "readable_by_others")
          if (file === "store.key") {
            const refused = yield* Effect.flip(set(store, "b"))
            assert.include(refused.message, "chmod 600")
          }
        }).pipe(Effect.scoped)
      )
    }
  }

  it.effect("a store that others can write into is refused", () =>
    Effect.gen(function* () {
      const { reason, store } = yield* world
      yield* set(store, "a")
      yield* promise(() => fs.chmod(store, 0o770))
      assert.strictEqual(yield* reason("local:a"), "readable_by_others")
    }).pipe(Effect.scoped)
  )

  it.effect("a secret under another's name does not decrypt", () =>
    Effect.gen(function* () {
      const { reason, store } = yield* world
      yield* set(store, "a")
      yield* promise(() => fs.copyFile(join(store, "a.secret"), join(store, "b.secret")))
      assert.strictEqual(yield* reason("local:b"), "damaged")
    }).pipe(Effect.scoped)
  )

  it.effect("a flipped bit anywhere, a cut file and another key are damage, never another secret", () =>
    Effect.gen(function* () {
      const { reason, store, value } = yield* world
      yield* set(store, "a")
      const path = join(store, "a.secret")
      const whole = yield* promise(() => fs.readFile(path))
      for (let at = 0; at < whole.length; at++) {
        const flipped = Buffer.from(whole)
        flipped[at] = flipped[at]! ^ 1
        yield* promise(() => fs.writeFile(path, flipped))
        assert.strictEqual(yield* reason("local:a"), "damaged", `byte ${at}`)
      }
      for (const length of [0, 1, 13, 40, whole.length - 1]) {
        yield* promise(() => fs.writeFile(path, whole.subarray(0, length)))
        assert.strictEqual(yield* reason("local:a"), "damaged", `${length} bytes`)
      }
      yield* promise(() => fs.writeFile(path, whole))
      assert.strictEqual(yield* value("local:a"), canary)
      yield* promise(() => fs.writeFile(join(store, "store.key"), Buffer.alloc(32)))
      assert.strictEqual(yield* reason("local:a"), "damaged")
      yield* promise(() => fs.writeFile(join(store, "store.key"), Buffer.alloc(31)))
      assert.strictEqual(yield* reason("local:a"), "damaged")
    }).pipe(Effect.scoped)
  )

  it.effect("two equal secrets look different", () =>
    Effect.gen(function* () {
      const { store } = yield* world
      yield* set(store, "a")
      const first = yield* promise(() => fs.readFile(join(store, "a.secret")))
      yield* set(store, "a")
      assert.isFalse(first.equals(yield* promise(() => fs.readFile(join(store, "a.secret")))))
    }).pipe(Effect.scoped)
  )

  it.effect("many that set their first secrets at the same time agree on one key", () =>
    Effect.gen(function* () {
      const { store, value } = yield* world
      const names = Array.from({ length: 16 }, (_, index) => `n${index}`)
      yield* Effect.forEach(names, (name) => set(store, name, name), { concurrency: "unbounded" })
      for (const name of names) assert.strictEqual(yield* value(`local:${name}`), name)
    }).pipe(Effect.scoped)
  )

  it.effect("lists names only, sorted, and removes", () =>
    Effect.gen(function* () {
      const { reason, store } = yield* world
      assert.deepStrictEqual(yield* list(store), [])
      yield* set(store, "b")
      yield* set(store, "a")
      assert.deepStrictEqual(yield* list(store), ["a", "b"])
      assert.isTrue(yield* remove(store, "a"))
      assert.isFalse(yield* remove(store, "a"))
      assert.strictEqual(yield* reason("local:a"), "not_set")
    }).pipe(Effect.scoped)
  )

  it.effect("a name cannot lead out of the store", () =>
    Effect.gen(function* () {
      const { reason, store } = yield* world
      yield* set(store, "a")
      for (const name of ["../secrets/a", "a/../a", ".a", "store.key", "a.secret/../a", "A\u0430", "x".repeat(97)]) {
        assert.strictEqual(yield* reason(`local:${name}`), "not_set", name)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("a link in a secret's place is refused", () =>
    Effect.gen(function* () {
      const { reason, store } = yield* world
      yield* set(store, "a")
      yield* promise(() => fs.symlink(join(store, "a.secret"), join(store, "b.secret")))
      assert.strictEqual(yield* reason("local:b"), "unreadable")
    }).pipe(Effect.scoped)
  )

  it.effect("a refusal shows neither the secret nor the place", () =>
    Effect.gen(function* () {
      const { store } = yield* world
      yield* promise(() => fs.writeFile(store, "in the way"))
      const refused = yield* Effect.flip(set(store, "a"))
      const shown = `${inspect(refused, { depth: 9 })}${JSON.stringify(refused)}${refused.message}`
      assert.notInclude(shown, canary)
      assert.notInclude(refused.message, store)
    }).pipe(Effect.scoped)
  )
})
