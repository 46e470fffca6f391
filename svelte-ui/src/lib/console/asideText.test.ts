import { assert, it } from "vitest"
import type { Aside } from "./asideList.ts"
import { asideText } from "./asideText.ts"

const at = { key: "k", at: 1 }
const request = {
  id: "r",
  toolCallId: "t",
  title: "Delete\u202e it?",
  options: [
    { id: "a", kind: "allow_once", name: "Yes" },
    { id: "b", kind: "reject_once", name: "No" }
  ],
  expiresAt: undefined
}
const asides: ReadonlyArray<readonly [Aside, string]> = [
  [
    {
      ...at,
      kind: "tool",
      id: "t",
      name: "read",
      input: "{}",
      state: "done",
      summary: "one file",
      output: "…",
      leftOut: { input: 0, output: 0 }
    },
    "read\none file"
  ],
  [{ ...at, kind: "thought", text: "Hm." }, "Hm."],
  [{ ...at, kind: "error", code: "worker_failed", message: "It ended." }, "It ended.\nworker_failed"],
  [{ ...at, kind: "run_end", result: "cancelled" }, "cancelled"],
  [
    { ...at, kind: "plan", entries: [{ content: "look", priority: "high", status: "pending" }], over: false },
    "pending: look"
  ],
  [{ ...at, kind: "permission", request, state: "open", chosen: undefined }, "Delete\\u202e it?\nYes, No"],
  [{ ...at, kind: "unstarted", content: "do it", reason: "ended", message: "" }, "do it"]
]

it("everything beside the transcript can be read without its view, and hides nothing", () => {
  for (const [aside, text] of asides) assert.strictEqual(asideText(aside), text)
})
