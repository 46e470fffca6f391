import { execFileSync } from "node:child_process"
import * as fs from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as FileSecrets from "./FileSecrets.ts"
import { folder, resolver, write } from "./secrets.fixture.ts"

/** `tokens` may be named through the API; `store` is the backend's own. */
const world = Effect.gen(function* () {
  const base = yield* folder
  const secrets = yield* resolver(
    FileSecrets.layer({
      base,
      roots: [join(base, "tokens")],
      reserved: [join(base, "store"), join(base, "config.toml")]
    })
  )
  return { base, ...secrets }
})

const promise = (run: () => Promise<unknown>) => Effect.promise(run)

describe("file secrets", () => {
  it.effect("a relative path starts at the base, and a changed file is the changed secret", () =>
    Effect.gen(function* () {
      const { base, value } = yield* world
      yield* write(join(base, "tokens/a"), "one\n")
      assert.strictEqual(yield* value("file:tokens/a"), "one")
      yield* write(join(base, "tokens/a"), "two")
      assert.strictEqual(yield* value("file:tokens/a"), "two")
      assert.strictEqual(yield* value(`file:${base}/tokens/a`), "two")
    }).pipe(Effect.scoped)
  )

  for (const mode of [0o604, 0o640, 0o620, 0o601, 0o644]) {
    it.effect(`a file of mode ${mode.toString(8)} is refused`, () =>
      Effect.gen(function* () {
        const { base, reason } = yield* world
        yield* write(join(base, "tokens/a"), "one", mode)
        assert.strictEqual(yield* reason("file:tokens/a"), "readable_by_others")
      }).pipe(Effect.scoped)
    )
  }

  it.effect("what is not a file, not there or too large is refused in one word", () =>
    Effect.gen(function* () {
      const { base, reason } = yield* world
      yield* promise(() => fs.mkdir(join(base, "tokens/folder"), { recursive: true }))
      execFileSync("mkfifo", ["-m", "600", join(base, "tokens/pipe")])
      yield* write(join(base, "tokens/large"), "x".repeat(9_000))
      yield* promise(() => fs.symlink(join(base, "tokens/loop"), join(base, "tokens/loop")))
      assert.strictEqual(yield* reason("file:tokens/folder"), "unreadable")
      assert.strictEqual(yield* reason("file:tokens/pipe"), "unreadable")
      assert.strictEqual(yield* reason("file:tokens/large"), "too_large")
      assert.strictEqual(yield* reason("file:tokens/loop"), "unreadable")
      assert.strictEqual(yield* reason("file:tokens/missing"), "not_set")
    }).pipe(Effect.scoped)
  )

  it.effect("nobody's reference leads to the backend's own files, by whatever way", () =>
    Effect.gen(function* () {
      const { admitted, base, reason } = yield* world
      yield* write(join(base, "store/store.key"), "key")
      yield* write(join(base, "config.toml"), "x = 1")
      yield* write(join(base, "tokens/a"), "one")
      yield* promise(() => fs.symlink(join(base, "store/store.key"), join(base, "tokens/link")))
      yield* promise(() => fs.symlink(join(base, "store"), join(base, "tokens/folder-link")))
      for (const path of [
        "store/store.key",
        "store",
        "tokens/../store/store.key",
        "tokens/link",
        "tokens/folder-link/store.key",
        "config.toml",
        `${base}/store/store.key`
      ]) {
        assert.strictEqual(yield* reason(`file:${path}`), "reserved_place", path)
        assert.strictEqual(yield* admitted(`file:${path}`), "reserved_place", path)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("through the API only the allowed folders can be named, whether the file is there or not", () =>
    Effect.gen(function* () {
      const { admitted, base, value } = yield* world
      yield* write(join(base, "outside"), "mine")
      yield* write(join(base, "tokens/a"), "one")
      yield* write(join(base, "tokens-too/a"), "one")
      yield* promise(() => fs.symlink(join(base, "outside"), join(base, "tokens/link")))
      assert.strictEqual(yield* value("file:outside"), "mine")
      for (const path of ["tokens/a", "tokens/new", "tokens/deep/new", `${base}/tokens/a`]) {
        assert.strictEqual(yield* admitted(`file:${path}`), "yes", path)
      }
      for (const path of [
        "outside",
        "tokens",
        ".",
        "..",
        "/",
        "/etc/passwd",
        "tokens-too/a",
        "tokens/../outside",
        "tokens/../../x",
        "tokens/link",
        "~/.ssh/id_ed25519"
      ]) {
        assert.strictEqual(yield* admitted(`file:${path}`), "outside_allowed_folders", path)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("an allowed folder that is itself a link still lets its files in", () =>
    Effect.gen(function* () {
      const { admitted, base } = yield* world
      yield* write(join(base, "elsewhere/a"), "one")
      yield* promise(() => fs.symlink(join(base, "elsewhere"), join(base, "tokens")))
      assert.strictEqual(yield* admitted("file:tokens/a"), "yes")
    }).pipe(Effect.scoped)
  )

  it("systems' own folders are allowed where the system names them", () => {
    assert.deepStrictEqual(FileSecrets.systemRoots(undefined), ["/run/secrets"])
    assert.deepStrictEqual(FileSecrets.systemRoots(""), ["/run/secrets"])
    assert.deepStrictEqual(FileSecrets.systemRoots("/run/credentials/yoi"), ["/run/secrets", "/run/credentials/yoi"])
  })
})
