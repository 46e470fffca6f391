import { assert, it } from "vitest"
import type { Aside } from "./asideList.ts"
import type { Entry } from "./payload.ts"
import { rowsOf } from "./rows.ts"

const entry = (sequence: number, eventId: number): Entry => ({ sequence, role: "user", content: "", eventId })
const error = (at: number): Aside => ({ kind: "error", key: `error-${at}`, at, code: "", message: "" })
const keys = (...of: Parameters<typeof rowsOf>) => rowsOf(...of).map(({ key }) => key)

it("asides stand after the entry whose event came before theirs", () => {
  assert.deepStrictEqual(keys([entry(1, 3), entry(2, 9)], [error(4), error(8), error(12)], 0, false), [
    "entry-1",
    "error-4",
    "error-8",
    "entry-2",
    "error-12"
  ])
})

it("an aside of the same event as an entry stands after it", () => {
  assert.deepStrictEqual(keys([entry(1, 3), entry(2, 9)], [error(3)], 0, false), ["entry-1", "error-3", "entry-2"])
})

it("holes keep the key that their entry will have, and the growing end that of the next entry", () => {
  assert.deepStrictEqual(keys([undefined, entry(2, 9)], [], 0, true), ["entry-1", "entry-2", "entry-3"])
  assert.deepStrictEqual(keys([entry(1, 3), entry(2, 9), entry(3, 10)], [], 0, false), [
    "entry-1",
    "entry-2",
    "entry-3"
  ])
  assert.deepStrictEqual(keys([undefined], [], 41, true), ["entry-42", "entry-43"])
})

it("rows of unchanged things are the same objects", () => {
  const one = entry(1, 3)
  assert.strictEqual(rowsOf([one], [], 0, false)[0], rowsOf([one, entry(2, 4)], [], 0, true)[0])
})
