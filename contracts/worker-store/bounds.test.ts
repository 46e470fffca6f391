/** What the store costs and keeps is bounded: calls of the disk are counted, nothing is timed. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Options } from "../../src/adapters/stores/FileWorkerStore.ts"
import { maxReceiptFiles } from "../../src/adapters/stores/ReceiptFiles.ts"
import { eventFiles } from "../../src/adapters/stores/WorkerFiles.ts"
import { type StoreProblem, WorkerStore } from "../../src/domain/WorkerStore.ts"
import { Author } from "./Author.ts"
import { SimulatedDisk } from "./SimulatedDisk.ts"
import { simulatedStore, small } from "./simulatedStore.ts"

const on = <A, E>(
  disk: SimulatedDisk,
  body: Effect.Effect<A, E, WorkerStore>,
  limits: Partial<Options> = small
): Effect.Effect<A, E | StoreProblem> => Effect.provide(body, simulatedStore(disk, limits), { local: true })

/** Counts the calls of one kind from here on. */
const counting = (disk: SimulatedDisk, operation: string, part = "") => {
  const count = { calls: 0 }
  disk.faults = (_, name, path) => {
    if (name === operation && path.includes(part)) count.calls += 1
    return undefined
  }
  return count
}

const filled = Effect.fnUntraced(function* (items: number) {
  const disk = new SimulatedDisk()
  yield* on(
    disk,
    Effect.gen(function* () {
      const store = yield* WorkerStore
      const author = new Author("a")
      for (let number = 0; number < items; number += 50) {
        yield* store.commit(author.next({ say: Array.from({ length: 50 }, (_, part) => `item ${number + part}`) }))
      }
    }),
    {}
  )
  return disk
})

describe("cost", { timeout: 60_000 }, () => {
  it.effect("the last page takes two reads, however long the transcript is", () =>
    Effect.gen(function* () {
      for (const items of [1_000, 10_000]) {
        const disk = yield* filled(items)
        yield* on(
          disk,
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const reads = counting(disk, "read")
            const page = yield* store.transcript(new Author("a").id, items - 200, 200)
            assert.strictEqual(page.at(-1)?.content, `item ${items - 1}`)
            assert.deepStrictEqual([page.length, reads.calls], [200, 2])
          })
        )
      }
    })
  )

  it.effect("a start takes the same number of calls, however long the history is", () =>
    Effect.gen(function* () {
      const starts = yield* Effect.forEach([100, 10_000], (items) =>
        Effect.gen(function* () {
          const disk = yield* filled(items)
          const before = disk.calls
          yield* on(
            disk,
            Effect.flatMap(WorkerStore, (store) => store.load)
          )
          return disk.calls - before
        })
      )
      assert.strictEqual(starts[0], starts[1])
    })
  )

  it.effect("64 writers that wait together pay for one synced write", () =>
    Effect.gen(function* () {
      const disk = new SimulatedDisk()
      const syncs = yield* on(
        disk,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          // So that the log is idle when they come.
          yield* store.commit(new Author("first").next())
          yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
          const syncs = counting(disk, "write", "/log/0")
          const ids = Array.from({ length: 64 }, (_, index) => `w${index}`)
          yield* Effect.forEach(
            ids,
            Effect.fnUntraced(function* (id) {
              const author = new Author(id)
              for (let number = 0; number < 10; number++) yield* store.commit(author.next({ say: ["x"] }))
            }),
            { concurrency: "unbounded", discard: true }
          )
          return syncs.calls
        }),
        {}
      )
      assert.strictEqual(syncs, 10)
    })
  )

  it.effect("a worker's folder is made and synced by its first checkpoint and by no later one", () =>
    Effect.gen(function* () {
      const disk = new SimulatedDisk()
      yield* on(
        disk,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          const author = new Author("a")
          const calls: Array<string> = []
          disk.faults = (_, operation, path) => {
            if (operation.endsWith("Folder") && path.includes("/workers/")) calls.push(operation)
            if (operation === "open" && path.endsWith("/items")) calls.push("save")
            return undefined
          }
          for (let number = 0; number < 100; number++) yield* store.commit(author.next({ say: ["x".repeat(100)] }))
          assert.isAbove(calls.filter((it) => it === "save").length, 2)
          assert.deepStrictEqual(calls.filter((it) => it !== "save").toSorted(), ["makeFolder", "syncFolder"])
        })
      )
    })
  )

  it.effect("a commit whose caller is interrupted is stored all the same", () =>
    Effect.gen(function* () {
      const disk = new SimulatedDisk()
      yield* on(
        disk,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          const author = new Author("a")
          const fiber = yield* Effect.forkChild(store.commit(author.next({ say: ["x"] })), { startImmediately: true })
          yield* Fiber.interrupt(fiber)
          yield* store.commit(author.next({ say: ["y"] }))
          assert.strictEqual((yield* store.transcript(author.id, 0, 5)).length, 2)
        })
      )
    })
  )
})

