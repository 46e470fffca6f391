/**
 * What a watcher needs to start: the state of the worker, the tail of its transcript and the text that is still growing.
 * One reducer keeps it current from events; the runtime, the backend's event hub and the web page agree because of it.
 */
import { Schema } from "effect"
import * as Permissions from "./Permissions.ts"
import { TranscriptItem } from "./Transcript.ts"
import { maxQueuedInputs, PermissionRequest, previewed, QueuedInput } from "./Worker.ts"
import type { WorkerEvent } from "./WorkerEvent.ts"

export const InFlight = Schema.Struct({
  text: Schema.String,
  thinking: Schema.String,
  tool_calls: Schema.Array(Schema.Struct({ id: Schema.String, name: Schema.String, json: Schema.String }))
})
export type InFlight = typeof InFlight.Type

export const Snapshot = Schema.Struct({
  status: Schema.Literals(["idle", "running", "paused"]),
  /** The worker's state. */
  state: Schema.String,
  transcript: Schema.Struct({
    /** 0-based position of the first item of the tail. */
    start: Schema.Int,
    total_items: Schema.Int,
    items: Schema.Array(TranscriptItem)
  }),
  /** null when nothing is growing. */
  in_flight: Schema.NullOr(InFlight),
  /** Inputs that wait, the next one first, each by its beginning; absent when none does. */
  queued_inputs: Schema.optionalKey(Schema.Array(QueuedInput)),
  /** What the turn waits for a person to decide; absent when nothing is open. */
  permission_requests: Schema.optionalKey(Schema.Array(PermissionRequest)),
  /** Event id of the last durable event that is part of this; an event up to here must not be applied again. */
  as_of: Schema.String
})
export type Snapshot = typeof Snapshot.Type

/** The tail of a snapshot holds at most this many items … */
export const maxTailItems = 50
/** … and this many UTF-16 units of content (but at least the last item). */
export const maxTailLength = 262_144
/** Text in flight is shown up to its last so many UTF-16 units … */
export const maxInFlightLength = 1_048_576
/** … and cut to so many when it gets longer: to cut it anew for each delta would copy a megabyte each time … */
const keptInFlightLength = 786_432
/** … and of the tool calls in flight so many are shown, the newest. */
export const maxInFlightCalls = 32

export const empty: Snapshot = {
  status: "idle",
  state: "idle",
  transcript: { start: 0, total_items: 0, items: [] },
  in_flight: null,
  as_of: "0"
}

const text = (value: unknown): string => (typeof value === "string" ? value : "")

const grow = (current: string, more: unknown): string => {
  const next = current + text(more)
  return next.length > maxInFlightLength ? next.slice(next.length - keptInFlightLength) : next
}

const idle: InFlight = { text: "", thinking: "", tool_calls: [] }
const orNull = (flight: InFlight): InFlight | null =>
  flight.text === "" && flight.thinking === "" && flight.tool_calls.length === 0 ? null : flight

/** Cuts the tail to its bounds, newest items first. */
export const trim = (items: ReadonlyArray<TranscriptItem>): ReadonlyArray<TranscriptItem> => {
  let length = 0
  let from = items.length
  while (from > 0 && items.length - from < maxTailItems) {
    length += items[from - 1]!.content.length
    if (length > maxTailLength && from < items.length) break
    from--
  }
  return from === 0 ? items : items.slice(from)
}

const append = (self: Snapshot, item: TranscriptItem): Snapshot["transcript"] => {
  const items = trim([...self.transcript.items, item])
  const total_items = Math.max(self.transcript.total_items, item.sequence)
  return { start: total_items - items.length, total_items, items }
}

const segments = (value: unknown): string =>
  Array.isArray(value) ? value.map((segment) => text((segment as { content?: unknown } | null)?.content)).join("") : ""

/** What an event adds to the transcript; undefined for an event that adds nothing. */
export const spoken = (event: WorkerEvent): Pick<TranscriptItem, "role" | "content"> | undefined => {
  const { data } = event
  switch (event.event) {
    case "user_message":
      return { role: "user", content: segments(data.segments) }
    case "system_item":
      return { role: "system", content: text((data.item as { content?: unknown } | null | undefined)?.content) }
    case "text_done":
      return { role: "assistant", content: text(data.text) }
    default:
      return undefined
  }
}

