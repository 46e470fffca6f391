/** What is damaged is told, stays where it is needed to be looked at, and takes nothing else with it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as LogRecord from "../../src/adapters/stores/LogRecord.ts"
import { WorkerId } from "../../src/domain/Identifiers.ts"
import { type StoreProblem, WorkerStore } from "../../src/domain/WorkerStore.ts"
import { Author } from "./Author.ts"
import { Dice } from "./Dice.ts"
import { SimulatedDisk } from "./SimulatedDisk.ts"
import { simulatedStore } from "./simulatedStore.ts"

const root = "/srv/store"
/** For cases that open many stores, in milliseconds: a machine that is busy with other things must not fail them. */
const patience = 60_000
const large = { firstSegmentBytes: 65_536, maxSegmentBytes: 65_536 }

const on = <A, E>(
  disk: SimulatedDisk,
  body: Effect.Effect<A, E, WorkerStore>,
  limits = large
): Effect.Effect<A, E | StoreProblem> => Effect.provide(body, simulatedStore(disk, limits), { local: true })

/** A disk as it is after a kill: commits of two workers in turn, all of them only in the log. */
const killed = Effect.fnUntraced(function* (commits: number) {
  const disk = new SimulatedDisk()
  const image = yield* on(
    disk,
    Effect.gen(function* () {
      const store = yield* WorkerStore
      const authors = [new Author("a"), new Author("b")]
      for (let number = 0; number < commits; number++) {
        yield* store.commit(authors[number % 2]!.next({ say: [`item ${number}`] }))
      }
      return disk.copy()
    })
  )
  const path = image.files().find((file) => file.startsWith(`${root}/log/`))!
  const log = image.content(path)
  const ends: Array<number> = []
  for (let found = LogRecord.next(log, 0); found !== undefined; found = LogRecord.next(log, found.end))
    ends.push(found.end)
  // The first record opens the segment.
  return { image, path, ends: ends.slice(1) }
})

const read = Effect.gen(function* () {
  const store = yield* WorkerStore
  const { damaged } = yield* store.load
  const codes = (yield* store.diagnostics).map(({ code }) => code)
  const contents = (id: string) =>
    store.transcript(WorkerId.make(id), 0, 1_000).pipe(
      Effect.map((items) => items.map((item) => item.content)),
      Effect.catchTag("store_corrupt", () => Effect.undefined)
    )
  return { damaged: damaged.map(({ worker_id }) => worker_id), codes, a: yield* contents("a"), b: yield* contents("b") }
})

const expected = (id: "a" | "b", commits: number): ReadonlyArray<string> =>
  Array.from({ length: commits }, (_, number) => number)
    .filter((number) => number % 2 === (id === "a" ? 0 : 1))
    .map((number) => `item ${number}`)

describe("a torn end of the log", () => {
  const commits = 10

  for (const { name, tear } of [
    { name: "cut off", tear: (log: Buffer, at: number) => log.subarray(0, at) },
    { name: "left as zeros", tear: (log: Buffer, at: number) => Buffer.from(log).fill(0, at) }
  ]) {
    it.effect(
      `at any byte of the last three records, ${name}: what is whole before it is there, and nothing else`,
      () =>
        Effect.gen(function* () {
          const { image, path, ends } = yield* killed(commits)
          for (let at = ends.at(-4)!; at < ends.at(-1)!; at++) {
            const disk = image.copy()
            disk.tamper(path, (log) => tear(log, at))
            const whole = ends.filter((end) => end <= at).length
            const first = yield* on(disk, read)
            assert.deepStrictEqual([first.a, first.b], [expected("a", whole), expected("b", whole)], `byte ${at}`)
            assert.deepStrictEqual(first.damaged, [])
            const boundary = ends.includes(at)
            if (!boundary) assert.deepStrictEqual(first.codes, ["store.tail_truncated"], `byte ${at}`)
            // Reported once, then it is gone; seen at some of the bytes, as it does not depend on which.
            if (at % 16 !== 0) continue
            const second = yield* on(disk.afterKill(), read)
            assert.deepStrictEqual([second.a, second.b, second.codes], [first.a, first.b, []], `byte ${at} again`)
          }
        }),
      patience
    )
  }

  it.effect("a store goes on after its torn end", () =>
    Effect.gen(function* () {
      const { image, path, ends } = yield* killed(commits)
      image.tamper(path, (log) => log.subarray(0, ends.at(-1)! - 1))
      yield* on(
        image,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          const { workers } = yield* store.load
          const b = workers.find(({ worker }) => worker.worker_id === "b")!
          yield* store.commit(new Author("b", b.worker).next({ say: ["after"] }))
        })
      )
      const { b } = yield* on(image.afterKill(), read)
      assert.deepStrictEqual(b, [...expected("b", commits - 2), "after"])
    })
  )
})

