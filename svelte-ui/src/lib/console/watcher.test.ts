import { assert, beforeEach, it } from "vitest"
import type { EventHandlers } from "#lib/api/events.ts"
import type { Frame } from "#lib/api/wire.ts"
import { EventWatcher, type Link } from "./watcher.ts"

const snapshot = (cursor: string): Frame => ({
  kind: "event",
  envelope: {
    cursor,
    event_id: "1",
    payload: {
      event: "snapshot",
      data: {
        status: "idle",
        state: "idle",
        transcript: { start: 0, total_items: 0, items: [] },
        in_flight: null,
        as_of: "1"
      }
    }
  }
})

interface Opened {
  readonly cursor: string | undefined
  readonly handlers: EventHandlers
  closed: boolean
}
let opened: Array<Opened>
let pauses: Array<{ ms: number; run: () => void; cancelled: boolean }>
let links: Array<Link["kind"]>
let answer: "exists" | "gone" | "login" | "unknown"
let watcher: EventWatcher

beforeEach(() => {
  opened = []
  pauses = []
  links = []
  answer = "exists"
  watcher = new EventWatcher(
    {
      open: (cursor, handlers) => {
        const one: Opened = { cursor, handlers, closed: false }
        opened.push(one)
        return { close: () => (one.closed = true) }
      },
      inquire: async () => answer,
      now: () => 1_000,
      random: () => 0.5,
      after: (ms, run) => {
        const pause = { ms, run, cancelled: false }
        pauses.push(pause)
        return () => (pause.cancelled = true)
      }
    },
    (_, link) => links.push(link.kind)
  )
  watcher.start()
})
const last = () => opened.at(-1)!.handlers
const settled = () => new Promise((done) => setImmediate(done))

it("resumes from the last cursor after every close that is not final", () => {
  for (const [round, code] of [1006, 1012, 1001, 4408, 4429].entries()) {
    last().onopen()
    last().onframe(snapshot(`c${round}`))
    last().onframe({ kind: "bookmark", cursor: `b${round}` })
    last().onclose(code, "")
    pauses.at(-1)!.run()
    assert.strictEqual(opened.at(-1)!.cursor, `b${round}`)
  }
  assert.isTrue(pauses.every(({ ms }) => ms === 250))
})

it("says live only once data has come", () => {
  last().onopen()
  last().onframe({ kind: "hello", epoch: "e", heartbeat_ms: 1 })
  assert.strictEqual(links.at(-1), "connecting")
  last().onframe(snapshot("c"))
  assert.strictEqual(links.at(-1), "live")
})

it("waits longer after each failure in a row, without an end, and also when the server only accepts and drops", () => {
  for (let round = 0; round < 40; round++) {
    if (round % 2 === 0) {
      last().onopen()
      last().onframe({ kind: "hello", epoch: "e", heartbeat_ms: 1 })
    }
    last().onclose(1006, "")
    pauses.at(-1)!.run()
  }
  assert.deepStrictEqual(
    pauses.slice(0, 4).map(({ ms }) => ms),
    [250, 500, 1_000, 2_000]
  )
  assert.strictEqual(pauses.at(-1)!.ms, 15_000)
  assert.strictEqual(opened.length, 41)
})

it("stops at the codes that are final", () => {
  for (const code of [4400, 4401, 4406]) {
    watcher.startAfresh()
    last().onclose(code, "")
    assert.strictEqual(links.at(-1), "refused")
  }
  watcher.startAfresh()
  last().onclose(4404, "")
  assert.strictEqual(links.at(-1), "gone")
  assert.strictEqual(pauses.length, 0)
})

it("does not reconnect to a worker that has ended", () => {
  last().onframe(snapshot("c"))
  last().onframe({ kind: "end", status: "stopped" })
  last().onclose(1000, "")
  assert.strictEqual(links.at(-1), "ended")
  assert.strictEqual(pauses.length, 0)
})

it("asks why when the upgrade itself failed, and stops when the worker is gone or a login is needed", async () => {
  answer = "gone"
  last().onclose(1006, "")
  await settled()
  assert.strictEqual(links.at(-1), "gone")
  assert.isTrue(pauses[0]!.cancelled)
  watcher.startAfresh()
  answer = "login"
  last().onclose(1006, "")
  await settled()
  assert.strictEqual(links.at(-1), "refused")
})

it("keeps trying when nobody can say why", async () => {
  answer = "unknown"
  last().onclose(1006, "")
  await settled()
  assert.strictEqual(links.at(-1), "waiting")
  assert.isFalse(pauses[0]!.cancelled)
})

it("can be told not to wait", () => {
  last().onclose(1006, "")
  watcher.reconnectNow()
  assert.isTrue(pauses[0]!.cancelled)
  assert.strictEqual(opened.length, 2)
  watcher.reconnectNow()
  assert.strictEqual(opened.length, 2)
})

it("starts afresh without a cursor", () => {
  last().onframe(snapshot("c"))
  watcher.startAfresh()
  assert.isUndefined(opened.at(-1)!.cursor)
  assert.isTrue(opened[0]!.closed)
})

it("once closed does nothing more", async () => {
  watcher.close()
  last().onclose(1006, "")
  await settled()
  assert.isTrue(opened[0]!.closed)
  assert.strictEqual(pauses.length, 0)
})
