import { assert, describe, it } from "vitest"
import type { Frame } from "#lib/api/wire.ts"
import type { ToolCall } from "./asideList.ts"
import { applyAside } from "./asides.ts"
import { maxGrowing } from "./payload.ts"
import { fill, initial, maxEntries, maxTurns, recalled, reduce, type StreamState } from "./stream.ts"

const event = (
  id: string,
  name: string,
  data: Record<string, unknown> = {},
  cursor = `c${Number.parseInt(id, 10)}`
): Frame => ({
  kind: "event",
  envelope: { cursor, event_id: id, worker_id: "w", runtime_id: "r", payload: { event: name, data } }
})
const item = (sequence: number, content = `entry ${sequence}`, event_id = sequence * 10) => ({
  sequence,
  role: sequence % 2 === 1 ? "user" : "assistant",
  content,
  event_id
})
const snapshot = (over: Record<string, unknown> = {}, cursor = "c20"): Frame =>
  event(
    "20",
    "snapshot",
    {
      status: "idle",
      state: "idle",
      transcript: { start: 0, total_items: 2, items: [item(1), item(2)] },
      in_flight: null,
      as_of: "20",
      ...over
    },
    cursor
  )
const run = (frames: ReadonlyArray<Frame>, from: StreamState = initial) => frames.reduce(reduce, from)
const contents = (state: StreamState) => state.entries.map((entry) => entry?.content)
const tools = (state: StreamState) => state.asides.filter((one): one is ToolCall => one.kind === "tool")
const frozen = <A extends object>(value: A): A => {
  for (const member of Object.values(value)) if (typeof member === "object" && member !== null) frozen(member)
  return Object.freeze(value)
}

describe("a snapshot", () => {
  it("shows the worker's state, the transcript tail and the text in flight", () => {
    const state = run([
      snapshot({
        status: "running",
        state: "busy",
        transcript: { start: 3, total_items: 5, items: [item(4), item(5)] },
        in_flight: { text: "hel", thinking: "hm", tool_calls: [{ id: "t", name: "read", json: '{"a' }] }
      })
    ])
    assert.isTrue(state.current)
    assert.strictEqual(state.status, "running")
    assert.strictEqual(state.workerState, "busy")
    assert.deepStrictEqual(contents(state), [undefined, undefined, undefined, "entry 4", "entry 5"])
    assert.deepStrictEqual(state.growing, { text: "hel", thinking: "hm" })
    assert.deepInclude(tools(state)[0], { id: "t", name: "read", input: '{"a', state: "calling" })
    assert.strictEqual(state.asOf, 20)
  })

  it("replaces the growing text and the tail of an earlier one", () => {
    const state = run([
      snapshot(),
      event("20.1", "text_delta", { text: "lost tail" }),
      snapshot({ transcript: { start: 0, total_items: 3, items: [item(1), item(2), item(3)] }, as_of: "30" })
    ])
    assert.deepStrictEqual(contents(state), ["entry 1", "entry 2", "entry 3"])
    assert.deepStrictEqual(state.growing, { text: "", thinking: "" })
  })

  it("keeps the pages read before a reconnection, because they are of the same history", () => {
    const before = fill(
      run([snapshot({ transcript: { start: 2, total_items: 3, items: [item(3)] }, as_of: "30" })]),
      0,
      [1, 2].map((sequence) => ({ ...item(sequence), eventId: sequence * 10 }) as never)
    )
    const state = run(
      [snapshot({ transcript: { start: 2, total_items: 4, items: [item(3), item(4)] }, as_of: "40" })],
      before
    )
    assert.deepStrictEqual(contents(state), ["entry 1", "entry 2", "entry 3", "entry 4"])
  })

  it("drops everything loaded when the tail contradicts it", () => {
    const before = run([snapshot()])
    const state = run(
      [snapshot({ transcript: { start: 1, total_items: 3, items: [item(2, "other", 77), item(3)] }, as_of: "80" })],
      before
    )
    assert.deepStrictEqual(contents(state), [undefined, "other", "entry 3"])
  })

  it("drops everything loaded after a resync", () => {
    const state = run([
      snapshot(),
      event("21", "error", { code: "x", message: "y" }),
      { kind: "resync", reason: "epoch_changed", cursor: "e2:0" },
      snapshot({ transcript: { start: 4, total_items: 5, items: [item(5)] }, as_of: "3" }, "e2:3")
    ])
    assert.deepStrictEqual(contents(state), [undefined, undefined, undefined, undefined, "entry 5"])
    assert.deepStrictEqual(state.asides, [])
    assert.strictEqual(state.asOf, 3)
    assert.strictEqual(state.cursor, "e2:3")
  })

  it("of a shape that cannot be read changes nothing but the cursor", () => {
    const before = run([snapshot()])
    const state = run([event("30", "snapshot", { transcript: "?" }, "c30")], before)
    assert.deepStrictEqual({ ...state, cursor: before.cursor }, before)
    assert.strictEqual(state.cursor, "c30")
  })

  it("of a transcript longer than the page holds shows its end", () => {
    const total = maxEntries + 10
    const state = run([snapshot({ transcript: { start: total - 1, total_items: total, items: [item(total)] } })])
    assert.strictEqual(state.first, 10)
    assert.strictEqual(state.entries.length, maxEntries)
    assert.strictEqual(state.entries.at(-1)?.sequence, total)
  })
})

