import { afterEach, assert, beforeEach, it, vi } from "vitest"
import { failed, type Outcome, pageProblem } from "#lib/api/problem.ts"
import { Live } from "./live.svelte.ts"

const everyMs = 1_000
let page: EventTarget & { hidden: boolean }
let reads: Array<{ signal: AbortSignal; answer: (outcome: Outcome<number>) => Promise<void> }>
let live: Live<number>
let stop: () => void

const good = (value: number): Outcome<number> => ({ ok: true, value, etag: `"${value}"` })
const last = () => reads.at(-1)!
const hide = (hidden: boolean) => {
  page.hidden = hidden
  page.dispatchEvent(new Event("visibilitychange"))
}

beforeEach(() => {
  vi.useFakeTimers()
  page = Object.assign(new EventTarget(), { hidden: false })
  vi.stubGlobal("document", page)
  vi.stubGlobal("addEventListener", () => undefined)
  vi.stubGlobal("removeEventListener", () => undefined)
  reads = []
  live = new Live(
    (signal) =>
      new Promise((resolve) => {
        reads.push({
          signal,
          answer: async (outcome) => {
            resolve(outcome)
            await vi.advanceTimersByTimeAsync(0)
          }
        })
      }),
    everyMs
  )
  stop = live.watch()
})
afterEach(() => {
  stop()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

it("reads at once, and again a pause after each answer", async () => {
  assert.strictEqual(reads.length, 1)
  await last().answer(good(1))
  assert.strictEqual(live.value, 1)
  assert.strictEqual(live.etag, '"1"')
  await vi.advanceTimersByTimeAsync(everyMs - 1)
  assert.strictEqual(reads.length, 1)
  await vi.advanceTimersByTimeAsync(1)
  assert.strictEqual(reads.length, 2)
})

it("keeps the last good answer through a failure and goes on", async () => {
  await last().answer(good(1))
  await vi.advanceTimersByTimeAsync(everyMs)
  await last().answer(failed(pageProblem("backend_unreachable")))
  assert.strictEqual(live.value, 1)
  assert.strictEqual(live.problem?.code, "backend_unreachable")
  await vi.advanceTimersByTimeAsync(everyMs)
  await last().answer(good(2))
  assert.strictEqual(live.value, 2)
  assert.isUndefined(live.problem)
})

it("rests while the page is hidden and catches up when it is seen", async () => {
  hide(true)
  await last().answer(good(1))
  await vi.advanceTimersByTimeAsync(everyMs * 10)
  assert.strictEqual(reads.length, 1)
  hide(false)
  assert.strictEqual(reads.length, 2)
})

it("drops an answer that a newer read overtook", async () => {
  const first = last()
  void live.refresh()
  await last().answer(good(2))
  await first.answer(good(1))
  assert.isTrue(first.signal.aborted)
  assert.strictEqual(live.value, 2)
})

it("once stopped it neither reads nor changes", async () => {
  stop()
  assert.isTrue(last().signal.aborted)
  await last().answer(good(1))
  await vi.advanceTimersByTimeAsync(everyMs * 10)
  hide(false)
  assert.strictEqual(reads.length, 1)
  assert.isUndefined(live.value)
})
