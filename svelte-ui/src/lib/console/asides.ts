/**
 * What a worker does beside its transcript: tool calls, plans, finished thoughts, requests, errors, runs that ended early.
 * Each stands after the transcript entry whose event came before its own. Pure functions over a list in that order.
 */
import { add, type Aside, type Asides, changeAll } from "./asideList.ts"
import { type Data, planOf, requestOf, text } from "./payload.ts"
import { ask, isOpen, resolve } from "./permissions.ts"
import { answerTool, isOpenTool, runTool, startTool } from "./toolCalls.ts"

/** The list after a durable event. `at` is the event's number. */
export const applyAside = (asides: Asides, event: string, data: Data, at: number): Asides => {
  switch (event) {
    case "tool_call_start":
      return startTool(asides, text(data["id"]), text(data["name"]), at)
    case "tool_call_done":
      return runTool(asides, data, at)
    case "tool_result":
      return answerTool(asides, data, at)
    case "thinking_done":
      return add(asides, { kind: "thought", key: `thought-${at}`, at, text: text(data["text"]) })
    case "plan":
      return plan(asides, data, at)
    case "permission_request": {
      const request = requestOf(data)
      return request === undefined ? asides : ask(asides, request, at)
    }
    case "permission_resolved":
      return resolve(asides, data)
    case "input_unqueued":
      return unstarted(asides, data, at)
    case "error":
      return add(asides, {
        kind: "error",
        key: `error-${at}`,
        at,
        code: text(data["code"]),
        message: text(data["message"])
      })
    case "run_end": {
      const closed = closeTurn(asides, at)
      const result = text(data["result"])
      // A run that simply finished needs no line of its own.
      return result === "finished" ? closed : add(closed, { kind: "run_end", key: `run-${at}`, at, result })
    }
    case "status":
      return data["status"] === "idle" ? closeTurn(asides, at) : asides
    default:
      return asides
  }
}

/** A turn has one plan, told anew whenever it changes: it stands where it was told last, and keeps its key on the way. */
const plan = (asides: Asides, data: Data, at: number): Asides => {
  const entries = planOf(data)
  const known = asides.findLast((one) => one.kind === "plan" && !one.over)
  return known === undefined
    ? add(asides, { kind: "plan", key: `plan-${at}`, at, entries, over: false })
    : add(
        asides.filter((one) => one !== known),
        { kind: "plan", key: known.key, at, entries, over: false }
      )
}

/** A person is told of an input that was acknowledged and never started, unless somebody took it back. */
const unstarted = (asides: Asides, data: Data, at: number): Asides => {
  const { reason } = data
  return reason === "rejected" || reason === "ended"
    ? add(asides, {
        kind: "unstarted",
        key: `unstarted-${at}`,
        at,
        content: text(data["content"]),
        reason,
        message: text(data["message"])
      })
    : asides
}

/** A run is over: what it opened up to then and did not finish will not be finished. */
export const closeTurn = (asides: Asides, upTo: number): Asides =>
  changeAll(asides, (one): Aside => {
    if (one.at > upTo) return one
    if (one.kind === "tool" && isOpenTool(one)) return { ...one, state: "interrupted" }
    if (isOpen(one)) return { ...one, state: "cancelled" }
    return one.kind === "plan" && !one.over ? { ...one, over: true } : one
  })
