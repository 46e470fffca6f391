/** What becomes of programs when their runtime ends, in whatever way: a runtime in a process of its own is ended. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "vitest"
import { eventually, folder, start } from "../worker-runtime-process/runtimeProcess.ts"
import { processesWith, scripted } from "./ExecutorWorld.ts"

const place = folder()
afterAll(place.remove)

/** Does not end when it is asked to, does not notice that nobody listens, and has a child outside of its group. */
const stubborn = `process.on("SIGTERM", () => {}); process.on("SIGINT", () => {}); process.on("SIGHUP", () => {}); setInterval(() => {}, 1000)`
const script = `${stubborn}; require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(stubborn)}], { detached: true, stdio: "ignore" })`

describe("a runtime that ends", () => {
  it.each(["SIGTERM", "SIGKILL"] as const)("by %s leaves no process of its workers", async (signal) => {
    const name = `orphan-test-${process.pid}-${signal}`
    const profiles = join(place.path, `${signal}.toml`)
    const more = `mode = "session"\n[profiles.env.set]\nTEST_NAME = "${name}"\n[profiles.limits]\nstop_ms = 100`
    writeFileSync(profiles, scripted(script, more), { mode: 0o600 })
    const runtime = await start(["--profiles", profiles])
    try {
      const { status } = await runtime.call("POST", "/v1/workers", { profile: { kind: "named", value: "p" } })
      assert.strictEqual(status, 200)
      await eventually(
        async () => processesWith(name).length,
        (count) => count === 2
      )
    } finally {
      runtime.child.kill(signal)
    }
    await runtime.ended
    await eventually(
      async () => processesWith(name).length,
      (count) => count === 0
    )
  })
})
