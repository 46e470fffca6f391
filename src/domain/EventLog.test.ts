import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Random } from "effect"
import * as EventCursor from "./EventCursor.ts"
import { EventLog, type LogEntry, type ResyncReason } from "./EventLog.ts"
import * as Snapshot from "./Snapshot.ts"
import { event, type WorkerEvent } from "./WorkerEvent.ts"

const epoch = "epoch-a"
const said = (text: string): WorkerEvent => event({ event: "text_done", data: { text } })
const delta = (text: string): WorkerEvent => event({ event: "text_delta", data: { text } })
const at = (seq: number, of = epoch): EventCursor.EventCursor => ({ epoch: of, seq })
const ignore = () => {}

const filled = (count: number, options: { readonly maxEvents?: number; readonly maxBytes?: number } = {}) => {
  const log = new EventLog({ epoch, ...options })
  for (let i = 1; i <= count; i++) log.append(said(`${i}`))
  return log
}

const ids = (entries: ReadonlyArray<LogEntry>) => entries.map((entry) => entry.event_id)

describe("EventLog", () => {
  it("a watcher without a cursor starts at the snapshot and replays nothing", () => {
    const attached = filled(3).attach(undefined, ignore)
    assert.strictEqual(attached.resync, undefined)
    assert.deepStrictEqual(attached.replay, [])
    assert.strictEqual(attached.cursor, `${epoch}.3`)
    assert.strictEqual(attached.snapshot.transcript.total_items, 3)
    assert.strictEqual(attached.snapshot.as_of, "3")
  })

  it("a watcher with a cursor replays what came after it, and live events begin where the replay ends", () => {
    const log = filled(5)
    const live: Array<LogEntry> = []
    const attached = log.attach(at(2), (entry) => live.push(entry))
    assert.deepStrictEqual(ids(attached.replay), ["3", "4", "5"])
    assert.strictEqual(attached.cursor, `${epoch}.2`)
    log.append(said("6"))
    assert.deepStrictEqual(ids(live), ["6"])
  })

  it("a cursor at the head replays nothing and is no resync", () => {
    const attached = filled(5).attach(at(5), ignore)
    assert.strictEqual(attached.resync, undefined)
    assert.deepStrictEqual(attached.replay, [])
  })

  it("the oldest cursor that can be resumed from is the floor", () => {
    const log = filled(10, { maxEvents: 4 })
    assert.strictEqual(log.floor, 6)
    assert.deepStrictEqual(ids(log.attach(at(6), ignore).replay), ["7", "8", "9", "10"])
    const expired = log.attach(at(5), ignore)
    assert.strictEqual(expired.resync, "expired")
    assert.deepStrictEqual(expired.replay, [])
    assert.strictEqual(expired.cursor, `${epoch}.10`)
  })

  it("retention by length drops the oldest first, and a single event larger than all of it is not kept", () => {
    const one = JSON.stringify(said("x".repeat(100))).length
    const log = new EventLog({ epoch, maxBytes: 3 * one })
    for (let i = 0; i < 5; i++) log.append(said("x".repeat(100)))
    assert.strictEqual(log.floor, 2)
    log.append(said("x".repeat(3 * one)))
    assert.strictEqual(log.floor, 6)
    assert.strictEqual(log.attach(at(5), ignore).resync, "expired")
    assert.strictEqual(log.attach(at(6), ignore).resync, undefined)
  })

  it("retention stays exact over many times its size", () => {
    const log = filled(10_000, { maxEvents: 7 })
    assert.strictEqual(log.floor, 9_993)
    assert.strictEqual(log.attach(at(9_992), ignore).resync, "expired")
    assert.deepStrictEqual(ids(log.attach(at(9_993), ignore).replay), [
      "9994",
      "9995",
      "9996",
      "9997",
      "9998",
      "9999",
      "10000"
    ])
  })

  it("a cursor beyond the head is invalid", () => {
    assert.strictEqual(filled(3).attach(at(4), ignore).resync, "invalid")
  })

  it("a cursor of another epoch is told as such, whatever its number", () => {
    for (const seq of [0, 2, 99]) {
      const attached = filled(3).attach(at(seq, "epoch-b"), ignore)
      assert.strictEqual(attached.resync, "epoch_changed")
      assert.strictEqual(attached.cursor, `${epoch}.3`)
    }
  })

  it("a refused cursor still attaches: the next event is delivered", () => {
    const log = filled(3)
    const live: Array<LogEntry> = []
    log.attach(at(9), (entry) => live.push(entry))
    log.append(said("4"))
    assert.deepStrictEqual(ids(live), ["4"])
  })

  it("transient events repeat the last durable cursor, have ids of their own and are not replayed", () => {
    const log = filled(1)
    const live: Array<LogEntry> = []
    log.attach(undefined, (entry) => live.push(entry))
    log.append(delta("a"))
    log.append(delta("b"))
    log.append(said("ab"))
    log.append(delta("c"))
    assert.deepStrictEqual(ids(live), ["1.1", "1.2", "2", "2.1"])
    assert.deepStrictEqual(
      live.map((entry) => entry.cursor),
      [`${epoch}.1`, `${epoch}.1`, `${epoch}.2`, `${epoch}.2`]
    )
    assert.deepStrictEqual(ids(log.attach(at(0), ignore).replay), ["1", "2"])
    assert.strictEqual(log.head, 2)
  })

  it("an event that could not be stored is shown without a number of its own", () => {
    const log = filled(2)
    const entry = log.append(event({ event: "error", data: { code: "c", message: "m" } }), false)
    assert.deepStrictEqual([entry.durable, entry.event_id, entry.cursor], [false, "2.1", `${epoch}.2`])
    assert.strictEqual(log.snapshot.as_of, "2")
  })

  it("every watcher of an event gets the same entry, encoded once", () => {
    const log = filled(0)
    const seen: Array<LogEntry> = []
    log.attach(undefined, (entry) => seen.push(entry))
    log.attach(undefined, (entry) => seen.push(entry))
    const entry = log.append(said("x"))
    assert.strictEqual(seen[0], entry)
    assert.strictEqual(seen[1], entry)
    assert.strictEqual(entry.json, JSON.stringify(entry.event))
  })

  it("a detached watcher hears nothing more, and detaching twice is harmless", () => {
    const log = filled(0)
    const attached = log.attach(undefined, () => assert.fail("detached"))
    assert.strictEqual(log.watcherCount, 1)
    attached.detach()
    attached.detach()
    log.append(said("x"))
    assert.strictEqual(log.watcherCount, 0)
  })

  it("a restart begins a new epoch: earlier cursors are refused and every watcher is told, even one that attaches anew", () => {
    const log = filled(3)
    const told: Array<ResyncReason | "gone"> = []
    const start = () => {
      const attached = log.attach(undefined, ignore, (reason) => {
        told.push(reason)
        attached.detach()
        start()
      })
    }
    start()
    const before = log.headCursor
    log.restart("expired", Snapshot.empty, 40)
    assert.deepStrictEqual(told, ["expired"])
    assert.strictEqual(log.watcherCount, 1)
    const old = Option.getOrThrow(EventCursor.parse(before))
    assert.strictEqual(log.attach(old, ignore).resync, "epoch_changed")
    assert.strictEqual(log.append(said("x")).event_id, "41")
    assert.strictEqual(log.floor, 40)
    const now = Option.getOrThrow(EventCursor.parse(log.headCursor))
    log.restart("epoch_changed", Snapshot.empty, 0)
    assert.strictEqual(log.attach(now, ignore).resync, "epoch_changed")
    assert.isTrue(Option.isSome(EventCursor.parse(log.headCursor)))
  })

  it("an absent and an empty cursor mean a fresh start, a malformed one is the caller's mistake", () => {
    assert.deepStrictEqual(EventLog.parseCursor(undefined), Option.some(undefined))
    assert.deepStrictEqual(EventLog.parseCursor(""), Option.some(undefined))
    assert.deepStrictEqual(EventLog.parseCursor("e.12"), Option.some({ epoch: "e", seq: 12 }))
    const malformed = ["12", "e.", ".12", "e.-1", "e.01", "e.1.5", "e.1e3", "é.1", "e.1 ", "e.9999999999999999", "*"]
    for (const text of [...malformed, `${"e".repeat(65)}.1`, `e.${"1".repeat(300)}`]) {
      assert.deepStrictEqual(EventLog.parseCursor(text), Option.none(), text)
    }
  })

  it.effect(
    "whatever the order of appends, attachments, cuts and resumes, nobody misses or repeats a durable event",
    () =>
      Effect.gen(function* () {
        for (let seed = 1; seed <= 200; seed++) {
          yield* interleaved(seed).pipe(Random.withSeed(`log-${seed}`))
        }
      })
  )
})