describe("a resumed stream", () => {
  it("skips replayed entries that the snapshot holds and applies the later ones once", () => {
    const state = run([
      snapshot(),
      event("10", "user_message", { segments: [{ kind: "text", content: "entry 1" }], sequence: 1 }),
      event("20", "text_done", { text: "entry 2", sequence: 2 }),
      event("21", "user_message", { segments: [{ kind: "text", content: "third" }], sequence: 3 }),
      event("21", "user_message", { segments: [{ kind: "text", content: "third" }], sequence: 3 })
    ])
    assert.deepStrictEqual(contents(state), ["entry 1", "entry 2", "third"])
  })

  it("takes tool calls and errors that happened while it was away from the replay, once", () => {
    const replay = [
      event("21", "tool_call_done", { id: "t", name: "read", arguments: { path: "a" } }),
      event("22", "tool_result", { id: "t", summary: "ok", is_error: false }),
      event("23", "error", { code: "limit", message: "too long" })
    ]
    const state = run([snapshot(), snapshot({ as_of: "25" }), ...replay, ...replay])
    assert.deepInclude(tools(state)[0], { state: "done", summary: "ok", input: '{\n  "path": "a"\n}' })
    assert.strictEqual(tools(state).length, 1)
    assert.strictEqual(state.asides.length, 2)
    assert.strictEqual(state.asOf, 25)
  })

  it("does not let a repeated event wipe what has been written since", () => {
    const done = event("21", "text_done", { text: "a", sequence: 3 })
    const state = run([snapshot(), done, event("21.1", "text_delta", { text: "next" }), done])
    assert.strictEqual(state.growing.text, "next")
  })

  it("does not show a repeated result as another call", () => {
    const result = event("22", "tool_result", { id: "t", summary: "ok", is_error: false })
    const state = run([
      snapshot(),
      event("21", "tool_call_done", { id: "t", name: "n", arguments: {} }),
      result,
      result
    ])
    assert.strictEqual(tools(state).length, 1)
  })

  it("that starts with a snapshot shows no errors from before it", () => {
    assert.deepStrictEqual(run([snapshot(), event("15", "error", { code: "old", message: "" })]).asides, [])
  })

  it("does not interrupt a call in flight because an older run ended", () => {
    const state = run([
      snapshot(),
      snapshot({
        as_of: "30",
        status: "running",
        state: "busy",
        in_flight: { text: "", thinking: "", tool_calls: [{ id: "t", name: "n", json: "" }] }
      }),
      event("25", "run_end", { result: "finished" })
    ])
    assert.strictEqual(tools(state)[0]?.state, "calling")
  })

  it("does not let an old status overwrite the snapshot's", () => {
    const state = run([
      snapshot({ status: "running", state: "busy" }),
      event("15", "status", { status: "idle", state: "idle" })
    ])
    assert.strictEqual(state.status, "running")
  })
})

