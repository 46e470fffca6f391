import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Random, Schema } from "effect"
import * as EventCursor from "./EventCursor.ts"
import { EventLog, type LogEntry } from "./EventLog.ts"
import * as Snapshot from "./Snapshot.ts"
import { maxQueuedInputs, queuedPreviewLength } from "./Worker.ts"
import { event, isDurable, type WorkerEvent } from "./WorkerEvent.ts"

/** The snapshot after the events, numbered as a log would number them. */
const after = (events: ReadonlyArray<WorkerEvent>, from: Snapshot.Snapshot = Snapshot.empty): Snapshot.Snapshot => {
  let seq = Number(from.as_of)
  return events.reduce((it, next) => Snapshot.apply(it, next, isDurable(next) ? String(++seq) : undefined), from)
}

const user = (content: string) => event({ event: "user_message", data: { segments: [{ kind: "text", content }] } })
const done = (text: string) => event({ event: "text_done", data: { text } })
const delta = (text: string) => event({ event: "text_delta", data: { text } })
const running = event({ event: "status", data: { status: "running", state: "busy" } })
const idle = event({ event: "status", data: { status: "idle", state: "idle" } })

describe("Snapshot", () => {
  it("inputs wait in the order in which they were queued, by their beginning, until they leave", () => {
    const queued = (input_id: string, content: string) =>
      event({ event: "input_queued", data: { input_id, kind: "user", content, queued_at: "2026-01-01T00:00:00.000Z" } })
    const left = (input_id: string) => event({ event: "input_unqueued", data: { input_id, reason: "cancelled" } })
    const contents = (it: Snapshot.Snapshot) => it.queued_inputs?.map(({ content }) => content)
    const two = after([running, queued("1", "a"), queued("2", "b".repeat(1_000))])
    assert.deepStrictEqual(contents(two), ["a", "b".repeat(queuedPreviewLength)])
    assert.deepStrictEqual(contents(after([left("1")], two)), ["b".repeat(queuedPreviewLength)])
    assert.strictEqual(two.as_of, "3")
    assert.notProperty(after([left("1"), left("2")], two), "queued_inputs")
    assert.deepStrictEqual(contents(after([left("3"), queued("1", "again")], two))?.[1], "again")
    const many = after(Array.from({ length: maxQueuedInputs + 1 }, (_, index) => queued(`${index}`, "x")))
    assert.strictEqual(many.queued_inputs?.length, maxQueuedInputs)
  })

  it("permission requests are open until they are resolved or the turn is over", () => {
    const options = [{ id: "yes", kind: "allow_once", name: "Yes" }]
    const request = { id: "p", tool_call_id: "c", title: "May I?", options, expires_at: "2026-01-01T00:00:00.000Z" }
    const asked = after([running, event({ event: "permission_request", data: request })])
    assert.deepStrictEqual(asked.permission_requests, [request])
    const closing: ReadonlyArray<WorkerEvent> = [
      event({ event: "permission_resolved", data: { id: "p", outcome: "expired" } }),
      event({ event: "run_end", data: { result: "finished" } }),
      idle
    ]
    for (const next of closing) assert.notProperty(after([next], asked), "permission_requests")
    const other = event({ event: "permission_resolved", data: { id: "q", outcome: "expired" } })
    assert.deepStrictEqual(after([other, running], asked).permission_requests, [request])
    assert.notProperty(after([{ event: "permission_request", data: { id: "p" } }]), "permission_requests")
  })

  it("messages of all three roles become items with sequence and event id", () => {
    const it = after([user("hi"), event({ event: "system_item", data: { item: { content: "note" } } }), done("ho")])
    assert.deepStrictEqual(it.transcript, {
      start: 0,
      total_items: 3,
      items: [
        { sequence: 1, role: "user", content: "hi", event_id: 1 },
        { sequence: 2, role: "system", content: "note", event_id: 2 },
        { sequence: 3, role: "assistant", content: "ho", event_id: 3 }
      ]
    })
    assert.strictEqual(it.as_of, "3")
  })

  it("the segments of a message are joined", () => {
    const segments = [
      { kind: "text", content: "a" },
      { kind: "text", content: "b" }
    ] as const
    assert.strictEqual(after([event({ event: "user_message", data: { segments } })]).transcript.items[0]?.content, "ab")
  })

  it("text grows in flight and leaves it when it is done", () => {
    const growing = after([running, delta("he"), delta("llo")])
    assert.strictEqual(growing.in_flight?.text, "hello")
    assert.strictEqual(growing.as_of, "1")
    assert.isNull(after([done("hello")], growing).in_flight)
  })

  it("finished text leaves thinking and tool calls in flight", () => {
    const it = after([
      event({ event: "thinking_delta", data: { text: "hm" } }),
      event({ event: "tool_call_start", data: { id: "1", name: "ls" } }),
      event({ event: "tool_call_args_delta", data: { id: "1", json: '{"a"' } }),
      event({ event: "tool_call_args_delta", data: { id: "1", json: ":1}" } }),
      event({ event: "tool_call_args_delta", data: { id: "2", json: "stray" } }),
      delta("x"),
      done("x")
    ])
    assert.deepStrictEqual(it.in_flight, {
      text: "",
      thinking: "hm",
      tool_calls: [{ id: "1", name: "ls", json: '{"a":1}' }]
    })
    const calls = after([event({ event: "thinking_done", data: { text: "hm" } })], it)
    assert.strictEqual(calls.in_flight?.thinking, "")
    const none = after([event({ event: "tool_call_done", data: { id: "1", name: "ls", arguments: {} } })], calls)
    assert.isNull(none.in_flight)
  })

  it("the end of a run and an idle status drop what was in flight", () => {
    assert.isNull(after([delta("x"), event({ event: "run_end", data: { result: "rolled_back" } })]).in_flight)
    assert.isNull(after([delta("x"), idle]).in_flight)
    assert.strictEqual(after([delta("x"), running]).in_flight?.text, "x")
  })

  it("a status without a state, as a foreign runtime sends it, still tells busy from idle", () => {
    const foreign = (status: "idle" | "running" | "paused") => after([event({ event: "status", data: { status } })])
    assert.deepStrictEqual([foreign("running").state, foreign("running").status], ["busy", "running"])
    assert.deepStrictEqual([foreign("idle").state, foreign("idle").status], ["idle", "idle"])
    assert.strictEqual(foreign("paused").status, "paused")
  })

  it("unknown events only move the resume point", () => {
    const before = after([user("hi")])
    assert.deepStrictEqual(after([{ event: "novelty", data: { x: 1 } }], before), { ...before, as_of: "2" })
  })

  it("malformed data of known events is taken as empty and never throws", () => {
    const odd: ReadonlyArray<Record<string, unknown>> = [
      {},
      { segments: null, item: null, text: 5, id: 7, json: {} },
      { segments: [null, 1, { content: 2 }], item: 3, text: null, sequence: "4", status: 1, state: 2 }
    ]
    const names = ["user_message", "system_item", "text_done", "text_delta", "thinking_delta", "thinking_done"]
    const more = ["tool_call_start", "tool_call_args_delta", "tool_call_done", "status", "run_end", "error", "usage"]
    const it = after([...names, ...more].flatMap((name) => odd.map((data) => ({ event: name, data }))))
    assert.isTrue(Schema.is(Snapshot.Snapshot)(it))
  })

  it("the tail keeps the newest items, by count", () => {
    const it = after(Array.from({ length: Snapshot.maxTailItems + 7 }, (_, i) => user(`${i + 1}`)))
    assert.strictEqual(it.transcript.items.length, Snapshot.maxTailItems)
    assert.strictEqual(it.transcript.start, 7)
    assert.strictEqual(it.transcript.total_items, Snapshot.maxTailItems + 7)
    assert.strictEqual(it.transcript.items[0]?.sequence, 8)
  })

  it("the tail keeps the newest items, by length, and the last one however long", () => {
    const half = "x".repeat(Snapshot.maxTailLength / 2)
    const two = after([user("old"), user(half), user(half)])
    assert.deepStrictEqual([two.transcript.start, two.transcript.items.length], [1, 2])
    const one = after([user("old"), user(`${half}${half}x`)])
    assert.deepStrictEqual([one.transcript.start, one.transcript.items.length], [1, 1])
  })

  it("text in flight keeps its end, and tool calls in flight their newest", () => {
    const long = after([delta("x".repeat(Snapshot.maxInFlightLength)), delta("yz")])
    const kept = long.in_flight?.text.length ?? 0
    assert.isAtMost(kept, Snapshot.maxInFlightLength)
    assert.isAtLeast(kept, Snapshot.maxInFlightLength / 2)
    assert.isTrue(long.in_flight?.text.endsWith("xyz"))
    // Not cut anew for each delta.
    assert.strictEqual(Snapshot.apply(long, delta("!"), undefined).in_flight?.text.length, kept + 1)
    const calls = Array.from({ length: Snapshot.maxInFlightCalls + 3 }, (_, i) =>
      event({ event: "tool_call_start", data: { id: `${i}`, name: "n" } })
    )
    const many = after(calls).in_flight?.tool_calls
    assert.strictEqual(many?.length, Snapshot.maxInFlightCalls)
    assert.strictEqual(many?.[0]?.id, "3")
  })

  it.effect("a client that is cut and resumes anywhere ends equal to one that never disconnected", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 150; seed++) yield* resumed(seed).pipe(Random.withSeed(`snapshot-${seed}`))
    })
  )
})

