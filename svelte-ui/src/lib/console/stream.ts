/**
 * What the console knows about one worker, and how each frame of the event socket changes it. Pure: the same frames give
 * the same state. A snapshot replaces what it speaks of; an event that the snapshot already holds is not applied again.
 */
import type { Envelope, Frame, Role } from "#lib/api/wire.ts"
import type { Asides } from "./asideList.ts"
import { applyAside, closeTurn } from "./asides.ts"
import {
  type Data,
  enqueue,
  type Entry,
  growText,
  type QueuedInput,
  record,
  segmentsText,
  type Snapshot,
  snapshotOf,
  statusOf,
  text,
  whole
} from "./payload.ts"
import { onlyOpen } from "./permissions.ts"
import { callInFlight, growInput, startTool } from "./toolCalls.ts"

export interface StreamState {
  /** Where to resume: the last cursor on any frame. */
  readonly cursor: string | undefined
  /** Cursors of before the last turns: a page that is loaded anew resumes from the first and has their asides again. */
  readonly turns: ReadonlyArray<string>
  /** Resumes what an earlier page of this tab saw, of which nothing is here yet. */
  readonly recalls: boolean
  readonly heartbeatMs: number | undefined
  /** Whether a snapshot arrived since the last resync; before it, nothing shown is certain. */
  readonly current: boolean
  readonly status: "idle" | "running" | "paused"
  /** The worker's state; undefined before the first snapshot. */
  readonly workerState: string | undefined
  /** 0-based transcript position of `entries[0]`; 0 unless the transcript is longer than `maxEntries`. */
  readonly first: number
  /** In transcript order; a hole is an entry that was not loaded yet. */
  readonly entries: ReadonlyArray<Entry | undefined>
  readonly asides: Asides
  /** What is still being written. */
  readonly growing: { readonly text: string; readonly thinking: string }
  /** Inputs that wait for their turn, the next one first. */
  readonly queued: ReadonlyArray<QueuedInput>
  readonly usage: { readonly input: number; readonly output: number } | undefined
  /** Highest durable event that is part of transcript and status. */
  readonly asOf: number
  /** Highest durable event that is part of `asides`, which no snapshot carries. */
  readonly asidesAsOf: number
  /** Final status, when the worker has ended. */
  readonly ended: string | undefined
  readonly lastResync: string | undefined
  readonly resyncs: number
  readonly diagnostic: { readonly code: string; readonly message: string } | undefined
}

/** Positions kept; of a longer transcript the last so many are shown. */
export const maxEntries = 100_000

const nothing = { text: "", thinking: "" }

export const initial: StreamState = {
  cursor: undefined,
  turns: [],
  recalls: false,
  heartbeatMs: undefined,
  current: false,
  status: "idle",
  workerState: undefined,
  first: 0,
  entries: [],
  asides: [],
  growing: nothing,
  queued: [],
  usage: undefined,
  asOf: 0,
  asidesAsOf: 0,
  ended: undefined,
  lastResync: undefined,
  resyncs: 0,
  diagnostic: undefined
}

/** Turns whose asides a page that is loaded anew has again, as far as the worker's log reaches. */
export const maxTurns = 10

/** The first state of a page that is loaded anew, with what the one before remembered. */
export const recalled = (cursor: string | undefined): StreamState =>
  cursor === undefined || cursor === "" ? initial : { ...initial, cursor, recalls: true }

/** The state after one more frame; the same object when nothing changed. */
export const reduce = (state: StreamState, frame: Frame): StreamState => {
  switch (frame.kind) {
    case "hello":
      return { ...state, heartbeatMs: frame.heartbeat_ms }
    case "bookmark":
      return withCursor(state, frame.cursor)
    case "resync":
      // What is shown stays until the fresh snapshot, but nothing of it will be merged with that.
      return {
        ...withCursor(state, frame.cursor),
        current: false,
        turns: [],
        recalls: false,
        // Nothing was shown yet that would have to be told as replaced.
        ...(state.recalls ? undefined : { lastResync: frame.reason, resyncs: state.resyncs + 1 })
      }
    case "end":
      return {
        ...state,
        ended: frame.status,
        workerState: frame.status,
        status: "idle",
        growing: nothing,
        queued: [],
        asides: closeTurn(state.asides, Number.POSITIVE_INFINITY)
      }
    case "diagnostic":
      return { ...state, diagnostic: frame.diagnostic }
    case "event":
      return reduceEvent(withCursor(beforeTurn(state, frame.envelope), frame.envelope.cursor), frame.envelope)
    default:
      // A frame of a newer backend.
      return state
  }
}

const withCursor = (state: StreamState, cursor: string | undefined): StreamState =>
  cursor === undefined || cursor === "" || cursor === state.cursor ? state : { ...state, cursor }

/** The state with the place before a turn that the event begins. */
const beforeTurn = (state: StreamState, { event_id, payload }: Envelope): StreamState =>
  (payload.event === "user_message" || payload.event === "system_item") &&
  state.cursor !== undefined &&
  state.cursor !== state.turns.at(-1) &&
  Number.parseInt(event_id, 10) > state.asidesAsOf
    ? { ...state, turns: [...state.turns, state.cursor].slice(-maxTurns) }
    : state

/** "12" is durable event 12, "12.3" a transient one that came after it. */
const durableId = /^\d+$/