/** What is left out where there is none of it. */
interface Steering {
  readonly queued_inputs?: ReadonlyArray<QueuedInput>
  readonly permission_requests?: ReadonlyArray<PermissionRequest>
}

/** The snapshot with other waiting inputs or open requests; empty ones are left out. */
const steered = (self: Snapshot, change: Steering): Snapshot => {
  const { permission_requests, queued_inputs, ...rest } = self
  const waiting = change.queued_inputs ?? queued_inputs ?? []
  const open = change.permission_requests ?? permission_requests ?? []
  return {
    ...rest,
    ...(waiting.length === 0 ? undefined : { queued_inputs: waiting }),
    ...(open.length === 0 ? undefined : { permission_requests: open })
  }
}

/** The turn is over, and nothing is asked any more. */
const turnOver = (self: Snapshot): Snapshot =>
  self.permission_requests === undefined ? self : steered(self, { permission_requests: [] })

const withoutInput = (self: Snapshot, input_id: unknown) =>
  (self.queued_inputs ?? []).filter((input) => input.input_id !== input_id)

const queuedOf = (data: WorkerEvent["data"]): QueuedInput =>
  previewed({
    input_id: text(data.input_id),
    kind: data.kind === "system" ? "system" : "user",
    content: text(data.content),
    queued_at: text(data.queued_at)
  })

/**
 * The snapshot after one more event.
 *
 * @param event_id of the event when it is durable; undefined for a transient one
 */
export const apply = (self: Snapshot, event: WorkerEvent, event_id: string | undefined): Snapshot => {
  const data = event.data
  const flight = self.in_flight ?? idle
  const as_of = event_id ?? self.as_of
  const said = spoken(event)
  if (said !== undefined) {
    const sequence = typeof data.sequence === "number" ? data.sequence : self.transcript.total_items + 1
    return {
      ...self,
      as_of,
      transcript: append(self, { sequence, ...said, event_id: Number.parseInt(as_of, 10) || 0 }),
      in_flight: event.event === "text_done" ? orNull({ ...flight, text: "" }) : self.in_flight
    }
  }
  switch (event.event) {
    case "text_delta":
      return { ...self, in_flight: { ...flight, text: grow(flight.text, data.text) } }
    case "thinking_delta":
      return { ...self, in_flight: { ...flight, thinking: grow(flight.thinking, data.text) } }
    case "tool_call_start": {
      const call = { id: text(data.id), name: text(data.name), json: "" }
      return { ...self, in_flight: { ...flight, tool_calls: [...flight.tool_calls, call].slice(-maxInFlightCalls) } }
    }
    case "tool_call_args_delta": {
      const tool_calls = flight.tool_calls.map((call) =>
        call.id === data.id ? { ...call, json: grow(call.json, data.json) } : call
      )
      return { ...self, in_flight: { ...flight, tool_calls } }
    }
    case "tool_call_done": {
      const tool_calls = flight.tool_calls.filter((call) => call.id !== data.id)
      return { ...self, as_of, in_flight: orNull({ ...flight, tool_calls }) }
    }
    case "thinking_done":
      return { ...self, as_of, in_flight: orNull({ ...flight, thinking: "" }) }
    case "status": {
      const status = data.status === "running" || data.status === "paused" ? data.status : "idle"
      const state = typeof data.state === "string" ? data.state : status === "running" ? "busy" : "idle"
      if (status !== "idle") return { ...self, as_of, status, state }
      return { ...turnOver(self), as_of, status, state, in_flight: null }
    }
    case "run_end":
      return { ...turnOver(self), as_of, in_flight: null }
    case "permission_request":
    case "permission_resolved":
      return { ...steered(self, { permission_requests: Permissions.after(self.permission_requests, event) }), as_of }
    case "input_queued": {
      const queued_inputs = [...withoutInput(self, data.input_id), queuedOf(data)].slice(0, maxQueuedInputs)
      return { ...steered(self, { queued_inputs }), as_of }
    }
    case "input_unqueued":
      return { ...steered(self, { queued_inputs: withoutInput(self, data.input_id) }), as_of }
    default:
      return as_of === self.as_of ? self : { ...self, as_of }
  }
}
