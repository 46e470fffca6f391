import { assert, it } from "vitest"
import { pageProblem } from "#lib/api/problem.ts"
import type { Outcome } from "#lib/api/problem.ts"
import type { TranscriptPage } from "#lib/api/wire.ts"
import { lookBack, Pager } from "./pager.ts"

/** A transcript of `total`, read in pages of `size`; `view` are the positions in view. */
const transcript = (total: number, size: number, view: Array<number>) => {
  const loaded = new Set<number>()
  const starts: Array<number> = []
  let problem: ReturnType<typeof pageProblem> | undefined
  let fail = false
  const pager = new Pager(
    async (start): Promise<Outcome<{ readonly transcript: TranscriptPage }>> => {
      starts.push(start)
      if (fail) return { ok: false, problem: pageProblem("backend_timeout") }
      const items = Array.from({ length: Math.max(0, Math.min(size, total - start)) }, (_, index) => ({
        sequence: start + index + 1,
        role: "user" as const,
        content: "",
        event_id: 1
      }))
      return {
        ok: true,
        etag: undefined,
        value: { transcript: { start, limit: size, total_items: total, next_start: null, items } }
      }
    },
    () => view.find((position) => !loaded.has(position)),
    (page) => page.items.forEach((_, index) => loaded.add(page.start + index)),
    (next) => (problem = next)
  )
  return { pager, starts, loaded, view, problem: () => problem, failing: (value: boolean) => (fail = value) }
}

it("reads the page around the first hole in view, once", async () => {
  const one = transcript(10_000, 200, [5_000, 5_001])
  await one.pager.look()
  await one.pager.look()
  assert.deepStrictEqual(one.starts, [5_000 - lookBack])
})

it("goes on while there are holes in view", async () => {
  const one = transcript(10_000, 200, [300, 900])
  await one.pager.look()
  assert.deepStrictEqual(one.starts, [200, 800])
})

it("asks for the hole itself when a page ended before it", async () => {
  const one = transcript(10_000, 10, [500])
  await one.pager.look()
  assert.deepStrictEqual(one.starts, [400, 500])
})

it("gives up on a hole that no page fills", async () => {
  const one = transcript(100, 200, [500])
  await one.pager.look()
  assert.deepStrictEqual(one.starts, [400, 500])
})

it("stops at a failure until it is asked to try again", async () => {
  const one = transcript(1_000, 200, [0])
  one.failing(true)
  await one.pager.look()
  await one.pager.look()
  assert.strictEqual(one.starts.length, 1)
  assert.strictEqual(one.problem()?.code, "backend_timeout")
  one.failing(false)
  one.pager.retry()
  await new Promise((done) => setImmediate(done))
  assert.isTrue(one.loaded.has(0))
  assert.isUndefined(one.problem())
})

it("never reads two pages at once", async () => {
  const one = transcript(1_000, 200, [0])
  await Promise.all([one.pager.look(), one.pager.look(), one.pager.look()])
  assert.strictEqual(one.starts.length, 1)
})
