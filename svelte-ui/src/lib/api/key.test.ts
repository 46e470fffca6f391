import { assert, it } from "vitest"
import { IntentKey, newKey } from "./key.ts"
import { decodeProblem, failed, pageProblem } from "./problem.ts"

const refused = (status: number, code: string) => failed(decodeProblem(status, { code }))
const done = { ok: true, value: undefined, etag: undefined } as const

it("keys are visible ASCII and never the same", () => {
  assert.match(newKey(), /^[0-9a-f]{32}$/)
  assert.notStrictEqual(newKey(), newKey())
})

it("the same content keeps its key while nobody knows what became of it", () => {
  const intent = new IntentKey()
  const key = intent.for(["a"])
  for (const outcome of [
    failed(pageProblem("backend_unreachable")),
    failed(pageProblem("backend_timeout")),
    refused(504, "runtime_timeout"),
    refused(500, "internal"),
    refused(409, "idempotency_in_flight")
  ]) {
    intent.settle(outcome)
    assert.strictEqual(intent.for(["a"]), key, JSON.stringify(outcome))
  }
})

it("other content, an answer and a refusal each start a new intent", () => {
  const intent = new IntentKey()
  const key = intent.for("a")
  assert.notStrictEqual(intent.for("b"), key)
  for (const outcome of [
    done,
    refused(409, "worker_busy"),
    refused(400, "invalid_request"),
    refused(422, "idempotency_key_reused")
  ]) {
    const before = intent.for("same")
    intent.settle(outcome)
    assert.notStrictEqual(intent.for("same"), before, JSON.stringify(outcome))
  }
})
