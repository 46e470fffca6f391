/** What the sampler counts, with processes of this test: what it breaks is told, not ended. */
import { type ChildProcess, spawn } from "node:child_process"
import { afterEach, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { markVariable } from "./ProcessSweep.ts"
import * as ProcessTable from "./ProcessTable.ts"
import * as ResourceSampler from "./ResourceSampler.ts"

const generous = { memory_bytes: 2 ** 40, processes: 1_000, cpu_ms: 2 ** 40 }
const children: Array<ChildProcess> = []

const child = (mark: string, script: string) => {
  const started = spawn(process.execPath, ["-e", `${script}; process.stdout.write("up")`], {
    detached: true,
    env: { [markVariable]: mark },
    stdio: ["ignore", "pipe", "ignore"]
  })
  children.push(started)
  return Effect.callback<number>((resume) => {
    started.stdout.once("data", () => resume(Effect.succeed(started.pid!)))
  })
}

const idle = "setInterval(() => {}, 1000)"

afterEach(() => {
  for (const mark of ["one", "two"]) ResourceSampler.forget(mark)
  for (const { pid } of children.splice(0)) process.kill(pid!, "SIGKILL")
})

/** Looks until the sampler has told of something, a bounded number of times. */
const told = (codes: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    for (let round = 0; round < 500 && codes.length === 0; round++) {
      ResourceSampler.look()
      yield* Effect.sleep(10)
    }
    return codes[0]
  })

describe("the sampler", () => {
  it.live("counts a process by its group, and by its mark when it is in another; each for its own program", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* child("one", idle), yield* child("two", idle)]
      // In a group of its own, as if it had left the first one's.
      yield* child("one", idle)
      const codes: Array<string> = []
      ResourceSampler.watch("two", two, { ...generous, processes: 1 }, ({ code }) => codes.push(`two ${code}`))
      ResourceSampler.watch("one", one, { ...generous, processes: 1 }, ({ code }) => codes.push(`one ${code}`))
      assert.strictEqual(yield* told(codes), "one process_limit_reached")
      for (let round = 0; round < 20; round++) ResourceSampler.look()
      assert.strictEqual(codes.length, 1)
    })
  )

  it.live("counts processor time anew with every turn, and after it", () =>
    Effect.gen(function* () {
      const pid = yield* child("one", `setImmediate(function f() { setImmediate(f) })`)
      const codes: Array<string> = []
      ResourceSampler.watch("one", pid, { ...generous, cpu_ms: 1_000 }, ({ code }) => codes.push(code))
      for (let round = 0; (ProcessTable.rowOf(pid)?.cpuMs ?? 0) < 1_500; round++) {
        if (round % 2 === 0) ResourceSampler.begin("one")
        else ResourceSampler.rest("one")
        ResourceSampler.look()
        yield* Effect.sleep(10)
      }
      assert.deepStrictEqual(codes, [])
      assert.strictEqual(yield* told(codes), "cpu_time_limit_reached")
    })
  )

  it.live("tells of memory in the unit of the profile", () =>
    Effect.gen(function* () {
      const pid = yield* child("one", idle)
      const codes: Array<string> = []
      ResourceSampler.watch("one", pid, { ...generous, memory_bytes: 16_777_216 }, ({ message }) => codes.push(message))
      assert.include(yield* told(codes), "16 MiB")
    })
  )
})
