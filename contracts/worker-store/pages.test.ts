/** Pages of a transcript from a worker's files: what is read of the disk, what is verified, and how older files are read. */
import { crc32 } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CheckedLines from "../../src/adapters/stores/CheckedLines.ts"
import { IndexPages, maxBytes, maxPages } from "../../src/adapters/stores/IndexPages.ts"
import { WorkerStore } from "../../src/domain/WorkerStore.ts"
import { Author } from "./Author.ts"
import { SimulatedDisk } from "./SimulatedDisk.ts"
import { simulatedStore } from "./simulatedStore.ts"

const root = "/srv/store"
const { id } = new Author("a")
const contentOf = (number: number): string => `item ${number}`

const on = <A, E>(disk: SimulatedDisk, body: Effect.Effect<A, E, WorkerStore>) =>
  Effect.provide(body, simulatedStore(disk, {}), { local: true })

const say = (say: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const store = yield* WorkerStore
    const known = (yield* store.load).workers.find(({ worker }) => worker.worker_id === id)
    yield* store.commit(new Author("a", known?.worker).next({ say }))
  })

/** What the page holds, or nothing when it is told to be damaged. */
const page = (start: number, limit: number, most?: number) =>
  Effect.flatMap(WorkerStore, (store) => store.transcript(id, start, limit, most)).pipe(
    Effect.map((items) => items.map(({ content }) => content)),
    Effect.catchTag("store_corrupt", () => Effect.undefined)
  )

/** Ten items that one checkpoint wrote. */
const saved = Effect.gen(function* () {
  const disk = new SimulatedDisk()
  yield* on(disk, say(Array.from({ length: 10 }, (_, number) => contentOf(number))))
  return disk
})

