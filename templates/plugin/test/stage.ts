/** What the conformance kit talks to, in `npm test` and in `yoi-workspace plugin check`. */
import type { Stage } from "yoi-workspace/plugin-testing"
import { start } from "./fakeServer.ts"

const token = "a-token-of-the-tests"

export default async (): Promise<Stage> => {
  const { close, endpoint } = await start(token)
  return { endpoint, token, options: { project: "tests" }, hold: "/hold", close }
}
