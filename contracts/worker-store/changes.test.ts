/** The log has a worker whole once, and then what each commit changed: small, and as good as the whole one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CheckedLines from "../../src/adapters/stores/CheckedLines.ts"
import * as LogRecord from "../../src/adapters/stores/LogRecord.ts"
import { maxQueuedBytes, maxQueuedInputs, type Worker } from "../../src/domain/Worker.ts"
import { WorkerStore } from "../../src/domain/WorkerStore.ts"
import { Author } from "./Author.ts"
import { SimulatedDisk } from "./SimulatedDisk.ts"
import { simulatedStore } from "./simulatedStore.ts"

const root = "/srv/store"
const limits = { firstSegmentBytes: 4_194_304, maxSegmentBytes: 4_194_304 }

const on = <A, E>(disk: SimulatedDisk, body: Effect.Effect<A, E, WorkerStore>) =>
  Effect.provide(body, simulatedStore(disk, limits), { local: true })

const loaded = Effect.flatMap(WorkerStore, (store) => store.load)

const queue = Array.from({ length: maxQueuedInputs }, (_, at) => ({
  input_id: `in-${at}`,
  kind: "user" as const,
  content: "x".repeat(maxQueuedBytes / maxQueuedInputs),
  queued_at: "2026-01-01T00:00:00.000Z"
}))

const logPath = (disk: SimulatedDisk): string => disk.files().findLast((file) => file.startsWith(`${root}/log/0`))!

const records = (disk: SimulatedDisk) => {
  const log = disk.content(logPath(disk))
  const found: Array<LogRecord.Found & { readonly head: string }> = []
  for (let it = LogRecord.next(log, 0); it !== undefined; it = LogRecord.next(log, it.end)) {
    if (it.kind === LogRecord.kinds.commit) {
      found.push({ ...it, head: log.toString("utf8", it.bodyStart, log.indexOf(0x0a, it.bodyStart)) })
    }
  }
  return found
}

/** The disk as it is when the process is killed after these changes to one worker. */
const killed = (changes: ReadonlyArray<Partial<Worker>>, items = true) =>
  Effect.gen(function* () {
    const disk = new SimulatedDisk()
    return yield* on(
      disk,
      Effect.gen(function* () {
        const store = yield* WorkerStore
        const author = new Author("a")
        for (const [at, worker] of changes.entries())
          yield* store.commit(author.next({ say: items ? [`item ${at}`] : [], worker }))
        return { image: disk.copy(), worker: author.worker }
      })
    )
  })

describe("records of changes", () => {
  it.effect("an event of a worker with a full queue of inputs does not write the queue again", () =>
    Effect.gen(function* () {
      const { image, worker } = yield* killed([{}, { queued_inputs: queue }, { state: "busy" }, {}])
      const sizes = records(image).map(({ start, end }) => end - start)
      assert.isAbove(sizes[1]!, maxQueuedBytes)
      assert.isBelow(Math.max(...sizes.slice(2)), 1_024)
      const { workers } = yield* on(image, loaded)
      assert.deepStrictEqual(workers[0]?.worker, JSON.parse(JSON.stringify(worker)))
    })
  )

  it.effect("members that went, or came as undefined, are not there after a kill", () =>
    Effect.gen(function* () {
      const { image } = yield* killed([
        { created_at: "2026-01-01T00:00:00.000Z", updated_at: "2026-01-01T00:00:00.000Z" },
        { created_at: undefined } as unknown as Partial<Worker>,
        { state: "busy" }
      ])
      const { workers, damaged } = yield* on(image, loaded)
      assert.deepStrictEqual(damaged, [])
      assert.notProperty(workers[0]?.worker, "created_at")
      assert.propertyVal(workers[0]?.worker, "updated_at", "2026-01-01T00:00:00.000Z")
      assert.propertyVal(workers[0]?.worker, "state", "busy")
    })
  )

  it.effect("are to the record before: when that is lost the worker is set aside with all that came after", () =>
    Effect.gen(function* () {
      const { image } = yield* killed([{}, { state: "busy" }, {}, {}])
      const [, lost] = records(image)
      image.tamper(logPath(image), (log) => {
        // Head and all: whose record it was cannot be told.
        log.fill(0x20, lost!.start, lost!.end)
        return log
      })
      const { workers, damaged } = yield* on(image, loaded)
      assert.deepStrictEqual([workers, damaged.map(({ worker_id }) => worker_id)], [[], ["a"]])
      const aside = image.content(`${root}/set-aside/a~1.1/unsaved`).toString()
      for (const item of ["item 0", "item 2", "item 3"]) assert.include(aside, item)
    })
  )

  it.effect("that had no event are missed as well when they are lost", () =>
    Effect.gen(function* () {
      const { image } = yield* killed([{}, { state: "busy" }, { updated_at: "2026-01-01T00:00:00.000Z" }], false)
      const [, lost] = records(image)
      image.tamper(logPath(image), (log) => {
        log.fill(0x20, lost!.start, lost!.end)
        return log
      })
      const { workers, damaged } = yield* on(image, loaded)
      assert.deepStrictEqual([workers, damaged.map(({ worker_id }) => worker_id)], [[], ["a"]])
    })
  )

  it.effect("are written once no older version takes the store any more", () =>
    Effect.gen(function* () {
      const disk = new SimulatedDisk()
      const author = new Author("a")
      const commit = (worker: Partial<Worker> = {}) =>
        Effect.flatMap(WorkerStore, (store) => store.commit(author.next({ worker })))
      yield* on(disk, commit())
      for (const copy of ["catalogue.a", "catalogue.b"]) {
        disk.tamper(`${root}/${copy}`, (content) => {
          const lines = Array.from(CheckedLines.lines(content), (line) => line!.replace(`"format":2`, `"format":1`))
          return Buffer.from(lines.map(CheckedLines.encode).join(""))
        })
      }
      const image = yield* on(
        disk,
        Effect.map(commit({ state: "busy" }), () => disk.copy())
      )
      assert.match(records(image)[0]!.head, /^{"worker":{/)
      yield* on(
        disk,
        Effect.gen(function* () {
          yield* commit({ state: "idle" })
          assert.match(records(disk)[0]!.head, /^{"base":\d+,"changed":{/)
        })
      )
      const { workers } = yield* on(image, loaded)
      assert.strictEqual(workers[0]?.worker.state, "busy")
    })
  )
})
