/** Lists lose nobody, show nobody twice, and end. */
import { Effect } from "effect"
import type { WorkerId } from "../../Identifiers.ts"
import type { ListQuery } from "../../Worker.ts"
import type { Bench } from "../Bench.ts"
import type { Case } from "../Case.ts"
import { broken, refused, same } from "../Expect.ts"

/** A runtime with more workers than this is not walked to its end: the kit is a guest there. */
const maxPages = 2_000

const walk = Effect.fnUntraced(function* (bench: Bench, query: ListQuery) {
  const ids: Array<WorkerId> = []
  let cursor: string | null | undefined
  for (let page = 0; cursor !== null; page++) {
    if (page > maxPages) return yield* broken(`The list is not over after ${maxPages} pages`)
    const answer = yield* bench.source.list(cursor === undefined ? query : { ...query, cursor })
    if (query.limit !== undefined && answer.items.length > query.limit) {
      return yield* broken(`A page of at most ${query.limit} workers holds ${answer.items.length}`)
    }
    ids.push(...answer.items.map((it) => it.worker_id))
    cursor = answer.next_cursor
  }
  return ids
})

const several = (bench: Bench) =>
  Effect.all(Array.from({ length: 5 }, () => Effect.map(bench.worker(), (it) => it.worker_id)))

const timesOf = (ids: ReadonlyArray<WorkerId>, wanted: ReadonlyArray<WorkerId>) =>
  wanted.map((id) => ids.filter((it) => it === id).length)

export const cases: ReadonlyArray<Case> = [
  {
    id: "lists.whole",
    tier: "core",
    needs: ["workers.create"],
    sentence: "A list holds every worker once.",
    run: Effect.fnUntraced(function* (bench) {
      const made = yield* several(bench)
      yield* same(timesOf(yield* walk(bench, {}), made), [1, 1, 1, 1, 1], "How often each worker is listed")
    })
  },
  {
    id: "lists.pages",
    tier: "core",
    needs: ["workers.create"],
    sentence: "Pages are not longer than asked for, and together hold every worker once.",
    run: Effect.fnUntraced(function* (bench) {
      const made = yield* several(bench)
      for (const limit of [2, 3]) {
        const ids = yield* walk(bench, { limit })
        yield* same(timesOf(ids, made), [1, 1, 1, 1, 1], `How often each worker is in pages of ${limit}`)
      }
    })
  },
  {
    id: "lists.state",
    tier: "core",
    needs: ["workers.create", "workers.stop"],
    sentence: "A list of one state holds the workers in it and no others.",
    run: Effect.fnUntraced(function* (bench) {
      const [first, second, ...others] = yield* several(bench)
      yield* bench.source.stop(first!, undefined, {})
      const stopped = yield* walk(bench, { state: "stopped" })
      const idle = yield* walk(bench, { state: "idle" })
      yield* same(timesOf(stopped, [first!, second!]), [1, 0], "Stopped workers")
      yield* same(timesOf(idle, [first!, second!, ...others]), [0, 1, 1, 1, 1], "Idle workers")
    })
  },
  {
    id: "lists.limit",
    tier: "core",
    needs: [],
    sentence: "A limit below 1 is refused: an empty page would never end.",
    run: Effect.fnUntraced(function* ({ source }) {
      for (const limit of [0, -1]) {
        yield* refused(source, source.list({ limit }), { operation: "worker.list" }, "invalid_query")
      }
    })
  },
  {
    id: "lists.cursor",
    tier: "core",
    needs: [],
    sentence: "A list cursor that names no place is refused and not taken for the beginning.",
    run: Effect.fnUntraced(function* ({ source }) {
      const call = source.list({ cursor: "no-such-place-in-this-list" })
      yield* refused(source, call, { operation: "worker.list" }, "invalid_cursor")
    })
  }
]
