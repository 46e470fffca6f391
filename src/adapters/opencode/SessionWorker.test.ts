import { assert, it } from "@effect/vitest"
import { RuntimeId } from "../../domain/Identifiers.ts"
import { maxTitle } from "../../domain/ToolValue.ts"
import { workerOf } from "./SessionWorker.ts"

it("a session's title is a worker's name up to a bound", () => {
  const session = { id: "ses_1", title: "x".repeat(maxTitle + 1), time: { created: 1, updated: 2 } }
  assert.lengthOf(workerOf(RuntimeId.make("opencode-1"), session, "idle", 0, 0).display_name ?? "", maxTitle)
})
