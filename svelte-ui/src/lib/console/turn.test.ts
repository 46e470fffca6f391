import { assert, describe, it } from "vitest"
import type { Frame } from "#lib/api/wire.ts"
import type { Aside, Permission } from "./asideList.ts"
import { maxQueued } from "./payload.ts"
import { isPermission } from "./permissions.ts"
import { rowsOf } from "./rows.ts"
import { initial, reduce, type StreamState } from "./stream.ts"

const event = (id: string, name: string, data: Record<string, unknown> = {}): Frame => ({
  kind: "event",
  envelope: { cursor: `c${Number.parseInt(id, 10)}`, event_id: id, payload: { event: name, data } }
})
const snapshot = (over: Record<string, unknown> = {}): Frame => {
  const as_of = String(over["as_of"] ?? "10")
  const item = { sequence: 1, role: "user", content: "do it", event_id: 9 }
  return event(as_of, "snapshot", {
    status: "running",
    state: "busy",
    transcript: { start: 0, total_items: 1, items: [item] },
    in_flight: null,
    as_of,
    ...over
  })
}
const request = (id = "p", over: Record<string, unknown> = {}) => ({
  id,
  tool_call_id: "t",
  title: "Remove everything",
  options: [
    { id: "yes", kind: "allow_once", name: "Yes" },
    { id: "no", kind: "reject_once", name: "No" }
  ],
  expires_at: "2026-11-20T21:49:32.398Z",
  ...over
})
const waiting = (id: string, content = id) => ({
  input_id: id,
  kind: "user",
  content,
  queued_at: "2026-11-20T21:49:32.398Z"
})
const run = (frames: ReadonlyArray<Frame>, from: StreamState = initial) => frames.reduce(reduce, from)
const permissions = (state: StreamState) => state.asides.filter(isPermission)
const states = (state: StreamState) => permissions(state).map(({ request: { id }, state }) => `${id} ${state}`)
const queued = (state: StreamState) => state.queued.map(({ id }) => id)
const of = <K extends Aside["kind"]>(state: StreamState, kind: K) =>
  state.asides.filter((one): one is Extract<Aside, { kind: K }> => one.kind === kind)

