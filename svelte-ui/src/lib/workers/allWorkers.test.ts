import { assert, it } from "vitest"
import { pageProblem } from "#lib/api/problem.ts"
import type { Source, Worker, WorkerList } from "#lib/api/wire.ts"
import { readWorkers } from "./allWorkers.ts"

const worker = (id: string): Worker => ({
  runtime_id: "r",
  worker_id: id,
  display_name: id,
  profile: "builtin:echo",
  state: "idle",
  transcript_len: 0
})
const { signal } = new AbortController()
const pages = (...all: ReadonlyArray<WorkerList>) => {
  const asked: Array<string | undefined> = []
  const list = async ({ cursor }: { readonly cursor?: string | undefined }) => {
    asked.push(cursor)
    return { ok: true as const, etag: undefined, value: all[Number(cursor ?? 0)]! }
  }
  return { asked, list }
}

it("reads as many pages as were asked for and says whether there is more", async () => {
  const { asked, list } = pages(
    { items: [worker("a")], next_cursor: "1" },
    { items: [worker("b")], next_cursor: "2" },
    { items: [worker("c")] }
  )
  const two = await readWorkers({}, 2, signal, list)
  assert.deepStrictEqual(two.ok && two.value.items.map(({ worker_id }) => worker_id), ["a", "b"])
  assert.isTrue(two.ok && two.value.more)
  assert.deepStrictEqual(asked, [undefined, "1"])
  const nine = await readWorkers({}, 9, signal, list)
  assert.isFalse(nine.ok && nine.value.more)
})

it("shows a worker that moved to the next page meanwhile once, and keeps a failure of any page", async () => {
  const failure: Source = { runtime_id: "r", state: "failed", problem: { code: "runtime_timeout" } }
  const { list } = pages(
    { items: [worker("a")], sources: [failure], next_cursor: "1" },
    { items: [worker("a"), worker("b")], sources: [{ runtime_id: "r", state: "ok" }] }
  )
  const read = await readWorkers({}, 2, signal, list)
  assert.strictEqual(read.ok && read.value.items.length, 2)
  assert.deepStrictEqual(read.ok && read.value.sources, [failure])
})

it("fails as a whole when a page fails", async () => {
  const read = await readWorkers({}, 1, signal, async () => ({
    ok: false,
    problem: pageProblem("backend_unreachable")
  }))
  assert.isFalse(read.ok)
})
