/** Lists, transcript pages and event streams of a running engine. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { maxListLimit } from "../../src/domain/engine/Views.ts"
import { WorkerId } from "../../src/domain/Identifiers.ts"
import * as Problem from "../../src/domain/Problem.ts"
import { maxPageBytes } from "../../src/domain/Transcript.ts"
import { created, isState, observe, settle, user, world } from "./EngineWorld.ts"
import { said } from "./ScriptedExecutor.ts"

/** A worker whose transcript holds the texts, one turn each way. */
const told = Effect.fnUntraced(function* (texts: ReadonlyArray<string>, maxTranscriptItems?: number) {
  const it = yield* world()
  const runtime = yield* it.start(maxTranscriptItems === undefined ? {} : { maxTranscriptItems })
  const worker_id = yield* created(runtime)
  const observer = yield* observe(runtime, worker_id)
  yield* runtime.input(worker_id, user(texts[0]!), {})
  yield* settle
  yield* it.executor.turn.says(...texts.slice(1).map(said))
  yield* it.executor.turn.finishes
  yield* observer.until(isState("idle"))
  return { ...it, runtime, worker_id, observer }
})

describe("transcript", () => {
  it.effect("is read in pages that follow one another and end", () =>
    Effect.gen(function* () {
      const texts = Array.from({ length: 7 }, (_, i) => `${i}`)
      const { runtime, worker_id } = yield* told(texts)
      const read: Array<string> = []
      let start: number | null = 0
      const starts: Array<number> = []
      while (start !== null) {
        starts.push(start)
        const page: Effect.Success<ReturnType<typeof runtime.transcript>> = yield* runtime.transcript(worker_id, {
          start,
          limit: 3
        })
        assert.deepStrictEqual([page.start, page.limit, page.total_items], [start, 3, 7])
        read.push(...page.items.map(({ content }) => content))
        start = page.next_start
      }
      assert.deepStrictEqual(read, texts)
      assert.deepStrictEqual(starts, [0, 3, 6])
    })
  )

  it.effect("a page that ends with the transcript says that there is no other, and one beyond it is empty", () =>
    Effect.gen(function* () {
      const { runtime, worker_id } = yield* told(["a", "b", "c"])
      assert.isNull((yield* runtime.transcript(worker_id, { start: 1, limit: 2 })).next_start)
      for (const start of [3, 4, 1_000_000]) {
        const page = yield* runtime.transcript(worker_id, { start })
        assert.deepStrictEqual([page.items, page.next_start, page.total_items], [[], null, 3])
      }
    })
  )

  it.effect("the limit is the runtime's maximum unless given, at least 1, and never above the maximum", () =>
    Effect.gen(function* () {
      const { runtime, worker_id } = yield* told(["a", "b", "c", "d", "e"], 4)
      const page = yield* runtime.transcript(worker_id, {})
      assert.deepStrictEqual([page.limit, page.items.length, page.next_start], [4, 4, 4])
      const large = yield* Effect.flip(runtime.transcript(worker_id, { limit: 5 }))
      assert.deepStrictEqual([large._tag, large.context.max], ["limit_too_large", 4])
      for (const query of [{ limit: 0 }, { limit: -1 }, { start: -1 }]) {
        assert.strictEqual((yield* Effect.flip(runtime.transcript(worker_id, query)))._tag, "invalid_query")
      }
      const described = yield* runtime.describe
      assert.strictEqual(described.max_transcript_items, 4)
      assert.deepInclude(described.capabilities?.["workers.transcript"], { max_items: 4 })
    })
  )

  it.effect("a page is bounded by bytes, counted as UTF-8, but always moves on", () =>
    Effect.gen(function* () {
      const third = "é".repeat(Math.floor(maxPageBytes / 6))
      const { runtime, worker_id } = yield* told([
        "a",
        third,
        third,
        third,
        third,
        "x".repeat(maxPageBytes + 1),
        "y".repeat(maxPageBytes + 1)
      ])
      const sizes: Array<number> = []
      let start: number | null = 0
      while (start !== null) {
        const page: Effect.Success<ReturnType<typeof runtime.transcript>> = yield* runtime.transcript(worker_id, {
          start
        })
        sizes.push(page.items.length)
        start = page.next_start
      }
      assert.deepStrictEqual(sizes, [4, 1, 1, 1])
    })
  )

  it.effect("of an unknown worker is not found, and a store that fails is told", () =>
    Effect.gen(function* () {
      const { runtime, store, worker_id } = yield* told(["a"])
      assert.strictEqual((yield* Effect.flip(runtime.transcript(WorkerId.make("nobody"), {})))._tag, "worker_not_found")
      store.onRead = Effect.fail(Problem.make("store_io"))
      assert.strictEqual((yield* Effect.flip(runtime.transcript(worker_id, {})))._tag, "store_io")
    })
  )
})