/** A reader as an honest client is: what it has seen, where it would resume, and its current attachment. */
interface Reader {
  seen: Array<number>
  /** Number up to which the reader's state is complete: that of its snapshot or of the last durable event. */
  upTo: number
  cursor: EventCursor.EventCursor | undefined
  detach: (() => void) | undefined
}

const interleaved = Effect.fnUntraced(function* (seed: number) {
  const maxEvents = yield* Random.nextIntBetween(1, 12)
  const log = new EventLog({ epoch, maxEvents })
  const readers = Array.from({ length: 4 }, (): Reader => ({ seen: [], upTo: 0, cursor: undefined, detach: undefined }))
  const take = (reader: Reader, entry: LogEntry) => {
    const parsed = Option.getOrThrow(EventCursor.parse(entry.cursor))
    if (!entry.durable) {
      assert.strictEqual(parsed.seq, reader.upTo, `seed ${seed}: a transient event moved the resume point`)
      return
    }
    assert.strictEqual(entry.seq, reader.upTo + 1, `seed ${seed}: a hole or a duplicate`)
    reader.upTo = entry.seq
    reader.cursor = parsed
  }
  const attach = (reader: Reader) => {
    const live = (entry: LogEntry) => take(reader, entry)
    const attached = log.attach(reader.cursor, live)
    reader.detach = attached.detach
    if (reader.cursor === undefined || attached.resync !== undefined) {
      if (reader.cursor !== undefined) {
        assert.isBelow(reader.cursor.seq, log.floor, `seed ${seed}: a retained cursor was refused`)
      }
      reader.upTo = Number(attached.snapshot.as_of)
      reader.cursor = Option.getOrThrow(EventCursor.parse(attached.cursor))
      assert.deepStrictEqual(attached.replay, [])
    } else {
      for (const entry of attached.replay) take(reader, entry)
    }
    assert.strictEqual(reader.upTo, log.head, `seed ${seed}: the start of an attachment is incomplete`)
  }
  for (let step = 0; step < 120; step++) {
    const reader = readers[yield* Random.nextIntBetween(0, 3)]!
    switch (yield* Random.nextIntBetween(0, 4)) {
      case 0:
      case 1:
        log.append(said("durable"))
        break
      case 2:
        log.append(delta("transient"))
        break
      case 3:
        if (reader.detach === undefined) attach(reader)
        break
      default:
        reader.detach?.()
        reader.detach = undefined
    }
  }
  for (const reader of readers) {
    if (reader.detach === undefined) attach(reader)
    assert.strictEqual(reader.upTo, log.head)
  }
})
