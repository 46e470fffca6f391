import { assert, describe, it } from "@effect/vitest"
import { Scope } from "effect"
import { RuntimeId, WorkerId } from "../Identifiers.ts"
import type { WorkerState } from "../Worker.ts"
import { type HostedWorker, make } from "./HostedWorker.ts"
import { HostedWorkers } from "./HostedWorkers.ts"

const hosted = (name: string, state: WorkerState = "idle"): HostedWorker =>
  make({
    worker: {
      runtime_id: RuntimeId.make("r-1"),
      worker_id: WorkerId.make(name),
      display_name: name,
      profile: { kind: "runtime_default" },
      config_bundle: null,
      state,
      transcript_len: 0,
      last_event_id: 0
    },
    log_epoch: "0123456789abcdef",
    scope: Scope.makeUnsafe(),
    tailLoaded: true
  })

const filled = (...names: ReadonlyArray<string>) => {
  const workers = new HostedWorkers()
  for (const name of names) workers.add(hosted(name))
  return workers
}

const after = (workers: HostedWorkers, name?: string) =>
  Array.from(workers.after(name === undefined ? undefined : WorkerId.make(name)), (it) => it.worker.worker_id as string)

describe("HostedWorkers", () => {
  it("goes on after any worker, in the order of creation, whoever has left before it", () => {
    const workers = filled("w-3", "w-1", "w-2", "w-5", "w-4")
    workers.delete(WorkerId.make("w-3"))
    workers.delete(WorkerId.make("w-2"))
    workers.add(hosted("w-3"))
    assert.deepStrictEqual(after(workers), ["w-1", "w-5", "w-4", "w-3"])
    assert.deepStrictEqual(after(workers, "w-1"), ["w-5", "w-4", "w-3"])
    assert.deepStrictEqual(after(workers, "w-5"), ["w-4", "w-3"])
    assert.deepStrictEqual(after(workers, "w-3"), [])
    assert.strictEqual(workers.size, 4)
  })

  it("counts a worker where it is now, and no longer once it has left", () => {
    const workers = filled("w-1", "w-2")
    const first = workers.get(WorkerId.make("w-1"))!
    first.worker = { ...first.worker, state: "busy" }
    first.worker = { ...first.worker, transcript_len: 1 }
    const none = { idle: 0, busy: 0, errored: 0, stale: 0, stopped: 0, cancelled: 0 }
    assert.deepStrictEqual(workers.counts, { ...none, idle: 1, busy: 1 })
    workers.delete(WorkerId.make("w-1"))
    first.worker = { ...first.worker, state: "stopped" }
    assert.deepStrictEqual(workers.counts, { ...none, idle: 1 })
  })
})
