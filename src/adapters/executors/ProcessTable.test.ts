/** How the lines of a system's process table are read. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ProcessTable from "./ProcessTable.ts"

describe("the process table", () => {
  it("is read from what ps says, in the words of each system", () => {
    const said = `  101     1   101 Ss    1024   0:00.52\n  102   101   101 Z+       0 00:00:00\n  103   101   103 S    20480 1-02:03:04\nps: gone\n`
    const [one, two, three, ...more] = ProcessTable.rowsOf(said)
    assert.deepStrictEqual(more, [])
    assert.deepStrictEqual(one, {
      pid: 101,
      started: "",
      parent: 1,
      group: 101,
      dead: false,
      cpuMs: 520,
      memory: 1_048_576
    })
    assert.isTrue(two?.dead)
    assert.strictEqual(three?.cpuMs, (86_400 + 2 * 3_600 + 3 * 60 + 4) * 1_000)
  })

  it.effect("has this process, told by ps as by the system", () =>
    Effect.gen(function* () {
      const rows = yield* Effect.callback<ReadonlyArray<ProcessTable.ProcessRow> | undefined>((resume) =>
        ProcessTable.ask((rows) => resume(Effect.succeed(rows)))
      )
      const told = rows?.find((row) => row.pid === process.pid)
      assert.strictEqual(told?.parent, process.ppid)
      const here = ProcessTable.rowOf(process.pid)
      if (ProcessTable.listed() === undefined) return assert.isUndefined(here)
      assert.include(ProcessTable.listed() ?? [], process.pid)
      assert.strictEqual(here?.parent, process.ppid)
      assert.strictEqual(here?.group, told?.group)
      const { rss } = process.memoryUsage()
      assert.isTrue(here!.memory > rss / 2 && here!.memory < rss * 2)
      const { system, user } = process.cpuUsage()
      assert.isAtLeast(here!.cpuMs + 50, Math.min(50, (system + user) / 1_000))
    })
  )

  it("has nothing of a process that is not there", () => {
    assert.isUndefined(ProcessTable.rowOf(2 ** 30))
    assert.strictEqual(ProcessTable.environment(2 ** 30), "")
  })
})