describe("retention", { timeout: 60_000 }, () => {
  it.effect("events are kept up to the bound and a part of it, in few files", () =>
    Effect.gen(function* () {
      const disk = new SimulatedDisk()
      const limits = { ...small, retention: { maxEvents: 40 } }
      const author = new Author("a")
      yield* on(
        disk,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          for (let number = 0; number < 500; number++) yield* store.commit(author.next({ events: 1 }))
          const seen = yield* store.events(author.id, 0, 1_000)
          assert.deepStrictEqual(
            seen.map(({ seq }) => seq),
            Array.from({ length: 40 }, (_, index) => 461 + index)
          )
        }),
        limits
      )
      const files = disk.files().filter((path) => path.includes("/events."))
      assert.isAtMost(files.length, eventFiles + 1)
      const seen = yield* on(
        disk,
        Effect.flatMap(WorkerStore, (store) => store.events(author.id, 470, 5)),
        limits
      )
      assert.deepStrictEqual(
        seen.map(({ seq }) => seq),
        [471, 472, 473, 474, 475]
      )
    })
  )

  it.effect("events are bounded by bytes as well", () =>
    Effect.gen(function* () {
      const disk = new SimulatedDisk()
      const author = new Author("a")
      yield* on(
        disk,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          for (let number = 0; number < 200; number++) yield* store.commit(author.next({ say: ["x".repeat(1_000)] }))
        }),
        { ...small, retention: { maxEventBytes: 20_000 } }
      )
      const bytes = disk
        .files()
        .filter((path) => path.includes("/events."))
        .reduce((sum, path) => sum + disk.content(path).length, 0)
      assert.isAtLeast(bytes, 20_000)
      assert.isAtMost(bytes, 20_000 + 2 * (20_000 / eventFiles + 2_000))
    })
  )

  const receipt = (number: number, expires_at: number) => ({
    key: `key-${number}`,
    fingerprint: "f",
    answer: { number },
    expires_at
  })

  it.effect("receipts beyond the bound are forgotten, the oldest first, and that is told", () =>
    Effect.gen(function* () {
      const disk = new SimulatedDisk()
      const limits = { ...small, retention: { maxReceipts: 10 } }
      yield* on(
        disk,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          const author = new Author("a")
          for (let number = 1; number <= 100; number++) {
            yield* store.commit(author.next({ receipt: receipt(number, 86_400_000) }))
          }
        }),
        limits
      )
      yield* on(
        disk,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          assert.deepStrictEqual(
            (yield* store.load).receipts.map(({ key }) => key),
            Array.from({ length: 10 }, (_, index) => `key-${91 + index}`)
          )
          assert.include(
            (yield* store.diagnostics).map(({ code }) => code),
            "store.receipts_forgotten"
          )
        }),
        limits
      )
    })
  )

  it.effect("many short runs leave few files of receipts, and expired ones leave none", () =>
    Effect.gen(function* () {
      const disk = new SimulatedDisk()
      const runs = maxReceiptFiles + 6
      let author = new Author("a")
      for (let run = 1; run <= runs; run++) {
        yield* on(
          disk,
          Effect.gen(function* () {
            const store = yield* WorkerStore
            yield* store.commit(author.next({ receipt: receipt(run, 86_400_000) }))
          })
        )
      }
      const files = () => disk.files().filter((path) => path.includes("/receipts/")).length
      assert.isAtMost(files(), maxReceiptFiles)
      const { receipts } = yield* on(
        disk,
        Effect.flatMap(WorkerStore, (store) => store.load)
      )
      assert.strictEqual(receipts.length, runs)
      yield* TestClock.adjust("2 days")
      yield* on(disk, Effect.void)
      assert.strictEqual(files(), 0)
    })
  )

  it.effect("a removed worker leaves no file behind", () =>
    Effect.gen(function* () {
      const disk = new SimulatedDisk()
      const author = new Author("a")
      yield* on(
        disk,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          for (let number = 0; number < 30; number++) yield* store.commit(author.next({ say: ["x".repeat(200)] }))
          assert.isNotEmpty(disk.files().filter((path) => path.includes("/workers/")))
          yield* store.remove(author.id)
        })
      )
      assert.deepStrictEqual(
        disk.files().filter((path) => path.includes("/workers/")),
        []
      )
    })
  )
})