describe("a page", () => {
  it.effect("takes one read when it was read before", () =>
    Effect.gen(function* () {
      const disk = yield* saved
      yield* on(
        disk,
        Effect.gen(function* () {
          const first = yield* page(2, 6)
          let reads = 0
          disk.faults = (_, operation) => {
            if (operation === "read") reads += 1
            return undefined
          }
          assert.deepStrictEqual([yield* page(2, 6), yield* page(3, 2)], [first, [contentOf(3), contentOf(4)]])
          assert.strictEqual(reads, 2)
        })
      )
    })
  )

  it.effect("is refused when any item in it has changed, and only then", () =>
    Effect.gen(function* () {
      for (let bad = 0; bad < 10; bad++) {
        const disk = yield* saved
        disk.tamper(`${root}/workers/a~1/items`, (content) => {
          content[content.indexOf(contentOf(bad))]! ^= 1
          return content
        })
        yield* on(
          disk,
          Effect.gen(function* () {
            for (let start = 0; start < 10; start++) {
              for (let limit = 1; start + limit <= 10; limit++) {
                const within = start <= bad && bad < start + limit
                const expected = Array.from({ length: limit }, (_, at) => contentOf(start + at))
                assert.deepStrictEqual(yield* page(start, limit), within ? undefined : expected, `${bad} ${start}`)
              }
            }
          })
        )
      }
    })
  )

  it.effect("is refused when its index names a place far beyond the file", () =>
    Effect.gen(function* () {
      const disk = yield* saved
      disk.tamper(`${root}/workers/a~1/index`, (content) => {
        content[9 * 12 + 5]! ^= 0x80
        return content
      })
      assert.deepStrictEqual(yield* on(disk, page(0, 10)), undefined)
    })
  )

  it.effect("ends before so many bytes, with one item at least, wherever its items are", () =>
    Effect.gen(function* () {
      const disk = yield* saved
      yield* on(
        disk,
        Effect.gen(function* () {
          const length = disk.content(`${root}/workers/a~1/items`).length / 10
          assert.deepStrictEqual(yield* page(0, 10, 3 * length), [0, 1, 2].map(contentOf))
          assert.deepStrictEqual(yield* page(4, 10, 3 * length - 1), [4, 5].map(contentOf))
          assert.deepStrictEqual(yield* page(4, 10, 1), [contentOf(4)])
          yield* say(["x".repeat(100), "y".repeat(100), "z".repeat(100)])
          assert.deepStrictEqual((yield* page(10, 10, 400))?.length, 2)
          assert.deepStrictEqual((yield* page(10, 10, 1))?.length, 1)
          assert.deepStrictEqual((yield* page(9, 10, length + 400))?.length, 3)
          assert.deepStrictEqual((yield* page(9, 10, length + 1))?.length, 1)
        })
      )
    })
  )

  it.effect("of large items reads no more of the disk than it answers", () =>
    Effect.gen(function* () {
      const disk = new SimulatedDisk()
      const large = 100_000
      yield* on(disk, say(Array.from({ length: 20 }, () => "x".repeat(large))))
      const { open } = disk.disk
      let most = 0
      const watched = {
        ...disk.disk,
        open: (path: string, mode: "read" | "write") =>
          Effect.map(open(path, mode), (file) => ({
            ...file,
            read: (position: number, length: number) => {
              most = Math.max(most, length)
              return file.read(position, length)
            }
          }))
      }
      Object.defineProperty(disk, "disk", { value: watched })
      assert.strictEqual((yield* on(disk, page(0, 20, 3.5 * large)))?.length, 3)
      assert.isBelow(most, 3.5 * large)
    })
  )

  it.effect("of a store of format 1 is read, alone and together with items of now", () =>
    Effect.gen(function* () {
      const disk = yield* saved
      const items = disk.content(`${root}/workers/a~1/items`)
      disk.tamper(`${root}/workers/a~1/index`, () => ownSums(items))
      for (const copy of ["catalogue.a", "catalogue.b"]) {
        disk.tamper(`${root}/${copy}`, (content) => {
          const lines = Array.from(CheckedLines.lines(content), (line) => line!.replace(`"format":2`, `"format":1`))
          return Buffer.from(lines.map(CheckedLines.encode).join(""))
        })
      }
      const all = Array.from({ length: 10 }, (_, number) => contentOf(number))
      yield* on(
        disk,
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* page(0, 20), all)
          assert.deepStrictEqual(yield* page(3, 4), all.slice(3, 7))
          yield* say(["new", "newer"])
        })
      )
      const [start, end] = [yield* on(disk, page(0, 20)), yield* on(disk, page(9, 3))]
      assert.deepStrictEqual(
        [start, end],
        [
          [...all, "new", "newer"],
          [contentOf(9), "new", "newer"]
        ]
      )
      assert.include(disk.content(`${root}/catalogue.a`).toString(), `"format":2`)
    })
  )
})

/** The index of format 1: where each item ends, and a checksum over it alone. */
const ownSums = (items: Buffer): Buffer => {
  const entries: Array<Buffer> = []
  for (let at = 0; at < items.length;) {
    const end = items.indexOf(0x0a, at) + 1
    const entry = Buffer.alloc(12)
    entry.writeUIntLE(end, 0, 6)
    entry.writeUInt32LE(crc32(items.subarray(at, end)), 6)
    entries.push(entry)
    at = end
  }
  return Buffer.concat(entries)
}

describe("pages of indexes in memory", () => {
  it("are of so many workers at most, the ones that were read last", () => {
    const pages = new IndexPages()
    for (let worker = 0; worker <= maxPages; worker++) {
      pages.keep(`w${worker}`, 0, Buffer.alloc(12))
      assert.isDefined(pages.find("w0", 0, 12))
    }
    assert.isUndefined(pages.find("w1", 0, 12))
    assert.isDefined(pages.find("w2", 0, 12))
  })

  it("are not kept when they are long", () => {
    const pages = new IndexPages()
    pages.keep("a", 0, Buffer.alloc(maxBytes + 1))
    assert.isUndefined(pages.find("a", 0, 12))
  })

  it("answer with what they hold only", () => {
    const pages = new IndexPages()
    pages.keep("a", 24, Buffer.from("0123456789ab0123456789ab"))
    assert.isUndefined(pages.find("a", 12, 24))
    assert.isUndefined(pages.find("a", 36, 24))
    assert.strictEqual(pages.find("a", 36, 12)?.toString(), "0123456789ab")
  })
})
