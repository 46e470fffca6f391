/** The warden as it is shipped: JavaScript in `dist`, without the sources beside it. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "vitest"
import { eventually } from "../worker-runtime-process/runtimeProcess.ts"
import { processesWith } from "./ExecutorWorld.ts"

const place = mkdtempSync(join(tmpdir(), "packed-"))
afterAll(() => rmSync(place, { recursive: true, force: true }))

/** What the build makes of a file of the executors, whose imports name sources. */
const build = (name: string) => {
  const source = readFileSync(new URL(`../../src/adapters/executors/${name}.ts`, import.meta.url), "utf8")
  const folder = join(place, "dist/adapters/executors")
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.js`), stripTypeScriptTypes(source).replaceAll(/(from "\.[^"]*)\.ts"/g, '$1.js"'))
}

/** Starts a program as the executors do, says so, and dies of it. */
const main = `
import { spawn } from "node:child_process"
import * as Warden from "./dist/adapters/executors/Warden.js"
Warden.expect("mark")
const child = spawn(process.execPath, ["-e", "process.stdout.write('up'); setInterval(() => {}, 1000)"], { detached: true, env: { YOI_WORKER_MARK: "mark", TEST_NAME: process.env.TEST_NAME } })
Warden.started("mark", child.pid)
child.stdout.once("data", () => process.stdout.write("up"))
`

describe("the packed warden", () => {
  it("is found beside what starts it, and ends what a killed runtime has left", async () => {
    for (const name of ["ProcessTable", "ProcessSweep", "Warden", "WardenMain"]) build(name)
    writeFileSync(join(place, "package.json"), `{ "type": "module" }`)
    writeFileSync(join(place, "main.js"), main)
    const name = `packed-test-${process.pid}`
    const runtime = spawn(process.execPath, [join(place, "main.js")], {
      env: { TEST_NAME: name },
      stdio: ["ignore", "pipe", "inherit"]
    })
    await once(runtime.stdout, "data")
    assert.strictEqual(processesWith(name).length, 1)
    runtime.kill("SIGKILL")
    await once(runtime, "exit")
    await eventually(
      async () => processesWith(name).length,
      (count) => count === 0
    )
  })
})