describe("live events", () => {
  it("grow text in place until the finished text takes its place", () => {
    const growing = run([
      snapshot(),
      event("20.1", "text_delta", { text: "he" }),
      event("20.2", "text_delta", { text: "llo" })
    ])
    assert.strictEqual(growing.growing.text, "hello")
    assert.strictEqual(growing.entries.length, 2)
    const done = run([event("21", "text_done", { text: "hello", sequence: 3 })], growing)
    assert.strictEqual(done.growing.text, "")
    assert.deepInclude(done.entries[2], { role: "assistant", content: "hello", sequence: 3, eventId: 21 })
  })

  it("put user and system entries at the place their sequence says", () => {
    const state = run([
      snapshot(),
      event("21", "user_message", {
        segments: [
          { kind: "text", content: "a" },
          { kind: "text", content: "b" }
        ],
        sequence: 3
      }),
      event("22", "system_item", { item: { content: "note" }, sequence: 4 })
    ])
    assert.deepInclude(state.entries[2], { role: "user", content: "ab" })
    assert.deepInclude(state.entries[3], { role: "system", content: "note" })
  })

  it("leave a hole for an entry that never came, and a page fills it", () => {
    const holed = run([snapshot(), event("25", "text_done", { text: "late", sequence: 4 })])
    assert.deepStrictEqual(contents(holed), ["entry 1", "entry 2", undefined, "late"])
    const filled = fill(holed, 1, [
      { sequence: 2, role: "assistant", content: "page 2", eventId: 20 },
      { sequence: 3, role: "user", content: "page 3", eventId: 22 }
    ])
    assert.deepStrictEqual(contents(filled), ["entry 1", "entry 2", "page 3", "late"])
    assert.strictEqual(fill(filled, 0, []), filled)
  })

  it("without a sequence are appended", () => {
    const state = run([snapshot(), event("21", "text_done", { text: "x" })])
    assert.strictEqual(state.entries[2]?.sequence, 3)
  })

  it("with an absurd sequence start over instead of filling memory", () => {
    const state = run([snapshot(), event("21", "text_done", { text: "far", sequence: 9_000_000_000 })])
    assert.strictEqual(state.entries.length, 1)
    assert.strictEqual(state.entries[0]?.content, "far")
  })

  it("fold a tool call from its first byte to its result", () => {
    const called = run([
      snapshot(),
      event("20.1", "tool_call_start", { id: "t", name: "read" }),
      event("20.2", "tool_call_args_delta", { id: "t", json: '{"p' }),
      event("20.3", "tool_call_args_delta", { id: "t", json: '":1}' })
    ])
    assert.deepInclude(tools(called)[0], { state: "calling", input: '{"p":1}' })
    const running = run([event("21", "tool_call_done", { id: "t", name: "read", arguments: '{"p":1}' })], called)
    assert.deepInclude(tools(running)[0], { state: "running", input: '{"p":1}' })
    const done = run(
      [event("22", "tool_result", { id: "t", summary: "no such file", output: { code: 2 }, is_error: true })],
      running
    )
    assert.deepInclude(tools(done)[0], { state: "failed", summary: "no such file", output: '{\n  "code": 2\n}' })
    assert.strictEqual(done.asides.length, 1)
  })

  it("open a new call when an id is used again", () => {
    const round = (n: number) => [
      event(`${n}`, "tool_call_done", { id: "t", name: "x", arguments: {} }),
      event(`${n + 1}`, "tool_result", { id: "t", summary: "", is_error: false })
    ]
    assert.strictEqual(tools(run([snapshot(), ...round(21), ...round(23)])).length, 2)
  })

  it("mark calls without a result as interrupted when the run is over", () => {
    const open = [snapshot(), event("21", "tool_call_done", { id: "t", name: "x", arguments: {} })]
    const closings: ReadonlyArray<Frame> = [
      event("22", "run_end", { result: "paused" }),
      event("22", "status", { status: "idle", state: "errored" }),
      { kind: "end", status: "cancelled" }
    ]
    for (const closing of closings) assert.strictEqual(tools(run([...open, closing]))[0]?.state, "interrupted")
  })

  it("keep a finished thought, an error and an unusual end of a run as asides", () => {
    const state = run([
      snapshot(),
      event("20.1", "thinking_delta", { text: "let me" }),
      event("21", "thinking_done", { text: "let me see" }),
      event("22", "error", { code: "overloaded", message: "later" }),
      event("23", "run_end", { result: "limit_reached" }),
      event("24", "run_end", { result: "finished" })
    ])
    assert.deepStrictEqual(
      state.asides.map(({ kind }) => kind),
      ["thought", "error", "run_end"]
    )
    assert.strictEqual(state.growing.thinking, "")
  })

  it("carry the worker's state and the usage", () => {
    const state = run([
      snapshot(),
      event("21", "status", { status: "running", state: "busy" }),
      event("21.1", "usage", { input_tokens: 7, output_tokens: 9 })
    ])
    assert.strictEqual(state.workerState, "busy")
    assert.deepStrictEqual(state.usage, { input: 7, output: 9 })
    const foreign = run([event("22", "status", { status: "running" })], state)
    assert.strictEqual(foreign.workerState, "busy")
  })

  it("drop the growing text when the worker goes idle", () => {
    const state = run([
      snapshot(),
      event("20.1", "text_delta", { text: "half" }),
      event("21", "status", { status: "idle", state: "idle" })
    ])
    assert.strictEqual(state.growing.text, "")
  })

  it("of unknown names and transient ones from before the snapshot change nothing that is shown", () => {
    const before = run([snapshot()])
    assert.strictEqual(
      run([event("20.1", "hologram", { x: 1 }), event("19.4", "text_delta", { text: "old" }, "c20")], before),
      before
    )
    assert.strictEqual(run([event("21", "hologram", {})], before).asOf, 21)
  })

  it("with members of the wrong type do no harm", () => {
    const state = run([
      snapshot(),
      event("20.1", "text_delta", { text: 5 }),
      event("20.2", "tool_call_start", { id: 5 }),
      event("21", "user_message", { segments: "?", sequence: -4 }),
      event("22", "tool_result", {}),
      event("23", "system_item", { item: null })
    ])
    assert.deepStrictEqual(contents(state), ["entry 1", "entry 2", "", ""])
    assert.deepStrictEqual(state.asides, [])
  })

  it("bound the growing text", () => {
    const state = run([
      snapshot(),
      event("20.1", "text_delta", { text: "x".repeat(maxGrowing) }),
      event("20.2", "text_delta", { text: "end" })
    ])
    assert.strictEqual(state.growing.text.length, maxGrowing)
    assert.isTrue(state.growing.text.endsWith("end"))
  })
})

