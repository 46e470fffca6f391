import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SshTunnel from "./SshTunnel.ts"

const temporaryFolder = (path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = process.env["TMPDIR"]
      process.env["TMPDIR"] = path
      return before
    }),
    (before) =>
      Effect.sync(() => {
        if (before === undefined) delete process.env["TMPDIR"]
        else process.env["TMPDIR"] = before
      })
  )

it.effect("a tunnel whose files cannot be written is a typed problem without their path", () =>
  Effect.gen(function* () {
    yield* temporaryFolder("/dev/null/canary-folder")
    const problem = yield* Effect.flip(
      SshTunnel.open({
        dial: () => Effect.never,
        place: { host: "host.example", port: 22 },
        identity: undefined,
        knownHosts: "host.example ssh-ed25519 AAAA",
        forward: { host: "127.0.0.1", port: 1 },
        problemOf: () => assert.fail("Nothing is dialled.")
      })
    )
    assert.deepStrictEqual([problem._tag, problem.context.reason], ["runtime_unreachable", "folder_unwritable"])
    assert.notInclude(JSON.stringify(problem) + problem.message, "canary")
  }).pipe(Effect.scoped)
)