/** What a client does: the snapshot replaces its state; a durable event that is part of it already is skipped. */
class Client {
  state: Snapshot.Snapshot = Snapshot.empty
  cursor: EventCursor.EventCursor | undefined
  detach: (() => void) | undefined

  connect(log: EventLog): void {
    const attached = log.attach(this.cursor, (entry) => this.take(entry))
    this.detach = attached.detach
    this.state = attached.snapshot
    this.cursor = Option.getOrThrow(EventCursor.parse(attached.cursor))
    for (const entry of attached.replay) this.take(entry)
  }

  take(entry: LogEntry): void {
    if (entry.durable) {
      this.cursor = Option.getOrThrow(EventCursor.parse(entry.cursor))
      if (entry.seq <= Number(this.state.as_of)) return
    }
    this.state = Snapshot.apply(this.state, entry.event, entry.durable ? entry.event_id : undefined)
  }
}

const something = Effect.gen(function* () {
  const id = `${yield* Random.nextIntBetween(0, 2)}`
  const text = "word ".repeat(yield* Random.nextIntBetween(1, 3))
  const choices: ReadonlyArray<WorkerEvent> = [
    user(text),
    done(text),
    delta(text),
    delta(text),
    running,
    idle,
    event({ event: "thinking_delta", data: { text } }),
    event({ event: "thinking_done", data: { text } }),
    event({ event: "tool_call_start", data: { id, name: "n" } }),
    event({ event: "tool_call_args_delta", data: { id, json: text } }),
    event({ event: "tool_call_done", data: { id, name: "n", arguments: {} } }),
    event({ event: "tool_result", data: { id, summary: text, is_error: false } }),
    event({ event: "run_end", data: { result: "finished" } }),
    { event: "novelty", data: {} }
  ]
  return choices[yield* Random.nextIntBetween(0, choices.length - 1)]!
})

const resumed = Effect.fnUntraced(function* (seed: number) {
  const log = new EventLog({ epoch: "e", maxEvents: yield* Random.nextIntBetween(1, 20) })
  const faithful = new Client()
  faithful.connect(log)
  const clients = Array.from({ length: 3 }, () => new Client())
  for (let step = 0; step < 80; step++) {
    log.append(yield* something)
    for (const client of clients) {
      if ((yield* Random.nextIntBetween(0, 5)) > 0) continue
      if (client.detach === undefined) client.connect(log)
      else {
        client.detach()
        client.detach = undefined
      }
    }
  }
  for (const client of clients) {
    if (client.detach === undefined) client.connect(log)
    assert.deepStrictEqual(client.state, faithful.state, `seed ${seed}`)
    assert.deepStrictEqual(client.cursor, faithful.cursor, `seed ${seed}`)
  }
  assert.deepStrictEqual(log.snapshot, faithful.state, `seed ${seed}`)
})
