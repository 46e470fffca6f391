/** Reads what the console needs from a payload; a foreign or newer shape loses what it does not carry, nothing more. */
import type { Role } from "#lib/api/wire.ts"

/** One entry of the durable transcript. */
export interface Entry {
  /** 1 for the first of the worker. */
  readonly sequence: number
  readonly role: Role
  readonly content: string
  readonly eventId: number
}

/** What a turn asks a person for. */
export interface PermissionRequest {
  readonly id: string
  readonly toolCallId: string
  readonly title: string
  readonly options: ReadonlyArray<{ readonly id: string; readonly kind: string; readonly name: string }>
  /** Milliseconds of the worker's clock; undefined when it does not say. */
  readonly expiresAt: number | undefined
}

/** An input that waits for its turn. */
export interface QueuedInput {
  readonly id: string
  readonly content: string
}

export interface Snapshot {
  readonly status: "idle" | "running" | "paused"
  readonly state: string | undefined
  readonly start: number
  readonly total: number
  readonly items: ReadonlyArray<Entry>
  readonly text: string
  readonly thinking: string
  readonly toolCalls: ReadonlyArray<{ readonly id: string; readonly name: string; readonly json: string }>
  /** The next one first. */
  readonly queued: ReadonlyArray<QueuedInput>
  readonly requests: ReadonlyArray<PermissionRequest>
  readonly asOf: number
}

/** Text in flight is shown up to its last so many UTF-16 units; the whole arrives with `text_done`. */
export const maxGrowing = 1_048_576

/** A runtime says itself how many inputs may wait (16 with ours); of a foreign one so many are shown. */
export const maxQueued = 100

export type Data = Readonly<Record<string, unknown>>
export const isRecord = (value: unknown): value is Data =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

export const text = (value: unknown): string => (typeof value === "string" ? value : "")
export const record = (value: unknown): Data => (isRecord(value) ? value : {})
/** A non-negative whole number, also when written as a string; otherwise 0. */
export const whole = (value: unknown): number => {
  const number = typeof value === "string" && value !== "" ? Number(value) : value
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : 0
}
/** For people: a string as it is, nothing for nothing, anything else as indented JSON. */
export const printed = (value: unknown): string =>
  value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2)
export const growText = (current: string, more: unknown): string => {
  const next = current + text(more)
  return next.length > maxGrowing ? next.slice(next.length - maxGrowing) : next
}
export const segmentsText = (value: unknown): string =>
  list(value)
    .map((segment) => text(record(segment)["content"]))
    .join("")

const roles: ReadonlySet<unknown> = new Set(["user", "assistant", "system"])
export const entryOf = (value: unknown): Entry | undefined => {
  const item = record(value)
  const sequence = whole(item["sequence"])
  return sequence === 0
    ? undefined
    : {
        sequence,
        role: roles.has(item["role"]) ? (item["role"] as Role) : "system",
        content: text(item["content"]),
        eventId: whole(item["event_id"])
      }
}
export const entriesOf = (values: unknown): ReadonlyArray<Entry> =>
  list(values)
    .map(entryOf)
    .filter((entry) => entry !== undefined)

export const queuedOf = (value: unknown): QueuedInput | undefined => {
  const item = record(value)
  const id = text(item["input_id"])
  return id === "" ? undefined : { id, content: text(item["content"]) }
}
/** One more that waits; one that is known already keeps its place. */
export const enqueue = (queued: ReadonlyArray<QueuedInput>, value: unknown): ReadonlyArray<QueuedInput> => {
  const added = queuedOf(value)
  return added === undefined || queued.length >= maxQueued || queued.some(({ id }) => id === added.id)
    ? queued
    : [...queued, added]
}

export const requestOf = (value: unknown): PermissionRequest | undefined => {
  const item = record(value)
  const id = text(item["id"])
  const expiresAt = Date.parse(text(item["expires_at"]))
  return id === ""
    ? undefined
    : {
        id,
        toolCallId: text(item["tool_call_id"]),
        title: text(item["title"]),
        options: list(item["options"])
          .map(record)
          .map((option) => ({ id: text(option["id"]), kind: text(option["kind"]), name: text(option["name"]) }))
          .filter((option, index, all) => option.id !== "" && all.findIndex(({ id }) => id === option.id) === index),
        expiresAt: Number.isNaN(expiresAt) ? undefined : expiresAt
      }
}

export const planOf = (data: Data) =>
  list(data["entries"])
    .map(record)
    .map((entry) => ({
      content: text(entry["content"]),
      priority: text(entry["priority"]),
      status: text(entry["status"])
    }))

export const statusOf = (value: unknown): Snapshot["status"] =>
  value === "running" || value === "paused" ? value : "idle"

export const snapshotOf = (data: Data): Snapshot | undefined => {
  if (!isRecord(data["transcript"])) return undefined
  const transcript = data["transcript"]
  const flight = record(data["in_flight"])
  const items = entriesOf(transcript["items"])
  const start = whole(transcript["start"])
  return {
    status: statusOf(data["status"]),
    state: typeof data["state"] === "string" ? data["state"] : undefined,
    start,
    total: Math.max(whole(transcript["total_items"]), start + items.length),
    items,
    text: text(flight["text"]),
    thinking: text(flight["thinking"]),
    toolCalls: list(flight["tool_calls"])
      .map(record)
      .map((call) => ({ id: text(call["id"]), name: text(call["name"]), json: text(call["json"]) })),
    queued: list(data["queued_inputs"]).reduce<ReadonlyArray<QueuedInput>>(enqueue, []),
    requests: list(data["permission_requests"])
      .map(requestOf)
      .filter((request) => request !== undefined),
    asOf: whole(data["as_of"])
  }
}
