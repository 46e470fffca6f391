/** `contract verify` as a stranger runs it: against a sound runtime, a broken one, and none at all. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { command } from "../backend/BackendProcess.ts"
import * as BrokenRuntime from "./BrokenRuntime.ts"
import { committed } from "./Case.ts"
import * as RuntimeInProcess from "./RuntimeInProcess.ts"
import { token } from "./runtimeCall.ts"

let runtime: RuntimeInProcess.RuntimeInProcess
let broken: BrokenRuntime.BrokenRuntime
let dir = ""
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "contract-verify-"))
  runtime = await RuntimeInProcess.start()
  broken = await BrokenRuntime.open(runtime.port)
})
afterAll(async () => {
  await broken?.close()
  await runtime?.stop()
  rmSync(dir, { recursive: true, force: true })
})

const verify = (url: string, ...more: ReadonlyArray<string>) =>
  command(
    ["contract", "verify", "--provider", "worker-runtime", "--url", url, "--token-ref", "env:RUNTIME_TOKEN", ...more],
    { RUNTIME_TOKEN: token }
  )

/** The pact with some of its interactions. */
const pactOf = (keep: (state: string, description: string) => boolean): string => {
  const pact = JSON.parse(readFileSync(join(committed, "workspace-backend-worker-runtime.json"), "utf8")) as {
    interactions: ReadonlyArray<{ description: string; providerStates: ReadonlyArray<{ name: string }> }>
  }
  const interactions = pact.interactions.filter((it) => keep(it.providerStates[0]!.name, it.description))
  const file = join(dir, "part.json")
  writeFileSync(file, JSON.stringify({ ...pact, interactions }))
  return file
}

describe("a sound runtime", () => {
  it("passes, and what could not be brought about is skipped by name", async () => {
    const ended = await verify(`http://127.0.0.1:${runtime.port}`)
    assert.strictEqual(ended.code, 0, ended.stdout + ended.stderr)
    assert.match(ended.stdout, /\n74 passed, 0 failed, 24 skipped\n$/)
    assert.include(ended.stdout, "skip  input while the runtime shuts down (a runtime that is shutting down): ")
  })

  it("is not verified by skips alone", async () => {
    const pact = pactOf((state) => state === "a runtime that is shutting down")
    const ended = await verify(`http://127.0.0.1:${runtime.port}`, "--pact", pact)
    assert.strictEqual(ended.code, 1)
    assert.include(ended.stderr, "Everything was skipped, so nothing was verified.")
  })

  it("is not verified by a pact without interactions", async () => {
    const ended = await verify(
      `http://127.0.0.1:${runtime.port}`,
      "--pact",
      pactOf(() => false)
    )
    assert.strictEqual(ended.code, 1)
    assert.include(ended.stderr, "no interactions")
  })
})

describe("a broken runtime", () => {
  it("fails in words, with a command line that shows the same and no token", async () => {
    const junit = join(dir, "junit.xml")
    const json = join(dir, "result.json")
    const pact = pactOf((_, it) => ["one worker", "input of a worker that is busy", "the config bundles"].includes(it))
    const ended = await verify(broken.url, "--pact", pact, "--junit", junit, "--json", json)
    assert.strictEqual(ended.code, 1, ended.stdout)
    assert.include(ended.stderr, "The runtime breaks the contract.")
    for (const line of [
      "FAIL  one worker (an idle worker)",
      '$.worker.last_event_id is "1" and has to be a whole number',
      '$.worker.status is "active" and has to match ^(running|stopped|cancelled)$',
      "the status is 500 and has to be 409",
      "the body is not JSON",
      `$ curl -i -X POST '${broken.url}/v1/workers/`,
      '-H "authorization: Bearer $TOKEN"',
      "1 passed, 2 failed, 0 skipped"
    ]) {
      assert.include(ended.stdout, line)
    }
    const xml = readFileSync(junit, "utf8")
    assert.include(xml, 'tests="3" failures="2" skipped="0"')
    const result = JSON.parse(readFileSync(json, "utf8")) as { totals: unknown }
    assert.deepStrictEqual(result.totals, { passed: 1, failed: 2, skipped: 0 })
    for (const said of [ended.stdout, ended.stderr, xml, JSON.stringify(result)]) assert.notInclude(said, token)
  })

  it("that is not there fails every interaction", async () => {
    const gone = await BrokenRuntime.open(runtime.port)
    await gone.close()
    const ended = await verify(
      gone.url,
      "--pact",
      pactOf((state) => state === "a runtime")
    )
    assert.strictEqual(ended.code, 1)
    assert.include(ended.stdout, "The peer refused the connection")
    assert.match(ended.stdout, /\n0 passed, [1-9][0-9]* failed, 0 skipped\n$/)
  })
})

describe("wrong usage", () => {
  it("is one line and exit 2, and a raw token is not repeated", async () => {
    const raw = "raw-token-that-nobody-should-see"
    const ended = await command([
      "contract",
      "verify",
      "--provider",
      "worker-runtime",
      "--url",
      broken.url,
      "--token-ref",
      raw
    ])
    assert.strictEqual(ended.code, 2)
    assert.notInclude(ended.stderr + ended.stdout, raw)
    assert.lengthOf(ended.stderr.trim().split("\n"), 1)
  })
})
