/** `conformance run` as a team of another runtime or plugin uses it: what it prints, writes and answers to a script. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { cases, groupOf, Report } from "../../src/domain/conformance/Conformance.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import * as RuntimeProcess from "../support/RuntimeProcess.ts"
import { folder, run } from "../worker-runtime-process/runtimeProcess.ts"

const token = "command-conformance-token-4411"
const command = (...args: ReadonlyArray<string>) =>
  Effect.promise(() => run(["conformance", "run", ...args], { CONFORMANCE_TOKEN: token }))
const module = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const timeout = 60_000

/** A port on which nobody listens. */
const closedPort = Effect.scoped(Effect.map(FaultProxy.make(0), ({ port }) => port))

const reportIn = (path: string) => Schema.decodeEffect(Schema.fromJsonString(Report))(readFileSync(path, "utf8"))

describe("conformance run", () => {
  it.live(
    "tries a runtime that runs, with a wrong token too, and leaves its report in three forms",
    () =>
      Effect.gen(function* () {
        const { port } = yield* RuntimeProcess.make({ token })
        const { path, remove } = folder()
        yield* Effect.addFinalizer(() => Effect.sync(remove))
        const [json, junit] = [join(path, "report.json"), join(path, "report.xml")]
        const { code, stderr, stdout } = yield* command(
          `--url=http://127.0.0.1:${port}`,
          "--token-ref=env:CONFORMANCE_TOKEN",
          "--only=secrets",
          `--json=${json}`,
          `--junit=${junit}`
        )
        assert.strictEqual(code, 0, stdout)
        const report = yield* reportIn(json)
        const chosen = cases.filter((it) => groupOf(it) === "secrets")
        assert.deepStrictEqual(
          report.outcomes.map(({ id, verdict }) => [id, verdict]),
          chosen.map(({ id }) => [id, "passed"])
        )
        assert.include(readFileSync(junit, "utf8"), `tests="${chosen.length}" failures="0"`)
        for (const shown of [stdout, stderr, readFileSync(json, "utf8")]) {
          assert.notInclude(shown, token)
          assert.notInclude(shown, String(port))
        }
      }).pipe(Effect.scoped),
    timeout
  )

  it.live(
    "tries the kind of a plugin, and answers 3 when the wanted tier is not reached",
    () =>
      Effect.gen(function* () {
        const mock = module("../../src/plugins/mock/index.ts")
        const { code, stderr, stdout } = yield* command("--plugin", mock, "--tier", "durable")
        assert.match(stdout, /^Conformance of the kind mock \(mock\)\n/)
        assert.match(stderr, /The tier is streaming and not durable\.\n$/)
        assert.strictEqual(code, 3)
      }),
    timeout
  )

  it.live(
    "names the case that a broken plugin fails, and answers 3",
    () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* command(
          "--plugin",
          module("brokenKind.fixture.ts"),
          "--only",
          "operations"
        )
        assert.strictEqual(code, 3)
        assert.match(stdout, /\nFAILED +operations\.stop .*\n +→ worker\.stop failed with worker_not_running: /)
        assert.match(stdout, /\nTier: not shown, since not every case was run\n$/)
        assert.match(stderr, /\d+ cases? failed\.\n$/)
      }),
    timeout
  )

  it.live(
    "says in one line what is wrong with how it was called, and repeats no secret",
    () =>
      Effect.gen(function* () {
        const port = yield* closedPort
        const url = `--url=http://127.0.0.1:${port}`
        for (const [args, code, says] of [
          [[], 2, /--url/],
          [[url, "--token-ref", token], 2, /never the token itself/],
          [[url, "--only", "resme"], 2, /--only takes/],
          [["--plugin", module("Laboratory.ts")], 1, /exports no definition/],
          [[url], 1, /runtime_unreachable/]
        ] as const) {
          const ended = yield* command(...args)
          assert.strictEqual(ended.code, code, ended.stderr)
          assert.match(ended.stderr, says)
          assert.notInclude(ended.stderr, token)
          assert.strictEqual(ended.stderr.trim().split("\n").length, 1, ended.stderr)
        }
      }),
    timeout
  )
})
