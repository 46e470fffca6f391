/**
 * What a worker does beside its transcript: tool calls, finished thoughts, errors, runs that ended early. Each stands after
 * the transcript entry whose event came before its own. Pure functions over a list in that order.
 */
import { type Data, growText, printed, text } from "./payload.ts"

export type Aside = { readonly key: string; readonly at: number } & (
  | {
      readonly kind: "tool"
      readonly id: string
      readonly name: string
      readonly input: string
      readonly state: "calling" | "running" | "done" | "failed" | "interrupted"
      readonly summary: string
      readonly output: string
    }
  | { readonly kind: "thought"; readonly text: string }
  | { readonly kind: "error"; readonly code: string; readonly message: string }
  | { readonly kind: "run_end"; readonly result: string }
)
export type ToolCall = Extract<Aside, { kind: "tool" }>
export type Asides = ReadonlyArray<Aside>

/** Oldest go first beyond this many; the transcript itself is never cut. */
export const maxAsides = 2_000

/** The list after a durable event. `at` is the event's number. */
export const applyAside = (asides: Asides, event: string, data: Data, at: number): Asides => {
  switch (event) {
    case "tool_call_start":
      return startTool(asides, text(data["id"]), text(data["name"]), at)
    case "tool_call_done": {
      const id = text(data["id"])
      const name = text(data["name"])
      return updateTool(startTool(asides, id, name, at), id, (tool) => ({
        ...tool,
        name: name || tool.name,
        input: printed(data["arguments"]),
        state: "running"
      }))
    }
    case "tool_result": {
      const id = text(data["id"])
      return updateTool(startTool(asides, id, "", at), id, (tool) => ({
        ...tool,
        state: data["is_error"] === true ? "failed" : "done",
        summary: text(data["summary"]),
        output: printed(data["output"])
      }))
    }
    case "thinking_done":
      return add(asides, { kind: "thought", key: `thought-${at}`, at, text: text(data["text"]) })
    case "error":
      return add(asides, {
        kind: "error",
        key: `error-${at}`,
        at,
        code: text(data["code"]),
        message: text(data["message"])
      })
    case "run_end": {
      const closed = interrupt(asides, at)
      const result = text(data["result"])
      // A run that simply finished needs no line of its own.
      return result === "finished" ? closed : add(closed, { kind: "run_end", key: `run-${at}`, at, result })
    }
    case "status":
      return data["status"] === "idle" ? interrupt(asides, at) : asides
    default:
      return asides
  }
}

/** Opens a call unless one with this id is open already. */
export const startTool = (asides: Asides, id: string, name: string, at: number): Asides =>
  id === "" || openTool(asides, id) !== undefined
    ? asides
    : add(asides, {
        kind: "tool",
        key: `tool-${at}-${id}`,
        at,
        id,
        name,
        input: "",
        state: "calling",
        summary: "",
        output: ""
      })

/** The arguments of an open call while they are being written. */
export const growInput = (asides: Asides, id: string, more: unknown): Asides =>
  updateTool(asides, id, (tool) => ({ ...tool, input: growText(tool.input, more) }))

/** A call that a snapshot shows in flight. */
export const callInFlight = (asides: Asides, call: { id: string; name: string; json: string }, at: number): Asides =>
  updateTool(startTool(asides, call.id, call.name, at), call.id, (tool) => ({ ...tool, input: call.json }))

/** A run is over: calls opened up to then that got no result will not get one. */
export const interrupt = (asides: Asides, upTo: number): Asides =>
  asides.some((one) => isOpen(one) && one.at <= upTo)
    ? asides.map((one) => (isOpen(one) && one.at <= upTo ? { ...one, state: "interrupted" } : one))
    : asides

const isOpen = (one: Aside): one is ToolCall =>
  one.kind === "tool" && (one.state === "calling" || one.state === "running")

const openTool = (asides: Asides, id: string): ToolCall | undefined =>
  asides.findLast((one): one is ToolCall => isOpen(one) && one.id === id)

const updateTool = (asides: Asides, id: string, change: (tool: ToolCall) => ToolCall): Asides => {
  const open = openTool(asides, id)
  return open === undefined ? asides : asides.map((one) => (one === open ? change(open) : one))
}

const add = (asides: Asides, added: Aside): Asides => {
  if (asides.some((known) => known.key === added.key)) return asides
  const next = [...asides, added]
  // Replayed ones come late; the sort is stable, so arrival decides within one event.
  if (asides.length > 0 && asides.at(-1)!.at > added.at) next.sort((a, b) => a.at - b.at)
  return next.length > maxAsides ? next.slice(next.length - maxAsides) : next
}
