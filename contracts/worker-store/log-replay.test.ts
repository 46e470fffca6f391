/** What counts in a log of several segments, some of which were given up. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { LogArena, LogBatch } from "../../src/adapters/stores/LogBatch.ts"
import { kinds } from "../../src/adapters/stores/LogRecord.ts"
import { replay } from "../../src/adapters/stores/LogReplay.ts"
import { create } from "../../src/adapters/stores/LogSegment.ts"
import { writeAll } from "../../src/adapters/stores/WholeWrite.ts"
import { SimulatedDisk } from "./SimulatedDisk.ts"

const folder = "/log"
const start = { lsn: 0, batch: 0, segment: 0 }

/** Writes a segment whose batches hold one record each. */
const segment = Effect.fnUntraced(function* (
  { disk }: SimulatedDisk,
  number: number,
  base: number,
  records: ReadonlyArray<readonly [lsn: number, id: string]>
) {
  const { file, position } = yield* create(disk, folder, { number, base, capacity: 4_096, prepare: 4_096 })
  let at = position
  for (const [lsn, id] of records) {
    const batch = new LogBatch<undefined>(lsn, new LogArena())
    batch.add({ kind: kinds.remove, id, head: "{}", lines: [], events: 0 }, lsn, undefined)
    yield* writeAll(file, batch.buffers, at)
    at += batch.bytes
  }
  return at
})

const log = Effect.gen(function* () {
  const simulated = new SimulatedDisk()
  yield* simulated.disk.makeFolder(folder)
  return simulated
})

describe("replay", () => {
  it.effect("a record that was refused does not come back, though its bytes are in the file", () =>
    Effect.gen(function* () {
      const simulated = yield* log
      yield* segment(simulated, 1, 0, [
        [1, "taken"],
        [2, "refused"]
      ])
      // The next segment builds on record 1: 2 was refused when its sync failed.
      yield* segment(simulated, 2, 1, [[3, "after"]])
      const { records, losses, last } = yield* replay(simulated.disk, folder, start)
      assert.deepStrictEqual(
        records.map(({ id }) => id),
        ["taken", "after"]
      )
      assert.deepStrictEqual(losses, [])
      assert.deepStrictEqual(last, { lsn: 3, batch: 3, segment: 2 })
    })
  )

  it.effect("a segment that is missing in the middle is told as a loss", () =>
    Effect.gen(function* () {
      const simulated = yield* log
      yield* segment(simulated, 1, 0, [[1, "a"]])
      yield* segment(simulated, 2, 1, [[2, "b"]])
      yield* segment(simulated, 3, 2, [[3, "c"]])
      simulated.discard(`${folder}/0000000002.log`)
      const { records, losses } = yield* replay(simulated.disk, folder, start)
      assert.deepStrictEqual(
        records.map(({ id }) => id),
        ["a", "c"]
      )
      assert.deepStrictEqual(losses, [{ head: undefined, acknowledged: true }])
    })
  )

  it.effect("a bad last record of a segment that a later one builds on had been acknowledged", () =>
    Effect.gen(function* () {
      const simulated = yield* log
      const end = yield* segment(simulated, 1, 0, [
        [1, "a"],
        [2, "b"]
      ])
      yield* segment(simulated, 2, 2, [])
      simulated.tamper(`${folder}/0000000001.log`, (content) => {
        content[end - 1]! ^= 1
        return content
      })
      const { losses } = yield* replay(simulated.disk, folder, start)
      assert.deepStrictEqual(
        losses.map(({ head, acknowledged }) => [head?.id, acknowledged]),
        [["b", true]]
      )
    })
  )

  it.effect("what the catalogue has is not replayed", () =>
    Effect.gen(function* () {
      const simulated = yield* log
      yield* segment(simulated, 1, 0, [
        [1, "a"],
        [2, "b"]
      ])
      const { records } = yield* replay(simulated.disk, folder, { ...start, lsn: 1 })
      assert.deepStrictEqual(
        records.map(({ id }) => id),
        ["b"]
      )
    })
  )
})
