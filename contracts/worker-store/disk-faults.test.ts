/** A disk that refuses: the caller is told in type, nothing acknowledged is lost, nothing refused comes back. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { WorkerId } from "../../src/domain/Identifiers.ts"
import { type StoreProblem, WorkerStore } from "../../src/domain/WorkerStore.ts"
import { Author } from "./Author.ts"
import { bundle } from "./bundle.ts"
import { Dice } from "./Dice.ts"
import { type Fault, SimulatedDisk } from "./SimulatedDisk.ts"
import { simulatedStore, small } from "./simulatedStore.ts"

const on = <A, E>(disk: SimulatedDisk, body: Effect.Effect<A, E, WorkerStore>): Effect.Effect<A, E | StoreProblem> =>
  Effect.provide(body, simulatedStore(disk, small), { local: true })

const faults: ReadonlyArray<readonly [name: string, fault: Fault]> = [
  ["EIO", { code: "EIO" }],
  ["ENOSPC", { code: "ENOSPC" }],
  ["a short write", { code: "ENOSPC", short: 40 }]
]
const commits = 14
const text = (number: number): string => `item ${number} ${"x".repeat(200)}`

/** Commits until each was taken; answers how many refusals that cost. */
const persist = Effect.fnUntraced(function* (author: Author) {
  const store = yield* WorkerStore
  let refusals = 0
  for (let number = 0; number < commits; number++) {
    const commit = author.draft({ say: [text(number)] })
    while (true) {
      const exit = yield* Effect.exit(store.commit(commit))
      if (Exit.isSuccess(exit)) break
      refusals += 1
      assert.isAtMost(refusals, 4, "one fault is told a few times at most")
      const refused = yield* Effect.flip(exit)
      assert.strictEqual(refused._tag, "store_io")
      assert.notMatch(`${refused.message} ${JSON.stringify(refused.context)}`, /srv|\//)
      const { workers } = yield* store.load
      assert.deepStrictEqual(workers[0]?.worker.transcript_len ?? 0, author.worker.transcript_len, "as before the call")
    }
    author.accept(commit)
  }
  return refusals
})

const intact = Effect.fnUntraced(function* (author: Author, where: string) {
  const store = yield* WorkerStore
  const { workers, damaged } = yield* store.load
  assert.deepStrictEqual(damaged, [], where)
  assert.deepStrictEqual(workers, [{ worker: author.worker, log_epoch: author.logEpoch }], where)
  const items = yield* store.transcript(author.id, 0, 1_000)
  assert.deepStrictEqual(
    items.map((item) => item.content),
    Array.from({ length: commits }, (_, number) => text(number)),
    where
  )
  const events = yield* store.events(author.id, 0, 1_000)
  assert.strictEqual(events.length, commits, where)
})

describe("one call of the disk fails", () => {
  for (const [name, fault] of faults) {
    it.effect(
      `${name} at any call: told, survived, and all is there after a kill and after a power loss`,
      () =>
        Effect.gen(function* () {
          const calls = yield* Effect.gen(function* () {
            const disk = new SimulatedDisk()
            yield* on(disk, persist(new Author("a")))
            return disk.calls
          })
          assert.isAbove(calls, 100)
          for (let at = 1; at <= calls; at++) {
            const where = `${name} at call ${at}`
            let disk = new SimulatedDisk()
            disk.faults = (call, operation) =>
              call === at && (fault.short === undefined || operation === "write") ? fault : undefined
            let author = new Author("a")
            const exit = yield* Effect.exit(on(disk, persist(author)))
            if (Exit.isFailure(exit)) {
              // The store did not open; the next attempt does.
              const refused = yield* Effect.flip(exit)
              assert.strictEqual((refused as StoreProblem)._tag, "store_io", where)
              author = new Author("a")
              disk = disk.afterKill()
              yield* on(disk, persist(author))
            }
            yield* on(disk.copy(), intact(author, `${where}, killed`))
            yield* on(disk.afterPowerLoss(new Dice(at)), intact(author, `${where}, power lost`))
          }
        }),
      60_000
    )
  }
})

describe("a synced write that fails", () => {
  it.effect("makes the store put all that was acknowledged elsewhere before it acknowledges more", () =>
    Effect.gen(function* () {
      const disk = new SimulatedDisk()
      const author = new Author("a")
      const image = yield* on(
        disk,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          yield* store.commit(author.next({ say: ["before"] }))
          let failed = false
          disk.faults = (_, operation, path) => {
            if (failed || operation !== "write" || !path.includes("/log/")) return undefined
            failed = true
            return { code: "EIO" }
          }
          yield* Effect.flip(store.commit(author.draft({ say: ["refused"] })))
          yield* store.commit(author.next({ say: ["after"] }))
          return disk.copy()
        })
      )
      // What was around the failed write turns out to be unreadable.
      image.discard("/srv/store/log/0000000001.log")
      const contents = yield* on(
        image,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          assert.deepStrictEqual((yield* store.load).damaged, [])
          return (yield* store.transcript(author.id, 0, 10)).map((item) => item.content)
        })
      )
      assert.deepStrictEqual(contents, ["before", "after"])
    })
  )
})