describe("the cursor", () => {
  it("is the last one seen on an event, a bookmark or a resync", () => {
    const seen = [snapshot(), event("21", "error"), event("21.1", "text_delta", { text: "" }, "c21")]
    assert.strictEqual(run(seen).cursor, "c21")
    assert.strictEqual(run([{ kind: "bookmark", cursor: "b9" }], run(seen)).cursor, "b9")
    assert.strictEqual(run([{ kind: "resync", reason: "overflow", cursor: "r1" }], run(seen)).cursor, "r1")
  })

  it("is not moved by an empty one", () => {
    assert.strictEqual(run([{ kind: "bookmark", cursor: "" }], run([snapshot()])).cursor, "c20")
  })
})

describe("other frames", () => {
  it("an end is final until a snapshot says otherwise", () => {
    const ended = run([snapshot(), event("20.1", "text_delta", { text: "half" }), { kind: "end", status: "stopped" }])
    assert.strictEqual(ended.ended, "stopped")
    assert.strictEqual(ended.workerState, "stopped")
    assert.strictEqual(ended.growing.text, "")
    assert.isUndefined(run([snapshot()], ended).ended)
  })

  it("a resync marks what is shown as uncertain and counts", () => {
    const state = run([snapshot(), { kind: "resync", reason: "overflow", cursor: "x" }])
    assert.isFalse(state.current)
    assert.strictEqual(state.lastResync, "overflow")
    assert.strictEqual(state.resyncs, 1)
    assert.strictEqual(state.entries.length, 2)
  })

  it("hello and diagnostics are kept; a frame of a newer backend is ignored", () => {
    const state = run([
      { kind: "hello", epoch: "e", heartbeat_ms: 15_000 },
      { kind: "diagnostic", diagnostic: { code: "backend.upstream_lost", message: "again soon" } }
    ])
    assert.strictEqual(state.heartbeatMs, 15_000)
    assert.strictEqual(state.diagnostic?.code, "backend.upstream_lost")
    assert.strictEqual(reduce(state, { kind: "hologram" } as never), state)
  })
})

it("asides have keys of their own, whatever is repeated", () => {
  const error = { code: "x", message: "" }
  const twice = applyAside(applyAside([], "error", error, 5), "error", error, 5)
  assert.deepStrictEqual(
    twice.map(({ key }) => key),
    ["error-5"]
  )
})

it("the reducer never writes to the state that it was given", () => {
  const frames = [
    snapshot({ in_flight: { text: "a", thinking: "b", tool_calls: [{ id: "t", name: "n", json: "" }] } }),
    event("20.1", "tool_call_args_delta", { id: "t", json: "x" }),
    event("21", "tool_call_done", { id: "t", name: "n", arguments: {} }),
    event("22", "text_done", { text: "x", sequence: 3 }),
    snapshot({ as_of: "30" }),
    event("25", "error", {}),
    { kind: "end", status: "stopped" } as const
  ]
  assert.doesNotThrow(() =>
    frames.reduce((state, frame) => frozen(reduce(state, frozen(frame))), frozen({ ...initial }))
  )
})

