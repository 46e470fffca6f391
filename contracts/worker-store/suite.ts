/** What every WorkerStore does, whatever it writes to. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, type Layer, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { WorkerId } from "../../src/domain/Identifiers.ts"
import { type StoreProblem, WorkerStore } from "../../src/domain/WorkerStore.ts"
import { Author } from "./Author.ts"
import { bundle } from "./bundle.ts"

export interface Capabilities {
  /** Set when what was stored ends with the process; the cases are then reported as skipped. */
  readonly reopen?: "unsupported"
}

export type Opened = Layer.Layer<WorkerStore, StoreProblem>

const day = 86_400_000

/** @param open a store of its own for each case; the layer that it answers can be built again to reopen that store */
export const suite = (
  name: string,
  open: Effect.Effect<Opened, never, Scope.Scope>,
  capabilities: Capabilities = {}
): void => {
  /** Runs one life of the store, from opening to closing. */
  const using = <A, E>(layer: Opened, body: Effect.Effect<A, E, WorkerStore>): Effect.Effect<A, E | StoreProblem> =>
    Effect.provide(body, layer, { local: true })

  const fresh = <A, E>(body: Effect.Effect<A, E, WorkerStore>): Effect.Effect<A, E | StoreProblem> =>
    Effect.scoped(Effect.flatMap(open, (layer) => using(layer, body)))

  const again = <A, B, E>(
    first: Effect.Effect<A, E, WorkerStore>,
    then: (found: A) => Effect.Effect<B, E, WorkerStore>
  ): Effect.Effect<B, E | StoreProblem> =>
    Effect.scoped(
      Effect.gen(function* () {
        const layer = yield* open
        const found = yield* using(layer, first)
        return yield* using(layer, then(found))
      })
    )

  describe(`WorkerStore (${name})`, { timeout: 60_000 }, () => {
    describe("commit and read back", () => {
      it.effect("a new store is empty", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const { workers, damaged, receipts, bundles } = yield* store.load
            assert.deepStrictEqual([workers, damaged, receipts, bundles], [[], [], [], []])
            assert.deepStrictEqual(yield* store.diagnostics, [])
            assert.match(store.epoch, /^[A-Za-z0-9_-]{8,64}$/)
          })
        )
      )

      it.effect("a commit is there as soon as it is acknowledged", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const a = new Author("a")
            const commit = a.next({ say: ["hello", "grüße 漢字 \u2028 \ud83d\ude00"], events: 1 })
            yield* store.commit(commit)
            const { workers } = yield* store.load
            assert.deepStrictEqual(workers, [{ worker: commit.worker, log_epoch: a.logEpoch }])
            assert.deepStrictEqual(yield* store.transcript(a.id, 0, 10), commit.items)
            assert.deepStrictEqual(yield* store.events(a.id, 0, 10), commit.events)
          })
        )
      )

      it.effect("a commit may change nothing but the worker", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const a = new Author("a")
            yield* store.commit(a.next({ say: ["x"] }))
            yield* store.commit(a.next({ worker: { state: "errored", state_reason: "lost" } }))
            const { workers } = yield* store.load
            assert.deepStrictEqual(workers[0]?.worker, a.worker)
            assert.strictEqual((yield* store.transcript(a.id, 0, 10)).length, 1)
          })
        )
      )

      it.effect("pages start and end where they are asked to", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const a = new Author("a")
            for (let i = 1; i <= 60; i++) yield* store.commit(a.next({ say: [`line ${i}`] }))
            const page = (start: number, limit: number) =>
              Effect.map(store.transcript(a.id, start, limit), (items) => items.map((item) => item.sequence))
            assert.deepStrictEqual(yield* page(0, 3), [1, 2, 3])
            assert.deepStrictEqual(yield* page(30, 2), [31, 32])
            assert.deepStrictEqual(yield* page(58, 10), [59, 60])
            assert.deepStrictEqual(yield* page(60, 10), [])
            assert.deepStrictEqual(yield* page(1_000, 10), [])
            assert.deepStrictEqual(yield* page(5, 0), [])
            assert.strictEqual((yield* page(0, 1_000)).length, 60)
            const seen = yield* store.events(a.id, 57, 2)
            assert.deepStrictEqual(
              seen.map((event) => event.seq),
              [58, 59]
            )
            assert.deepStrictEqual(yield* store.events(a.id, 60, 5), [])
          })
        )
      )

      it.effect("an unknown worker has nothing", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            assert.deepStrictEqual(yield* store.transcript(WorkerId.make("nobody"), 0, 5), [])
            assert.deepStrictEqual(yield* store.events(WorkerId.make("nobody"), 0, 5), [])
          })
        )
      )

      it.effect("one item of a megabyte comes back as it was", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const a = new Author("a")
            const content = "ü".repeat(524_288)
            yield* store.commit(a.next({ say: [content, "after"] }))
            const items = yield* store.transcript(a.id, 0, 5)
            assert.strictEqual(items[0]?.content, content)
            assert.strictEqual(items[1]?.content, "after")
          })
        )
      )

      it.effect("a commit with a gap in its numbers is a bug and changes nothing", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const a = new Author("a")
            yield* store.commit(a.next({ say: ["one"] }))
            const before = a.worker
            a.next({ say: ["never stored"] })
            const exit = yield* Effect.exit(store.commit(a.next({ say: ["three"] })))
            assert.strictEqual(exit._tag, "Failure")
            assert.deepStrictEqual((yield* store.load).workers[0]?.worker, before)
            assert.strictEqual((yield* store.transcript(a.id, 0, 5)).length, 1)
          })
        )
      )
    })

    describe("isolation", () => {
      it.effect("64 workers that write at the same time do not mix", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const ids = Array.from({ length: 64 }, (_, index) => `w${index}`)
            yield* Effect.forEach(
              ids,
              Effect.fnUntraced(function* (id) {
                const author = new Author(id)
                for (let i = 1; i <= 10; i++) yield* store.commit(author.next({ say: [`${id} says ${i}`] }))
              }),
              { concurrency: "unbounded", discard: true }
            )
            assert.strictEqual((yield* store.load).workers.length, 64)
            for (const id of ids) {
              const items = yield* store.transcript(WorkerId.make(id), 0, 100)
              const expected = Array.from({ length: 10 }, (_, i) => `${id} says ${i + 1}`)
              assert.deepStrictEqual(
                items.map((item) => item.content),
                expected
              )
            }
          })
        )
      )

      it.effect("ids that differ in case only are two workers", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            yield* store.commit(new Author("Worker").next({ say: ["upper"] }))
            yield* store.commit(new Author("worker").next({ say: ["lower"] }))
            assert.strictEqual((yield* store.transcript(WorkerId.make("Worker"), 0, 5))[0]?.content, "upper")
            assert.strictEqual((yield* store.transcript(WorkerId.make("worker"), 0, 5))[0]?.content, "lower")
          })
        )
      )

      it.effect("reads go on while commits come in", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const a = new Author("a")
            const write = Effect.gen(function* () {
              for (let i = 1; i <= 200; i++) yield* store.commit(a.next({ say: [`line ${i}`] }))
            })
            const read = Effect.gen(function* () {
              let length = 0
              while (length < 200) {
                const items = yield* store.transcript(a.id, 0, 1_000)
                assert.isAtLeast(items.length, length)
                for (const [index, item] of items.entries()) assert.strictEqual(item.sequence, index + 1)
                length = items.length
                yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
              }
            })
            yield* Effect.all([write, read], { concurrency: 2 })
          })
        )
      )
    })

    describe("receipts", () => {
      const receipt = (key: string, expires_at: number, answer: unknown = { ok: true }) => ({
        key,
        fingerprint: "f".repeat(64),
        answer,
        expires_at
      })

      it.effect("a receipt is there until it expires", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const now = yield* Clock.currentTimeMillis
            const a = new Author("a")
            yield* store.commit(a.next({ receipt: receipt("k1", now + day) }))
            yield* store.commit(a.next({ receipt: receipt("k2", now + 2 * day) }))
            assert.deepStrictEqual(
              (yield* store.load).receipts.map(({ key }) => key),
              ["k1", "k2"]
            )
            yield* TestClock.adjust("36 hours")
            assert.deepStrictEqual((yield* store.load).receipts, [receipt("k2", now + 2 * day)])
          })
        )
      )

      it.effect("the later receipt of a key counts", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const a = new Author("a")
            yield* store.commit(a.next({ receipt: receipt("k", day, "first") }))
            yield* store.commit(a.next({ receipt: receipt("k", 2 * day, "second") }))
            assert.deepStrictEqual((yield* store.load).receipts, [receipt("k", 2 * day, "second")])
          })
        )
      )

      it.effect("a receipt outlives its worker", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const a = new Author("a")
            yield* store.commit(a.next({ receipt: receipt("k", day) }))
            yield* store.remove(a.id)
            assert.strictEqual((yield* store.load).receipts.length, 1)
          })
        )
      )
    })

    describe("bundles", () => {
      it.effect("a bundle with the same id is replaced", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            yield* store.putBundle(bundle("one"))
            yield* store.putBundle(bundle("two — ü"))
            yield* store.putBundle(bundle("one", "2"))
            const { bundles } = yield* store.load
            assert.sameDeepMembers([...bundles], [bundle("one", "2"), bundle("two — ü")])
          })
        )
      )
    })

    describe("remove", () => {
      it.effect("forgets the worker and nobody else", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const a = new Author("a")
            const b = new Author("b")
            yield* store.commit(a.next({ say: ["a"] }))
            yield* store.commit(b.next({ say: ["b"] }))
            yield* store.remove(a.id)
            assert.deepStrictEqual(
              (yield* store.load).workers.map(({ worker }) => worker.worker_id),
              [b.id]
            )
            assert.deepStrictEqual(yield* store.transcript(a.id, 0, 5), [])
            assert.deepStrictEqual(yield* store.events(a.id, 0, 5), [])
            assert.strictEqual((yield* store.transcript(b.id, 0, 5)).length, 1)
          })
        )
      )

      it.effect("a removed id may be used again and starts from nothing", () =>
        fresh(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const old = new Author("a")
            for (let i = 0; i < 20; i++) yield* store.commit(old.next({ say: ["old"] }))
            yield* store.remove(old.id)
            const young = new Author("a", undefined, "another-log")
            yield* store.commit(young.next({ say: ["new"] }))
            assert.deepStrictEqual(
              (yield* store.transcript(young.id, 0, 5)).map((item) => item.content),
              ["new"]
            )
          })
        )
      )

      it.effect("removing an unknown worker does nothing", () =>
        fresh(Effect.flatMap(WorkerStore, (store) => store.remove(WorkerId.make("nobody"))))
      )
    })

    describe.skipIf(capabilities.reopen === "unsupported")("reopen", () => {
      it.effect("everything is there again, and so is the epoch", () =>
        again(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const authors = ["a", "b", "c"].map((id) => new Author(id))
            for (let i = 1; i <= 30; i++) {
              for (const author of authors) yield* store.commit(author.next({ say: [`${author.id} ${i}`], events: 1 }))
            }
            const receipt = { key: "k", fingerprint: "f", answer: { worker: { transcript_len: 3 } }, expires_at: day }
            yield* store.commit(authors[0]!.next({ receipt, worker: { state: "stopped" } }))
            yield* store.putBundle(bundle("one"))
            yield* store.remove(authors[1]!.id)
            return { epoch: store.epoch, a: authors[0]!, c: authors[2]!, receipt }
          }),
          ({ epoch, a, c, receipt }) =>
            Effect.gen(function* () {
              const store = yield* WorkerStore
              assert.strictEqual(store.epoch, epoch)
              const { workers, damaged, receipts, bundles } = yield* store.load
              assert.sameDeepMembers(
                [...workers],
                [
                  { worker: a.worker, log_epoch: a.logEpoch },
                  { worker: c.worker, log_epoch: c.logEpoch }
                ]
              )
              assert.deepStrictEqual(damaged, [])
              assert.deepStrictEqual(receipts, [receipt])
              assert.deepStrictEqual(bundles, [bundle("one")])
              assert.deepStrictEqual(yield* store.diagnostics, [])
              const items = yield* store.transcript(c.id, 0, 100)
              assert.deepStrictEqual(
                items.map((item) => item.content),
                Array.from({ length: 30 }, (_, i) => `c ${i + 1}`)
              )
              const events = yield* store.events(c.id, 0, 100)
              assert.deepStrictEqual(
                events.map((event) => event.seq),
                Array.from({ length: 60 }, (_, i) => i + 1)
              )
            })
        )
      )

      it.effect("numbers go on where they were", () =>
        again(
          Effect.gen(function* () {
            const store = yield* WorkerStore
            const a = new Author("a")
            yield* store.commit(a.next({ say: ["one", "two"] }))
            return a
          }),
          (a) =>
            Effect.gen(function* () {
              const store = yield* WorkerStore
              yield* store.commit(a.next({ say: ["three"] }))
              const items = yield* store.transcript(a.id, 0, 10)
              assert.deepStrictEqual(
                items.map((item) => item.content),
                ["one", "two", "three"]
              )
            })
        )
      )
    })
  })
}