describe("a full disk", () => {
  it.effect("commits are refused in type, reads go on, and with room again the store does too", () =>
    Effect.gen(function* () {
      const disk = new SimulatedDisk()
      const author = new Author("a")
      yield* on(
        disk,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          yield* store.commit(author.next({ say: ["before"] }))
          disk.faults = (_, operation) =>
            operation === "write" || operation === "open" ? { code: "ENOSPC" } : undefined
          for (let attempt = 0; attempt < 3; attempt++) {
            const refused = yield* Effect.flip(store.commit(author.draft({ say: ["refused"] })))
            assert.strictEqual(refused._tag, "store_io")
            assert.deepStrictEqual(refused.context, { reason: "full" })
            assert.strictEqual((yield* Effect.flip(store.putBundle(bundle("b"))))._tag, "store_io")
            assert.strictEqual((yield* store.transcript(author.id, 0, 5)).length, 1)
            assert.include(
              (yield* store.diagnostics).map(({ code }) => code),
              "store.failed"
            )
          }
          disk.faults = () => undefined
          yield* store.commit(author.next({ say: ["after"] }))
          assert.deepStrictEqual(yield* store.diagnostics, [])
        })
      )
      const contents = yield* on(
        disk.afterPowerLoss(new Dice(1)),
        Effect.gen(function* () {
          const store = yield* WorkerStore
          assert.deepStrictEqual((yield* store.load).bundles, [])
          return (yield* store.transcript(author.id, 0, 5)).map((item) => item.content)
        })
      )
      assert.deepStrictEqual(contents, ["before", "after"])
    })
  )

  it.effect("what only the log has stays bounded while nothing can be moved out of it", () =>
    Effect.gen(function* () {
      const disk = new SimulatedDisk()
      const author = new Author("a")
      yield* on(
        disk,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          disk.faults = (_, operation, path) =>
            operation === "write" && path.includes("/workers/") ? { code: "ENOSPC" } : undefined
          let taken = 0
          let refused = false
          while (!refused && taken < 1_000) {
            const commit = author.draft({ say: [text(taken)] })
            refused = Exit.isFailure(yield* Effect.exit(store.commit(commit)))
            if (refused) break
            author.accept(commit)
            taken += 1
          }
          assert.isTrue(refused)
          assert.include(
            (yield* store.diagnostics).map(({ code }) => code),
            "store.checkpoint_failed"
          )
          disk.faults = () => undefined
          yield* store.commit(author.next({ say: ["after"] }))
          assert.strictEqual((yield* store.transcript(author.id, 0, 10_000)).length, taken + 1)
        })
      )
      assert.strictEqual(
        (yield* on(
          disk.afterKill(),
          Effect.flatMap(WorkerStore, (store) => store.transcript(author.id, 0, 10_000))
        )).at(-1)?.content,
        "after"
      )
    })
  )
})

describe("a folder that may not be written to", () => {
  for (const code of ["EROFS", "EACCES", "EPERM"]) {
    it.effect(`${code}: the store does not open and says so without a path`, () =>
      Effect.gen(function* () {
        const disk = new SimulatedDisk()
        disk.faults = (_, operation) =>
          operation === "readFile" || operation === "list" || operation === "read" ? undefined : { code }
        const refused = yield* Effect.flip(on(disk, Effect.void))
        assert.strictEqual(refused._tag, "store_io")
        assert.deepStrictEqual(refused.context, { reason: "read_only" })
        assert.notMatch(refused.message, /srv|\//)
      })
    )
  }

  it.effect("a folder that is gone is a store that is missing", () =>
    Effect.gen(function* () {
      const disk = new SimulatedDisk()
      const author = new Author("a")
      const refused = yield* on(
        disk,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          yield* store.commit(author.next({ say: ["x"] }))
          disk.faults = (_, operation) => (operation === "write" ? { code: "EIO" } : undefined)
          yield* Effect.exit(store.commit(author.draft({ say: ["y"] })))
          disk.faults = () => undefined
          disk.discard("/srv/store")
          return yield* Effect.flip(store.commit(author.draft({ say: ["y"] })))
        })
      )
      assert.strictEqual(refused._tag, "store_missing")
    })
  )
})

describe("a store that was never finished", { timeout: 60_000 }, () => {
  it.effect("opens, whichever call of its creation was the last", () =>
    Effect.gen(function* () {
      const calls = yield* Effect.gen(function* () {
        const disk = new SimulatedDisk()
        yield* on(disk, Effect.void)
        return disk.calls
      })
      const start = Effect.gen(function* () {
        const store = yield* WorkerStore
        assert.deepStrictEqual((yield* store.load).damaged, [])
        yield* store.commit(new Author("a").next({ say: ["first"] }))
        return yield* store.transcript(WorkerId.make("a"), 0, 5)
      })
      for (let at = 1; at <= calls; at++) {
        for (const end of ["killed", "without power"]) {
          const disk = new SimulatedDisk()
          disk.faults = (call) => (call >= at ? { code: "EPOWER" } : undefined)
          yield* Effect.exit(on(disk, Effect.void))
          const next = end === "killed" ? disk.afterKill() : disk.afterPowerLoss(new Dice(at))
          assert.strictEqual((yield* on(next, start)).length, 1, `call ${at}, ${end}`)
        }
      }
    })
  )
})
