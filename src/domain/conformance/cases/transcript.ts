/** Transcript pages: bounded, in order, without a hole, and never without an end. */
import { Effect } from "effect"
import type { WorkerId } from "../../Identifiers.ts"
import type { TranscriptItem, TranscriptPage } from "../../Transcript.ts"
import { type Bench, system, user } from "../Bench.ts"
import type { Case, Need } from "../Case.ts"
import * as Declared from "../Declared.ts"
import { broken, refused, same, that } from "../Expect.ts"

const needs: ReadonlyArray<Need> = ["workers.create", "workers.input", "workers.transcript"]

/** Pages that are followed before the kit says that they do not end. */
const maxPages = 200

const conversation = Effect.fnUntraced(function* (bench: Bench) {
  const { worker_id } = yield* bench.worker()
  for (const text of ["one", "two", "three"]) yield* bench.talk(worker_id, user(text))
  return worker_id
})

const walk = Effect.fnUntraced(function* (bench: Bench, worker_id: WorkerId, limit: number | undefined) {
  const items: Array<TranscriptItem> = []
  for (let start: number | null = 0, pages = 0; start !== null; pages++) {
    if (pages > maxPages) return yield* broken(`The transcript is not over after ${maxPages} pages`)
    const asked: number = start
    const query = limit === undefined ? { start: asked } : { start: asked, limit }
    const page: TranscriptPage = yield* bench.source.transcript(worker_id, query)
    yield* same(page.start, asked, "start of the page")
    if (limit !== undefined) {
      yield* same(page.limit, limit, "limit of the page")
      yield* that(page.items.length <= limit, `A page of at most ${limit} items holds ${page.items.length}`)
    }
    items.push(...page.items)
    const end = asked + page.items.length
    yield* same(page.next_start, end < page.total_items ? end : null, "next_start of the page")
    start = page.next_start
  }
  return items
})

export const cases: ReadonlyArray<Case> = [
  {
    id: "transcript.order",
    tier: "core",
    needs,
    sentence:
      "Items are numbered 1, 2, 3, … in the order in which they were said, each by an event after the one before.",
    run: Effect.fnUntraced(function* (bench) {
      const worker_id = yield* conversation(bench)
      const items = yield* walk(bench, worker_id, undefined)
      yield* same(
        items.map((it) => it.sequence),
        items.map((_, index) => index + 1),
        "Sequence"
      )
      const events = items.map((it) => it.event_id)
      yield* same(
        events,
        [...new Set(events)].toSorted((a, b) => a - b),
        "Event ids"
      )
      const said = items.filter((it) => it.role === "user").map((it) => it.content)
      yield* same(said, ["one", "two", "three"], "What was said")
      yield* same((yield* bench.source.get(worker_id)).transcript_len, items.length, "transcript_len")
    })
  },
  {
    id: "transcript.pages",
    tier: "core",
    needs,
    sentence: "Pages of any size hold at most as many items as asked for, and together the whole transcript once.",
    run: Effect.fnUntraced(function* (bench) {
      const worker_id = yield* conversation(bench)
      const whole = yield* walk(bench, worker_id, undefined)
      for (const limit of [1, 2, 4]) {
        yield* same(yield* walk(bench, worker_id, limit), whole, `Transcript in pages of ${limit}`)
      }
    })
  },
  {
    id: "transcript.past-the-end",
    tier: "core",
    needs,
    sentence: "A page past the end is empty and the last one.",
    run: Effect.fnUntraced(function* (bench) {
      const worker_id = yield* conversation(bench)
      const { total_items } = yield* bench.source.transcript(worker_id, {})
      for (const start of [total_items, total_items + 1_000]) {
        const page = yield* bench.source.transcript(worker_id, { start })
        yield* same([page.items, page.next_start], [[], null], `The page from ${start}`)
      }
    })
  },
  {
    id: "transcript.limit-too-small",
    tier: "core",
    needs,
    sentence: "A transcript limit below 1 is refused: an empty page would never end.",
    run: Effect.fnUntraced(function* (bench) {
      const worker_id = yield* conversation(bench)
      for (const limit of [0, -1]) {
        const call = bench.source.transcript(worker_id, { limit })
        yield* refused(bench.source, call, { operation: "worker.transcript", worker_id }, "invalid_query")
      }
    })
  },
  {
    id: "transcript.limit-too-large",
    tier: "core",
    needs,
    sentence: "A limit above the maximum is refused with the maximum or lowered to it; without one the maximum holds.",
    run: Effect.fnUntraced(function* (bench) {
      const { described, source } = bench
      const max = described.max_transcript_items
      const worker_id = yield* conversation(bench)
      yield* same((yield* source.transcript(worker_id, {})).limit, max, "limit without one")
      const call = source.transcript(worker_id, { limit: max + 1 })
      const lowered = yield* Effect.option(call)
      if (lowered._tag === "Some") return yield* same(lowered.value.limit, max, "The lowered limit")
      const problem = yield* refused(source, call, { operation: "worker.transcript", worker_id }, "limit_too_large")
      yield* same(problem.context.max, max, "max in the refusal")
    })
  },
  {
    id: "transcript.bytes",
    tier: "core",
    needs,
    sentence: "A page stays within the declared bytes, and long items are still all reached.",
    run: Effect.fnUntraced(function* (bench) {
      const { described, source } = bench
      const max = Declared.limit(described, "workers.transcript", "max_bytes")
      const largest = Declared.limit(described, "workers.input", "max_bytes")
      if (max === undefined || largest === undefined) return
      const { worker_id } = yield* bench.worker()
      const content = "x".repeat(largest)
      const count = Math.floor(max / largest) + 1
      for (let said = 0; said < count; said++) yield* bench.talk(worker_id, system(content))
      const page = yield* source.transcript(worker_id, {})
      const bytes = page.items.reduce((sum, it) => sum + it.content.length, 0)
      yield* that(page.items.length === 1 || bytes <= max, `A page holds ${bytes} bytes, more than ${max}`)
      const all = yield* walk(bench, worker_id, undefined)
      yield* that(all.filter((it) => it.role === "system").length === count, "Not all long items are reached")
    })
  }
]
