/** Profiles as the owner of a runtime declares them, and how they look to those who create workers. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ProfileFile from "../../src/adapters/executors/ProfileFile.ts"
import { run } from "../../src/app/cli/Program.ts"
import type { LaunchOptions } from "../../src/domain/api/BrowserWire.ts"
import { TestConsole } from "effect/testing"
import * as BackendLayer from "../backend/BackendLayer.ts"
import { runtimeWith, scripted, world } from "./ExecutorWorld.ts"

const minimal = `[[profiles]]\nid = "a"\nlabel = "A"\nexecutor = "command"\ncommand = ["true"]\n`
const canary = "canary-91e4"

const file = (text: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "profiles-"))
      const path = join(folder, "profiles.toml")
      writeFileSync(path, text, { mode: 0o600 })
      return { folder, path }
    }),
    ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )

const refusal = (text: string) => Effect.flip(ProfileFile.decode(text))

describe("a profile file", () => {
  it.effect("needs little: the rest has defaults", () =>
    Effect.gen(function* () {
      const [profile] = yield* ProfileFile.decode(minimal)
      assert.strictEqual(profile?.folder.policy, "per_worker")
      assert.deepStrictEqual(profile?.env, { allow: ["PATH", "HOME", "LANG", "TZ"], set: {}, secrets: {} })
      assert.strictEqual(profile?.limits.concurrent_workers, 16)
    })
  )

  it.effect("that is empty declares nothing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* ProfileFile.decode(""), [])
    })
  )

  it.effect.each([
    ["an unknown key", `${minimal}shell = "${canary}"`, "/shell unexpected"],
    ["an unknown limit", `${minimal}[profiles.limits]\ntime = 1`, "/limits/time unexpected"],
    ["a limit out of its bounds", `${minimal}[profiles.limits]\nwall_ms = 1`, "/limits/wall_ms invalid"],
    ["a command line as one text", minimal.replace(`["true"]`, `"${canary}"`), "/command wrong_type"],
    ["an empty command line", minimal.replace(`["true"]`, `[]`), "/command invalid"],
    ["an id that is none", minimal.replace(`"a"`, `"../${canary}"`), "/id invalid"],
    ["an executor that is none", minimal.replace(`"command"`, `"${canary}"`), "/executor"],
    ["a variable that is none", `${minimal}[profiles.env]\nallow = ["A=${canary}"]`, "/env/allow/0 invalid"]
  ] as const)("with %s is refused by its place, without its text", ([, text, place]) =>
    Effect.gen(function* () {
      const { message } = yield* refusal(text)
      assert.include(message, "Profile 1")
      assert.include(message, place)
      assert.notInclude(message, canary)
    })
  )

  it.effect.each([
    ["two profiles of one id", minimal + minimal, "Profile 2 has the id"],
    ["something else", `[other]\nx = "${canary}"`, "nothing else"],
    ["too many profiles", "[[profiles]]\n".repeat(101), "at most 100"],
    ["no TOML", `a = ${canary} ${canary}`, "not valid TOML"]
  ] as const)("with %s is refused", ([, text, sentence]) =>
    Effect.gen(function* () {
      const { message } = yield* refusal(text)
      assert.include(message, sentence)
      assert.notInclude(message, canary)
    })
  )

  it.effect("that others may write is refused: who writes it decides what runs here", () =>
    Effect.gen(function* () {
      const { path } = yield* file(minimal)
      assert.strictEqual((yield* ProfileFile.load(path)).length, 1)
      chmodSync(path, 0o622)
      assert.strictEqual((yield* Effect.flip(ProfileFile.load(path))).reason, "writable_by_others")
    })
  )

  it.effect("that is too large, is no file or is not there is refused", () =>
    Effect.gen(function* () {
      const { folder, path } = yield* file(`#${"x".repeat(ProfileFile.maxFileBytes)}`)
      assert.strictEqual((yield* Effect.flip(ProfileFile.load(path))).reason, "too_large")
      assert.strictEqual((yield* Effect.flip(ProfileFile.load(folder))).reason, "unreadable")
      assert.strictEqual((yield* Effect.flip(ProfileFile.load(join(folder, "other")))).reason, "missing")
    })
  )

  it.effect("that cannot be used keeps `runtime serve` from starting, and one line says why", () =>
    Effect.gen(function* () {
      const { path } = yield* file(`${minimal}shell = "${canary}"`)
      yield* Effect.flip(run(["runtime", "serve", "--bind", "127.0.0.1:0", "--profiles", path]))
      const said = yield* TestConsole.errorLines
      assert.strictEqual(said.length, 1)
      assert.include(String(said[0]), "/shell unexpected")
    })
  )
})

describe("a profile that cannot be used", () => {
  const broken = `${minimal.replace(`"true"`, `"no-such-program-${canary}"`)}\n${minimal.replace(`"a"`, `"b"`)}folder = { policy = "shared", path = "missing" }\n`

  it.effect("says why, without a path, and refuses workers with the same words", () =>
    Effect.gen(function* () {
      const runtime = yield* runtimeWith(broken)
      const { profiles } = yield* runtime.describe
      assert.deepStrictEqual(
        profiles.map(({ unavailable }) => unavailable),
        [
          undefined,
          "The profile's program is not on the runtime's machine, or may not be run.",
          "The profile's working folder is not there."
        ]
      )
      const refused = yield* Effect.flip(runtime.create({ profile: { kind: "named", value: "a" } }, {}))
      assert.strictEqual(refused._tag, "execution_backend_unavailable")
      assert.strictEqual(refused.message, profiles[1]?.unavailable)
    })
  )

  it.effect("and one that nobody declared is refused by name", () =>
    Effect.gen(function* () {
      const runtime = yield* runtimeWith(minimal)
      const refused = yield* Effect.flip(runtime.create({ profile: { kind: "named", value: "other" } }, {}))
      assert.strictEqual(refused._tag, "invalid_profile_selector")
    })
  )

  it.live("of a command has workers whose text is shown as it is, of the echo none", () =>
    Effect.gen(function* () {
      const { path } = yield* file(minimal)
      const served = yield* Effect.acquireRelease(
        Effect.promise(() => BackendLayer.serve({ profiles: path })),
        ({ stop }) => Effect.promise(stop)
      )
      const create = (profile: string) =>
        Effect.promise(() =>
          fetch(`${served.url}/api/runtimes/backend-internal/workers`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ profile })
          }).then((it) => it.json() as Promise<{ readonly worker: { readonly text_format?: string } }>)
        )
      assert.strictEqual((yield* create("named:a")).worker.text_format, "plain")
      assert.isFalse("text_format" in (yield* create("builtin:echo")).worker)
    })
  )

  it.live("is told in the launch options instead of being offered", () =>
    Effect.gen(function* () {
      const { path } = yield* file(`${broken}\n${minimal.replace(`"a"`, `"c"`)}`)
      const served = yield* Effect.acquireRelease(
        Effect.promise(() => BackendLayer.serve({ profiles: path })),
        ({ stop }) => Effect.promise(stop)
      )
      const options = yield* Effect.promise(() =>
        fetch(`${served.url}/api/launch-options`).then((it) => it.json() as Promise<LaunchOptions>)
      )
      const [runtime] = options.runtimes
      assert.deepStrictEqual(runtime?.profiles, ["builtin:echo", "named:c"])
      assert.deepStrictEqual(
        runtime?.diagnostics.map((it) => it.code),
        ["profile_unavailable", "profile_unavailable"]
      )
      assert.include(runtime?.diagnostics[0]?.message ?? "", "named:a")
      assert.notInclude(JSON.stringify(options), canary)
    })
  )

  it.effect("because its secret is not there refuses its workers by the secret's name", () =>
    Effect.gen(function* () {
      const { executor } = yield* world(scripted("", `[profiles.env.secrets]\nTOKEN = "test:OTHER-${canary}"`))
      assert.isUndefined(executor.profiles[1]?.unavailable)
      const runtime = yield* runtimeWith(scripted("", `[profiles.env.secrets]\nTOKEN = "test:OTHER-${canary}"`))
      const refused = yield* Effect.flip(runtime.create({ profile: { kind: "named", value: "p" } }, {}))
      assert.strictEqual(refused._tag, "execution_backend_unavailable")
      assert.include(refused.message, "TOKEN")
      assert.notInclude(refused.message, canary)
    })
  )
})
