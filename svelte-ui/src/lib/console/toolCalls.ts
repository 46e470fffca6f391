/** Tool calls among the asides: opened, grown, run, answered. Pure functions over the list. */
import { add, type Asides, replace, type ToolCall } from "./asideList.ts"
import { type Data, growText, text } from "./payload.ts"
import { shown } from "./toolValue.ts"

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
        output: "",
        leftOut: { input: 0, output: 0 }
      })

/** The arguments of an open call while they are being written. */
export const growInput = (asides: Asides, id: string, more: unknown): Asides =>
  updateTool(asides, id, (tool) => ({ ...tool, input: growText(tool.input, more) }))

/** A call that a snapshot shows in flight. */
export const callInFlight = (asides: Asides, call: { id: string; name: string; json: string }, at: number): Asides =>
  updateTool(startTool(asides, call.id, call.name, at), call.id, (tool) => ({ ...tool, input: call.json }))

/** All of its arguments are there. */
export const runTool = (asides: Asides, data: Data, at: number): Asides => {
  const id = text(data["id"])
  const name = text(data["name"])
  const input = shown(data["arguments"])
  return updateTool(startTool(asides, id, name, at), id, (tool) => ({
    ...tool,
    name: name || tool.name,
    input: input.text,
    leftOut: { ...tool.leftOut, input: input.leftOut },
    state: "running"
  }))
}

export const answerTool = (asides: Asides, data: Data, at: number): Asides => {
  const id = text(data["id"])
  const output = shown(data["output"])
  return updateTool(startTool(asides, id, "", at), id, (tool) => ({
    ...tool,
    state: data["is_error"] === true ? "failed" : "done",
    summary: text(data["summary"]),
    output: output.text,
    leftOut: { ...tool.leftOut, output: output.leftOut }
  }))
}

export const isOpenTool = (tool: ToolCall): boolean => tool.state === "calling" || tool.state === "running"

const openTool = (asides: Asides, id: string): ToolCall | undefined =>
  asides.findLast((one): one is ToolCall => one.kind === "tool" && isOpenTool(one) && one.id === id)

const updateTool = (asides: Asides, id: string, change: (tool: ToolCall) => ToolCall): Asides => {
  const open = openTool(asides, id)
  return open === undefined ? asides : replace(asides, open, change(open))
}
