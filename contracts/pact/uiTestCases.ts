/** The lines of a connection test while it runs, read by the page's own client from a server that sends them one by one. */
import assert from "node:assert/strict"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as connections from "../../svelte-ui/src/lib/api/connections.ts"
import type { TestReport, TestStep } from "../../svelte-ui/src/lib/api/wire.ts"
import { type Case, frameCase } from "./Case.ts"
import { between, from } from "./uiCall.ts"
import { testReport, testStep } from "./uiShapes.ts"

/** What the page makes of a test whose lines are these. */
const tested = async (...lines: ReadonlyArray<string>) => {
  const server = createServer((_, answer) => {
    answer.writeHead(200, { "content-type": "application/x-ndjson" })
    for (const line of lines) answer.write(`${line}\n`)
    answer.end()
  })
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  const steps: Array<TestStep> = []
  try {
    const { port } = server.address() as AddressInfo
    const outcome = await from(`http://127.0.0.1:${port}`, () =>
      connections.testSaved("contract", { onStep: (step) => steps.push(step) })
    )
    const report: TestReport | undefined = outcome.ok ? outcome.value : undefined
    return { steps, report }
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => void server.close(resolve))
  }
}

export const uiTestCases: ReadonlyArray<Case> = [
  frameCase(between, { given: "a test of a connection", name: "a step of a test", content: testStep }, async (line) => {
    const { report, steps } = await tested(line)
    assert.deepEqual([steps.length, report], [1, undefined])
  }),
  frameCase(
    between,
    { given: "a test of a connection", name: "the report of a test", content: testReport },
    async (line) => {
      const { report, steps } = await tested(line)
      assert.deepEqual([steps.length, typeof report?.compatible], [0, "boolean"])
    }
  )
]