describe("a bit that flips in the last 4 KiB of the log", () => {
  it.effect(
    "never invents anything, and what is missing is told",
    () =>
      Effect.gen(function* () {
        const commits = 16
        const { image, path, ends } = yield* killed(commits)
        const dice = new Dice(7)
        const end = ends.at(-1)!
        const all = { a: expected("a", commits), b: expected("b", commits) }
        for (let at = Math.max(0, end - 4_096); at < end; at += 1 + dice.below(8)) {
          const disk = image.copy()
          disk.tamper(path, (log) => {
            log[at]! ^= 1 << dice.below(8)
            return log
          })
          const found = yield* on(disk, read)
          for (const id of ["a", "b"] as const) {
            const contents = found[id]
            if (contents === undefined) assert.include(found.damaged, id, `byte ${at}`)
            else assert.deepStrictEqual(contents, all[id].slice(0, contents.length), `byte ${at}`)
          }
          const complete = found.a?.length === all.a.length && found.b?.length === all.b.length
          if (!complete) assert.isNotEmpty(found.codes, `byte ${at}`)
          // One record cannot cost two workers anything.
          assert.isTrue(found.a?.length === all.a.length || found.b?.length === all.b.length, `byte ${at}`)
        }
      }),
    patience
  )

  it.effect("a record that was acknowledged and is bad now sets its worker aside, with its files", () =>
    Effect.gen(function* () {
      const { image, path, ends } = yield* killed(8)
      image.tamper(path, (log) => {
        log[ends[3]! - 3]! ^= 1
        return log
      })
      const { damaged, codes, a } = yield* on(image, read)
      assert.deepStrictEqual(damaged, ["b"])
      assert.deepStrictEqual(codes, ["store.worker_damaged"])
      assert.deepStrictEqual(a, expected("a", 8))
      assert.include(image.content(`${root}/set-aside/b~2.1/unsaved`).toString(), "item 1")
    })
  )
})