describe("list", () => {
  it.effect("is whole without a limit, and in pages with one; every worker once, in order of creation", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      const all: Array<string> = []
      for (let i = 0; i < 5; i++) all.push(yield* created(runtime))
      const whole = yield* runtime.list({})
      assert.deepStrictEqual(
        whole.items.map(({ worker_id }) => worker_id),
        all
      )
      assert.isNull(whole.next_cursor)
      const read: Array<string> = []
      const sizes: Array<number> = []
      let cursor: string | null | undefined
      while (cursor !== null) {
        const page: Effect.Success<ReturnType<typeof runtime.list>> = yield* runtime.list({
          limit: 2,
          ...(cursor === undefined ? undefined : { cursor })
        })
        read.push(...page.items.map(({ worker_id }) => worker_id))
        sizes.push(page.items.length)
        cursor = page.next_cursor
      }
      assert.deepStrictEqual(read, all)
      assert.deepStrictEqual(sizes, [2, 2, 1])
      assert.isNull((yield* runtime.list({ limit: 5 })).next_cursor)
    })
  )

  it.effect("by state pages through the matching ones only", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      const all: Array<WorkerId> = []
      for (let i = 0; i < 6; i++) all.push(yield* created(runtime))
      for (const worker_id of [all[0]!, all[3]!, all[4]!]) yield* runtime.stop(worker_id, {})
      const first = yield* runtime.list({ state: "stopped", limit: 2 })
      assert.deepStrictEqual(
        first.items.map(({ worker_id }) => worker_id),
        [all[0], all[3]]
      )
      const rest = yield* runtime.list({ state: "stopped", limit: 2, cursor: first.next_cursor! })
      assert.deepStrictEqual([rest.items.map(({ worker_id }) => worker_id), rest.next_cursor], [[all[4]], null])
    })
  )

  it.effect("refuses a limit out of range and a cursor that names nothing, whatever it looks like", () =>
    Effect.gen(function* () {
      const { start } = yield* world()
      const runtime = yield* start()
      yield* created(runtime)
      const tag = (query: Parameters<typeof runtime.list>[0]) =>
        Effect.map(Effect.flip(runtime.list(query)), (it) => it._tag)
      assert.strictEqual(yield* tag({ limit: 0 }), "invalid_query")
      assert.strictEqual(yield* tag({ limit: -1 }), "invalid_query")
      assert.strictEqual(yield* tag({ limit: maxListLimit + 1 }), "limit_too_large")
      for (const cursor of ["nobody", "", "not an id!", "../..", "__proto__"]) {
        assert.strictEqual(yield* tag({ cursor }), "invalid_cursor", cursor)
      }
    })
  )
})

describe("watch", () => {
  it.effect("refuses a malformed cursor and an unknown worker, and resynchronises what it cannot resume", () =>
    Effect.gen(function* () {
      const { runtime, worker_id } = yield* told(["a", "b"])
      const other = yield* created(runtime)
      const watch = (id: WorkerId, cursor: string | undefined) => runtime.watch(id, cursor, () => {})
      assert.strictEqual((yield* Effect.flip(watch(worker_id, "nonsense")))._tag, "invalid_cursor")
      assert.strictEqual((yield* Effect.flip(watch(WorkerId.make("nobody"), undefined)))._tag, "worker_not_found")
      const foreign = (yield* watch(other, undefined)).head
      assert.strictEqual((yield* watch(worker_id, foreign)).resync, "epoch_changed")
      const { epoch, head, retained_events } = yield* watch(worker_id, "")
      assert.strictEqual((yield* watch(worker_id, `${epoch}.999`)).resync, "invalid")
      assert.strictEqual(head, `${epoch}.${(yield* runtime.get(worker_id)).last_event_id}`)
      assert.strictEqual(retained_events, 10_000)
    })
  )

  it.effect("the snapshot tells the worker as it is: state, transcript tail and the text that grows", () =>
    Effect.gen(function* () {
      const { executor, runtime, worker_id } = yield* told(["a", "b"])
      yield* runtime.input(worker_id, user("c"), {})
      yield* settle
      yield* executor.turn.says({ event: "text_delta", data: { text: "growing" } })
      yield* settle
      const { ended, snapshot } = yield* runtime.watch(worker_id, undefined, () => {})
      assert.deepStrictEqual(
        snapshot.transcript.items.map(({ content }) => content),
        ["a", "b", "c"]
      )
      assert.deepStrictEqual(
        [snapshot.status, snapshot.state, snapshot.in_flight?.text],
        ["running", "busy", "growing"]
      )
      assert.isUndefined(ended)
    })
  )

  it.effect("of an ended worker says so, and still replays", () =>
    Effect.gen(function* () {
      const { observer, runtime, worker_id } = yield* told(["a", "b"])
      const { cursor } = observer
      yield* runtime.cancel(worker_id, {})
      const watching = yield* runtime.watch(worker_id, cursor, () => {})
      assert.strictEqual(watching.ended, "cancelled")
      assert.deepStrictEqual(
        watching.replay.map(({ event }) => event.event),
        ["status"]
      )
      assert.strictEqual(watching.cursor, cursor)
    })
  )

  it.effect("ends with its scope, and a watcher that left hears nothing more", () =>
    Effect.gen(function* () {
      const { runtime, worker_id } = yield* told(["a"])
      const scope = yield* Scope.make()
      let heard = 0
      yield* Scope.provide(
        runtime.watch(worker_id, undefined, () => {
          heard += 1
        }),
        scope
      )
      yield* Scope.close(scope, Exit.void)
      yield* runtime.input(worker_id, user("b"), {})
      assert.strictEqual(heard, 0)
    })
  )
})