describe("a permission request", () => {
  it("is open until it is answered, and then says with which option", () => {
    const open = run([snapshot(), event("11", "permission_request", request())])
    const asked = permissions(open)[0]!
    assert.deepInclude(asked, { state: "open", chosen: undefined })
    assert.deepInclude(asked.request, { title: "Remove everything", toolCallId: "t", expiresAt: 1_795_211_372_398 })
    assert.deepStrictEqual(
      asked.request.options.map(({ id }) => id),
      ["yes", "no"]
    )
    const done = run([event("12", "permission_resolved", { id: "p", outcome: "selected", option_id: "no" })], open)
    assert.deepInclude(permissions(done)[0], { key: asked.key, state: "selected", chosen: "no" })
  })

  it("ends as expired or cancelled when it is told so", () => {
    const open = run([
      snapshot(),
      event("11", "permission_request", request("p")),
      event("12", "permission_request", request("q"))
    ])
    assert.deepStrictEqual(states(open), ["p open", "q open"])
    const done = run(
      [
        event("13", "permission_resolved", { id: "p", outcome: "expired", option_id: "no" }),
        event("14", "permission_resolved", { id: "q", outcome: "something new" })
      ],
      open
    )
    assert.deepStrictEqual(states(done), ["p expired", "q cancelled"])
  })

  it("has one end: whatever is told afterwards changes nothing", () => {
    const ends = ["selected", "expired", "cancelled"].map((outcome) => ({ id: "p", outcome, option_id: "yes" }))
    for (const end of ends.slice(0, 2)) {
      const done = run([
        snapshot(),
        event("11", "permission_request", request()),
        event("12", "permission_resolved", end),
        ...ends.map((other, index) => event(String(13 + index), "permission_resolved", other))
      ])
      assert.deepStrictEqual(states(done), [`p ${end.outcome}`])
    }
  })

  it("that is newer than a snapshot stays open", () => {
    const open = run([snapshot(), event("11", "permission_request", request())])
    assert.deepStrictEqual(states(run([snapshot()], open)), ["p open"])
  })

  it("goes with its turn, unless its true end is told afterwards", () => {
    const over = run([snapshot(), event("11", "permission_request", request()), event("12", "run_end", {})])
    assert.deepStrictEqual(states(over), ["p cancelled"])
    const told = run([event("13", "permission_resolved", { id: "p", outcome: "selected", option_id: "yes" })], over)
    assert.deepStrictEqual(states(told), ["p selected"])
    assert.deepStrictEqual(
      states(
        run([event("11", "permission_request", request()), { kind: "end", status: "stopped" }], run([snapshot()]))
      ),
      ["p cancelled"]
    )
  })

  it("of an agent that counts anew is another one than that of the same id before", () => {
    const again = run([
      snapshot(),
      event("11", "permission_request", request()),
      event("12", "permission_resolved", { id: "p", outcome: "selected", option_id: "yes" }),
      event("13", "permission_request", request("p", { title: "Second" })),
      event("14", "permission_resolved", { id: "p", outcome: "expired" })
    ])
    assert.deepStrictEqual(states(again), ["p selected", "p expired"])
    assert.strictEqual(new Set(permissions(again).map(({ key }) => key)).size, 2)
  })

  it("that is open is in the snapshot, so that a page that was loaded anew shows it", () => {
    const fresh = run([snapshot({ permission_requests: [request("p"), request("q")] })])
    assert.deepStrictEqual(states(fresh), ["p open", "q open"])
    // The replay after a reconnection tells when it was asked; it stays one request.
    assert.deepStrictEqual(states(run([event("11", "permission_request", request("q"))], fresh)), ["p open", "q open"])
  })

  it("that ended while the connection was away is closed at once and gets its end from the replay", () => {
    const before = run([snapshot(), event("11", "permission_request", request())])
    const back = run([snapshot({ as_of: "14" })], before)
    assert.deepStrictEqual(states(back), ["p cancelled"])
    const replayed = run(
      [
        event("12", "permission_resolved", { id: "p", outcome: "selected", option_id: "yes" }),
        event("13", "permission_request", request("q")),
        event("14", "permission_resolved", { id: "q", outcome: "expired" })
      ],
      back
    )
    assert.deepStrictEqual(states(replayed), ["p selected", "q expired"])
  })

  it("stands at the end while it is open and where it was asked afterwards", () => {
    const open = run([
      snapshot(),
      event("11", "permission_request", request()),
      event("12", "tool_call_done", { id: "t", name: "look" })
    ])
    const kinds = (state: StreamState) =>
      rowsOf(state.entries, state.asides, 0, true).map((row) => (row.kind === "aside" ? row.aside.kind : row.kind))
    assert.deepStrictEqual(kinds(open), ["entry", "tool", "growing", "permission"])
    const done = run([event("13", "permission_resolved", { id: "p", outcome: "expired" })], open)
    assert.deepStrictEqual(kinds(done), ["entry", "permission", "tool", "growing"])
  })

  it("of a strange shape is shown as far as it can be read", () => {
    const strange = run([
      snapshot({ permission_requests: "none" }),
      event("11", "permission_request", {}),
      event("12", "permission_request", { id: "p", options: [{ id: "a" }, { id: "a" }, {}, 7], expires_at: "soon" }),
      event("13", "permission_resolved", {})
    ])
    const shown = permissions(strange) as ReadonlyArray<Permission>
    assert.strictEqual(shown.length, 1)
    assert.deepStrictEqual(shown[0]!.request, {
      id: "p",
      toolCallId: "",
      title: "",
      options: [{ id: "a", kind: "", name: "" }],
      expiresAt: undefined
    })
  })
})

