import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Redacted } from "effect"
import { make, maxSecretBytes, SecretRef, SecretResolver } from "../../domain/SecretResolver.ts"
import * as EnvSecrets from "./EnvSecrets.ts"
import * as FileSecrets from "./FileSecrets.ts"

const scratch = Effect.acquireRelease(
  Effect.sync(() => realpathSync(mkdtempSync(join(tmpdir(), "secrets-")))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const write = (path: string, text: string, mode = 0o600) => {
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

const resolve = (ref: string, options?: FileSecrets.Options) =>
  Effect.gen(function* () {
    const secrets = yield* SecretResolver
    return Redacted.value(yield* secrets.resolve(SecretRef.make(ref)))
  }).pipe(
    Effect.provide(
      Layer.mergeAll(FileSecrets.layer(options), EnvSecrets.layer).pipe(
        Layer.provideMerge(Layer.effect(SecretResolver, make)),
        Layer.provide(NodeServices.layer),
        Layer.merge(ConfigProvider.layer(ConfigProvider.fromUnknown({ TOKEN: "from the environment" })))
      )
    )
  )

const reason = (ref: string, options?: FileSecrets.Options) =>
  Effect.map(Effect.flip(resolve(ref, options)), (problem) => problem.context.reason)

describe("a secret in a file", () => {
  it.effect("is what the file says, without the line break at its end", () =>
    Effect.gen(function* () {
      const folder = yield* scratch
      assert.strictEqual(yield* resolve(`file:${write(join(folder, "a"), "secret\r\n")}`), "secret")
      assert.strictEqual(yield* resolve(`file:${write(join(folder, "b"), "secret", 0o400)}`), "secret")
      const largest = "x".repeat(maxSecretBytes)
      assert.strictEqual(yield* resolve(`file:${write(join(folder, "c"), `${largest}\n`)}`), largest)
    })
  )

  it.effect("is refused for every bit that lets others at it", () =>
    Effect.gen(function* () {
      const folder = yield* scratch
      for (const bit of [0o040, 0o020, 0o010, 0o004, 0o002, 0o001]) {
        const path = write(join(folder, bit.toString(8)), "secret", 0o600 | bit)
        assert.strictEqual(yield* reason(`file:${path}`), "readable_by_others")
      }
    })
  )

  it.effect("is refused when it is no regular file, too large or not there", () =>
    Effect.gen(function* () {
      const folder = yield* scratch
      assert.strictEqual(yield* reason(`file:${folder}`), "unreadable")
      assert.strictEqual(yield* reason("file:/dev/null"), "unreadable")
      assert.strictEqual(yield* reason(`file:${join(folder, "none")}`), "unreadable")
      assert.strictEqual(yield* reason(`file:${write(join(folder, "l"), "x".repeat(maxSecretBytes + 3))}`), "too_large")
    })
  )

  it.effect("must really be in one of the allowed folders, where there are such", () =>
    Effect.gen(function* () {
      const folder = yield* scratch
      const inside = join(folder, "in")
      mkdirSync(inside)
      const secret = write(join(inside, "a"), "secret")
      const outside = write(join(folder, "b"), "other")
      symlinkSync(outside, join(inside, "link"))
      const options = { roots: [inside] }
      assert.strictEqual(yield* resolve(`file:${secret}`, options), "secret")
      const outsides = [outside, join(inside, "link"), join(inside, "..", "b"), `${inside}-not/a`]
      mkdirSync(`${inside}-not`)
      write(`${inside}-not/a`, "other")
      for (const path of outsides) {
        assert.strictEqual(yield* reason(`file:${path}`, options), "outside_allowed_folders", path)
      }
    })
  )
})

describe("a secret in the environment", () => {
  it.effect("is the variable's value", () =>
    Effect.map(resolve("env:TOKEN"), (value) => assert.strictEqual(value, "from the environment"))
  )

  it.effect.each(["env:NOT_THERE", "env:not a name", "env:1A"])("is not found under %s", (ref) =>
    Effect.map(reason(ref), (said) => assert.strictEqual(said, "not_set"))
  )
})