it("any cut of a stream, resumed with a snapshot and the replay, shows the same as no cut", () => {
  const live: ReadonlyArray<Frame> = [
    event("21", "user_message", { segments: [{ kind: "text", content: "q" }], sequence: 3 }),
    event("22", "status", { status: "running", state: "busy" }),
    event("23", "tool_call_done", { id: "t", name: "n", arguments: {} }),
    event("24", "tool_result", { id: "t", summary: "s", is_error: false }),
    event("25", "text_done", { text: "a", sequence: 4 }),
    event("26", "error", { code: "c", message: "m" }),
    event("27", "status", { status: "idle", state: "idle" })
  ]
  const final = snapshot(
    {
      transcript: {
        start: 0,
        total_items: 4,
        items: [
          item(1),
          item(2),
          { sequence: 3, role: "user", content: "q", event_id: 21 },
          { sequence: 4, role: "assistant", content: "a", event_id: 25 }
        ]
      },
      as_of: "27"
    },
    "c27"
  )
  const whole = run([snapshot(), ...live])
  for (let cut = 0; cut <= live.length; cut++) {
    const resumed = run([snapshot(), ...live.slice(0, cut), final, ...live.slice(cut)])
    assert.deepStrictEqual(resumed.entries, whole.entries)
    assert.deepStrictEqual(resumed.asides, whole.asides)
    assert.strictEqual(resumed.cursor, whole.cursor)
    assert.strictEqual(resumed.workerState, "idle")
  }
})

describe("a page that is loaded anew", () => {
  const turn = (at: number) => [
    event(`${at}`, "user_message", { segments: [{ content: "go" }], sequence: at }),
    event(`${at + 1}`, "tool_call_start", { id: `t${at}`, name: "read" }),
    event(`${at + 2}`, "tool_result", { id: `t${at}`, output: "x" }),
    event(`${at + 3}`, "run_end", { result: "finished" })
  ]

  it("has the steps of the last turns again, and nothing twice", () => {
    const before = run([snapshot(), ...turn(21), ...turn(25)])
    assert.deepStrictEqual(before.turns, ["c20", "c24"])
    const { turns } = run([...turn(29)], { ...before, turns: before.turns.slice(1) })
    assert.deepStrictEqual(turns, ["c24", "c28"])
    // What a stream that resumes brings: a snapshot of now with the cursor of the reader, then what followed that cursor.
    const now = { transcript: { start: 0, total_items: 2, items: [item(1), item(2)] }, as_of: "32" }
    const again = run([snapshot(now, "c24"), ...turn(25), ...turn(29)], recalled(turns[0]))
    assert.deepStrictEqual(
      tools(again).map(({ id, state }) => [id, state]),
      [
        ["t25", "done"],
        ["t29", "done"]
      ]
    )
    assert.deepStrictEqual(contents(again), ["entry 1", "entry 2"])
    assert.deepStrictEqual([again.cursor, again.asOf, again.resyncs], ["c32", 32, 0])
    assert.deepStrictEqual(again.turns, ["c24", "c28"])
  })

  it("knows what is asked with the arguments of its call", () => {
    const asked = { id: "p", tool_call_id: "t21", title: "Read", options: [], expires_at: "2026-11-20T12:00:00Z" }
    const frames = [
      snapshot({ status: "running", state: "busy", permission_requests: [asked], as_of: "24" }, "c20"),
      event("21", "user_message", { segments: [{ content: "go" }], sequence: 1 }),
      event("22", "tool_call_start", { id: "t21", name: "read" }),
      event("23", "tool_call_done", { id: "t21", name: "read", arguments: { path: "a" } }),
      event("24", "permission_request", asked)
    ]
    const state = run(frames, recalled("c20"))
    assert.include(tools(state)[0]?.input, "path")
    assert.deepStrictEqual(
      state.asides.map(({ at, kind }) => [kind, at]),
      [
        ["tool", 22],
        ["permission", 24]
      ]
    )
  })

  it("starts without them when the worker's log no longer reaches back, and says nothing of it", () => {
    const state = run(
      [{ kind: "resync", reason: "expired", cursor: "c20" } as Frame, snapshot(), ...turn(21)],
      recalled("c3")
    )
    assert.strictEqual(state.resyncs, 0)
    assert.isUndefined(state.lastResync)
    assert.strictEqual(tools(state).length, 1)
    assert.deepStrictEqual(state.turns, ["c20"])
    assert.strictEqual(run([{ kind: "resync", reason: "overflow", cursor: "c24" } as Frame], state).resyncs, 1)
  })

  it(`resumes at most ${maxTurns} turns before the end`, () => {
    const many = Array.from({ length: maxTurns + 3 }, (_, n) => turn(21 + 4 * n)).flat()
    const { turns } = run([snapshot(), ...many])
    assert.strictEqual(turns.length, maxTurns)
    assert.strictEqual(turns[0], `c${20 + 4 * 3}`)
  })
})