describe("an input that waits", () => {
  it("keeps its place among the others until its turn comes", () => {
    const state = run([
      snapshot({ queued_inputs: [waiting("a"), waiting("b")] }),
      event("11", "input_queued", waiting("c")),
      event("12", "input_queued", waiting("b", "again"))
    ])
    assert.deepStrictEqual(queued(state), ["a", "b", "c"])
    const started = run([event("13", "input_unqueued", { input_id: "a", reason: "started" })], state)
    assert.deepStrictEqual(queued(started), ["b", "c"])
    assert.deepStrictEqual(of(started, "unstarted"), [])
  })

  it("that was taken back leaves nothing behind; one that was refused or met the end of its worker does", () => {
    const state = run([
      snapshot({ queued_inputs: [waiting("a", "first"), waiting("b", "second"), waiting("c", "third")] }),
      event("11", "input_unqueued", { input_id: "a", reason: "cancelled" }),
      event("12", "input_unqueued", { input_id: "b", reason: "rejected", message: "Not now." }),
      event("13", "input_unqueued", { input_id: "c", reason: "ended" })
    ])
    assert.deepStrictEqual(queued(state), [])
    assert.deepStrictEqual(
      of(state, "unstarted").map(({ content, reason, message }) => [content, reason, message]),
      [
        ["second", "rejected", "Not now."],
        ["third", "ended", ""]
      ]
    )
  })

  it("is what the last snapshot says, whatever was known before", () => {
    const before = run([snapshot({ queued_inputs: [waiting("a")] }), event("11", "input_queued", waiting("b"))])
    assert.deepStrictEqual(queued(run([snapshot({ as_of: "20", queued_inputs: [waiting("b")] })], before)), ["b"])
    assert.deepStrictEqual(queued(run([snapshot({ as_of: "20" })], before)), [])
    // Part of the snapshot already: it does not come back.
    const replayed = run([snapshot({ as_of: "20" }), event("11", "input_queued", waiting("b"))], before)
    assert.deepStrictEqual(queued(replayed), [])
  })

  it("of a runtime without a bound is shown up to ours", () => {
    const many = Array.from({ length: maxQueued + 5 }, (_, index) => waiting(String(index)))
    assert.strictEqual(run([snapshot({ queued_inputs: many })]).queued.length, maxQueued)
  })
})

describe("a plan", () => {
  const entries = (...statuses: ReadonlyArray<string>) => ({
    entries: statuses.map((status, index) => ({ content: `step ${index}`, priority: "medium", status }))
  })

  it("is told anew as it goes on, and stays one within its turn", () => {
    const state = run([
      snapshot(),
      event("11", "plan", entries("in_progress", "pending")),
      event("12", "error", { code: "x", message: "" }),
      event("13", "plan", entries("completed", "in_progress"))
    ])
    assert.deepStrictEqual(
      of(state, "plan").map((plan) => [plan.key, plan.at, plan.entries.map(({ status }) => status)]),
      [["plan-11", 13, ["completed", "in_progress"]]]
    )
    assert.deepStrictEqual(
      state.asides.map(({ kind }) => kind),
      ["error", "plan"]
    )
  })

  it("of the next turn is another one", () => {
    const state = run([
      snapshot(),
      event("11", "plan", entries("in_progress")),
      event("12", "run_end", { result: "finished" }),
      event("13", "plan", entries("pending", "pending"))
    ])
    assert.deepStrictEqual(
      of(state, "plan").map(({ entries }) => entries.length),
      [1, 2]
    )
  })
})

it("events and frames of a newer runtime pass by", () => {
  const before = run([snapshot({ queued_inputs: [waiting("a")], something: 1 })])
  const after = run(
    [event("11", "holograms", { id: "p" }), { kind: "novelty" } as unknown as Frame, event("11.1", "hum", {})],
    before
  )
  assert.deepStrictEqual(
    { ...after, asOf: 0, asidesAsOf: 0, cursor: "" },
    { ...before, asOf: 0, asidesAsOf: 0, cursor: "" }
  )
})