const reduceEvent = (state: StreamState, { event_id, payload }: Envelope): StreamState => {
  const { event } = payload
  const data = named(state, event, record(payload.data))
  if (event === "snapshot") {
    const snapshot = snapshotOf(data)
    return snapshot === undefined ? state : applySnapshot(state, snapshot)
  }
  const number = Number.parseInt(event_id, 10)
  if (!durableId.test(event_id)) return number < state.asOf ? state : transient(state, event, data)
  const beside =
    number > state.asidesAsOf
      ? { ...state, asides: applyAside(state.asides, event, data, number), asidesAsOf: number }
      : state
  return number > state.asOf ? { ...durable(beside, event, data, number), asOf: number } : beside
}

/** An input that leaves the queue is told by its id: what it said is only known here. */
const named = (state: StreamState, event: string, data: Data): Data =>
  event === "input_unqueued"
    ? { ...data, content: state.queued.find(({ id }) => id === data["input_id"])?.content }
    : data

/** Work in progress, which is never stored. */
const transient = (state: StreamState, event: string, data: Data): StreamState => {
  const { growing } = state
  switch (event) {
    case "text_delta":
      return { ...state, growing: { ...growing, text: growText(growing.text, data["text"]) } }
    case "thinking_delta":
      return { ...state, growing: { ...growing, thinking: growText(growing.thinking, data["text"]) } }
    case "usage":
      return { ...state, usage: { input: whole(data["input_tokens"]), output: whole(data["output_tokens"]) } }
    case "tool_call_start":
      return { ...state, asides: startTool(state.asides, text(data["id"]), text(data["name"]), state.asOf) }
    case "tool_call_args_delta":
      return { ...state, asides: growInput(state.asides, text(data["id"]), data["json"]) }
    default:
      return state
  }
}

/** What a durable event does to transcript, status and growing text. */
const durable = (state: StreamState, event: string, data: Data, at: number): StreamState => {
  switch (event) {
    case "user_message":
      return append(state, "user", segmentsText(data["segments"]), data, at)
    case "system_item":
      return append(state, "system", text(record(data["item"])["content"]), data, at)
    case "text_done":
      return append({ ...state, growing: { ...state.growing, text: "" } }, "assistant", text(data["text"]), data, at)
    case "thinking_done":
      return { ...state, growing: { ...state.growing, thinking: "" } }
    case "input_queued":
      return { ...state, queued: enqueue(state.queued, data) }
    case "input_unqueued":
      return { ...state, queued: state.queued.filter(({ id }) => id !== data["input_id"]) }
    case "run_end":
      return { ...state, status: data["result"] === "paused" ? "paused" : state.status, growing: nothing }
    case "status": {
      const status = statusOf(data["status"])
      const workerState = text(data["state"]) || (status === "running" ? "busy" : "idle")
      return { ...state, status, workerState, growing: status === "idle" ? nothing : state.growing }
    }
    default:
      return state
  }
}

const applySnapshot = (state: StreamState, snapshot: Snapshot): StreamState => {
  const first = Math.max(0, snapshot.total - maxEntries)
  const offset = snapshot.start - first
  const entries = Array.from<Entry | undefined>({ length: snapshot.total - first })
  // Only a stream that resumed keeps the pages read before: after a resync they may belong to another history.
  const kept = state.current && continues(state, snapshot)
  if (kept)
    for (let index = 0; index < Math.min(offset, entries.length); index++)
      entries[index] = state.entries[index + first - state.first]
  snapshot.items.forEach((item, index) => {
    if (offset + index >= 0) entries[offset + index] = item
  })
  const asides = onlyOpen(kept ? state.asides : [], snapshot.requests, snapshot.asOf)
  return {
    ...state,
    current: true,
    recalls: false,
    // Who comes in the middle of a turn remembers what follows.
    turns: state.turns.length === 0 && state.cursor !== undefined ? [state.cursor] : state.turns,
    status: snapshot.status,
    workerState: snapshot.state,
    first,
    entries,
    asides: snapshot.toolCalls.reduce((list, call) => callInFlight(list, call, snapshot.asOf), asides),
    growing: { text: snapshot.text, thinking: snapshot.thinking },
    queued: snapshot.queued,
    asOf: snapshot.asOf,
    asidesAsOf: kept ? state.asidesAsOf : state.recalls ? 0 : snapshot.asOf,
    ended: undefined
  }
}

/** Whether a fresh tail belongs to the history that is loaded. */
const continues = (state: StreamState, { start, items }: Snapshot): boolean =>
  items.every((item, index) => {
    const known = state.entries[start + index - state.first]
    return known === undefined || (known.eventId === item.eventId && known.role === item.role)
  })

/** Puts entries that were read page by page into their holes; what the stream brought stays. */
export const fill = (state: StreamState, start: number, items: ReadonlyArray<Entry>): StreamState => {
  const at = (index: number) => start + index - state.first
  const isHole = (index: number) => index >= 0 && index < state.entries.length && state.entries[index] === undefined
  if (!items.some((_, index) => isHole(at(index)))) return state
  const entries = state.entries.slice()
  items.forEach((item, index) => {
    if (isHole(at(index))) entries[at(index)] = item
  })
  return { ...state, entries }
}

/** The transcript's own sequence is the place, so nothing is shown twice and a gap is a hole that can be read. */
const append = (state: StreamState, role: Role, content: string, data: Data, at: number): StreamState => {
  const sequence = whole(data["sequence"]) || state.first + state.entries.length + 1
  const entry: Entry = { sequence, role, content, eventId: at }
  const index = sequence - 1 - state.first
  if (index < 0) return state
  // A leap this wide cannot be a gap in one history: start over at the entry.
  if (index - state.entries.length > maxEntries) return { ...state, first: sequence - 1, entries: [entry] }
  const entries = state.entries.slice()
  while (entries.length < index) entries.push(undefined)
  entries[index] = entry
  return { ...state, entries }
}
