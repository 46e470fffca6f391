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

export interface Snapshot {
  readonly status: "idle" | "running" | "paused"
  readonly state: string | undefined
  readonly start: number
  readonly total: number
  readonly items: ReadonlyArray<Entry>
  readonly text: string
  readonly thinking: string
  readonly toolCalls: ReadonlyArray<{ readonly id: string; readonly name: string; readonly json: string }>
  readonly asOf: number
}

/** Text in flight is shown up to its last so many UTF-16 units; the whole arrives with `text_done`. */
export const maxGrowing = 1_048_576

export type Data = Readonly<Record<string, unknown>>
const isRecord = (value: unknown): value is Data => typeof value === "object" && value !== null && !Array.isArray(value)
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
    asOf: whole(data["as_of"])
  }
}
