import { afterEach, assert, it, vi } from "vitest"
import { busyModes, declares, lacks } from "./capabilities.ts"
import type { Permission } from "./asideList.ts"
import { Steering } from "./steering.svelte.ts"

interface Call {
  readonly method: string
  readonly path: string
  readonly key: string
  readonly body: unknown
}
/** Answers in order; the last one again for every further call. */
const backend = (...answers: ReadonlyArray<() => Response>) => {
  const calls: Array<Call> = []
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    calls.push({
      method: init.method ?? "",
      path,
      key: new Headers(init.headers).get("idempotency-key") ?? "",
      body: init.body === undefined ? undefined : JSON.parse(String(init.body))
    })
    return (answers[calls.length - 1] ?? answers.at(-1)!)()
  })
  return calls
}
const acknowledged = () => Response.json({ ack: { runtime_id: "r", worker_id: "w", state: "busy", event_id: 4 } })
const refused = (code: string) => () => Response.json({ code, title: "No." }, { status: 404 })
const lost = () => {
  throw new TypeError("network")
}
afterEach(() => void vi.unstubAllGlobals())

const asked: Permission = {
  kind: "permission",
  key: "permission-7-p/1",
  at: 7,
  request: { id: "p/1", toolCallId: "t", title: "Remove", options: [], expiresAt: undefined },
  state: "open",
  chosen: undefined
}
const steering = () => new Steering("r", "w")

it("an answer to a request goes to its address and is not given twice", async () => {
  const calls = backend(acknowledged)
  const page = steering()
  assert.isTrue(await page.answer(asked, "yes"))
  assert.deepInclude(calls[0], {
    method: "POST",
    path: "/api/runtimes/r/workers/w/permissions/p%2F1",
    body: { option_id: "yes" }
  })
  assert.deepStrictEqual(page.answers.get(asked.key), { kind: "sent", option: "yes" })
  assert.isFalse(await page.answer(asked, "no"))
  assert.strictEqual(calls.length, 1)
})

it("an answer that was lost can be given again with its key, another one has its own", async () => {
  const calls = backend(lost, lost, acknowledged)
  const page = steering()
  assert.isFalse(await page.answer(asked, "yes"))
  assert.strictEqual(page.answers.get(asked.key)?.kind, "failed")
  await page.answer(asked, "yes")
  await page.answer(asked, "no")
  assert.strictEqual(calls[0]?.key, calls[1]?.key)
  assert.notStrictEqual(calls[1]?.key, calls[2]?.key)
})

it("a refused answer says why", async () => {
  backend(refused("permission_not_found"))
  const page = steering()
  await page.answer(asked, "yes")
  const answering = page.answers.get(asked.key)
  assert.strictEqual(answering?.kind === "failed" && answering.problem.code, "permission_not_found")
})

it("an interrupt that was lost is repeated with its key for its own turn only", async () => {
  const calls = backend(lost, lost, lost, acknowledged, acknowledged)
  const page = steering()
  assert.isFalse(await page.interrupt(3))
  assert.strictEqual(page.interruptProblem?.code, "backend_unreachable")
  await page.interrupt(3)
  await page.interrupt(5)
  assert.isTrue(await page.interrupt(5))
  assert.isUndefined(page.interruptProblem)
  await page.interrupt(5)
  const [one, two, three, four, five] = calls.map(({ key }) => key)
  assert.deepStrictEqual([one === two, two === three, three === four, four === five], [true, false, true, false])
  assert.deepInclude(calls[0], { method: "POST", path: "/api/runtimes/r/workers/w/interrupt", body: {} })
})

it("a waiting input is taken back by its id, and its text is known when it was sent from here or is short", async () => {
  const calls = backend(acknowledged, refused("queued_input_not_found"))
  const page = steering()
  page.remember("i-1", "x".repeat(500))
  assert.isTrue(await page.takeBack("i-1"))
  assert.deepInclude(calls[0], { method: "DELETE", path: "/api/runtimes/r/workers/w/queue/i-1" })
  assert.isFalse(await page.takeBack("i-2"))
  assert.strictEqual(page.takeBackProblem?.problem.code, "queued_input_not_found")
  assert.strictEqual(page.wholeOf("i-1", "x".repeat(200))?.length, 500)
  assert.strictEqual(page.wholeOf("i-2", "short"), "short")
  assert.isUndefined(page.wholeOf("i-2", "y".repeat(200)))
})

it("nothing is offered that the runtime does not declare", () => {
  assert.deepStrictEqual(busyModes({}), [])
  assert.deepStrictEqual(busyModes({ "workers.input": { max_bytes: 9 } }), [])
  assert.deepStrictEqual(busyModes({ "workers.input": { modes: ["reject", "interrupt", "later", "queue"] } }), [
    "queue",
    "interrupt"
  ])
  assert.isFalse(declares({}, "workers.interrupt"))
  assert.isTrue(declares({ "workers.interrupt": {} }, "workers.interrupt"))
  // A runtime that says nothing at all is judged by what it answers.
  assert.isFalse(lacks({}, "workers.stop"))
  assert.isTrue(lacks({ "workers.input": {} }, "workers.stop"))
})