describe("one damaged worker", () => {
  /** Two workers whose past is in their own files. */
  const saved = Effect.fnUntraced(function* () {
    const disk = new SimulatedDisk()
    yield* on(
      disk,
      Effect.gen(function* () {
        const store = yield* WorkerStore
        for (const id of ["a", "b"]) yield* store.commit(new Author(id).next({ say: [`item of ${id}`] }))
      })
    )
    return disk
  })

  const flipLineOf = (disk: SimulatedDisk, copy: string, id: string) =>
    disk.tamper(`${root}/${copy}`, (content) => {
      content[content.indexOf(`"worker_id":"${id}"`) + 3]! ^= 1
      return content
    })

  const damages: ReadonlyArray<readonly [name: string, harm: (disk: SimulatedDisk) => void]> = [
    [
      "whose items are cut off",
      (disk) => disk.tamper(`${root}/workers/a~1/items`, (content) => content.subarray(0, 5))
    ],
    ["whose index is gone", (disk) => disk.discard(`${root}/workers/a~1/index`)],
    ["whose events are gone", (disk) => disk.discard(`${root}/workers/a~1/events.1`)],
    ["whose folder is gone", (disk) => disk.discard(`${root}/workers/a~1`)],
    [
      "whose line is bad in both catalogues",
      (disk) => {
        flipLineOf(disk, "catalogue.a", "a")
        flipLineOf(disk, "catalogue.b", "a")
      }
    ]
  ]

  for (const [name, harm] of damages) {
    it.effect(`${name} is reported until it is removed, and the other one lives`, () =>
      Effect.gen(function* () {
        const disk = yield* saved()
        harm(disk)
        for (const start of ["first", "second"]) {
          const found = yield* on(disk.afterKill(), read)
          assert.deepStrictEqual(found.damaged, ["a"], start)
          assert.deepStrictEqual([found.a, found.b], [undefined, ["item of b"]], start)
          assert.include(found.codes, "store.worker_damaged", start)
        }
        const again = Effect.gen(function* () {
          const store = yield* WorkerStore
          const refused = yield* Effect.flip(store.commit(new Author("a").next({ say: ["new"] })))
          assert.strictEqual(refused._tag, "store_corrupt")
          yield* store.remove(WorkerId.make("a"))
          yield* store.commit(new Author("a").next({ say: ["new"] }))
        })
        yield* on(disk.afterKill(), again)
        const found = yield* on(disk.afterKill(), read)
        assert.deepStrictEqual([found.damaged, found.a, found.b], [[], ["new"], ["item of b"]])
      })
    )
  }

  it.effect("a bad line in one catalogue costs nothing", () =>
    Effect.gen(function* () {
      for (const copy of ["catalogue.a", "catalogue.b"]) {
        const disk = yield* saved()
        flipLineOf(disk, copy, "a")
        const { damaged, a, b } = yield* on(disk, read)
        assert.deepStrictEqual([damaged, a, b], [[], ["item of a"], ["item of b"]])
      }
    })
  )

  it.effect("bytes of an item that changed are told to whoever reads it", () =>
    Effect.gen(function* () {
      const disk = yield* saved()
      disk.tamper(`${root}/workers/a~1/items`, (content) => {
        content[content.indexOf("item of a")]! ^= 1
        return content
      })
      const { a, b, damaged } = yield* on(disk, read)
      assert.deepStrictEqual([a, b, damaged], [undefined, ["item of b"], []])
    })
  )

  it.effect("without both catalogues everything is set aside, nothing is deleted and the epoch is new", () =>
    Effect.gen(function* () {
      const disk = yield* saved()
      const before = yield* on(
        disk.afterKill(),
        Effect.map(WorkerStore, ({ epoch }) => epoch)
      )
      disk.discard(`${root}/catalogue.a`)
      disk.discard(`${root}/catalogue.b`)
      const { damaged, codes, epoch } = yield* on(
        disk.afterKill(),
        Effect.gen(function* () {
          return { ...(yield* read), epoch: (yield* WorkerStore).epoch }
        })
      )
      assert.sameMembers(damaged, ["a", "b"])
      assert.include(codes, "store.catalogue_lost")
      assert.notStrictEqual(epoch, before)
      assert.include(disk.content(`${root}/set-aside/a~1.1/items`).toString(), "item of a")
    })
  )

  it.effect("a store of a newer version is not touched", () =>
    Effect.gen(function* () {
      const disk = yield* saved()
      const line = `{"kind":"store","format":3,"epoch":"e","generation":9,"lsn":0,"batch":0,"segment":0,"receipts":[],"forgotten":0}`
      const { encode } = yield* Effect.promise(() => import("../../src/adapters/stores/CheckedLines.ts"))
      disk.tamper(`${root}/catalogue.a`, () => Buffer.from(encode(line)))
      const refused = yield* Effect.flip(on(disk, read))
      assert.strictEqual(refused._tag, "store_corrupt")
      assert.match(refused.message, /newer version/)
    })
  )
})
