/** Steering a turn over HTTP: modes of input, interrupt, waiting inputs and permission requests, with a real agent. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { connect, type Frame } from "./eventClient.ts"
import { eventually, folder, type RuntimeProcess, start } from "./runtimeProcess.ts"

const agent = fileURLToPath(new URL("../support/acp-agent.mjs", import.meta.url))
const place = folder()
let runtime: RuntimeProcess

const profiles = `
[[profiles]]
id = "agent"
label = "Agent"
executor = "acp"
command = [${JSON.stringify(process.execPath)}, ${JSON.stringify(agent)}]
`

beforeAll(async () => {
  const path = join(place.path, "profiles.toml")
  writeFileSync(path, profiles)
  runtime = await start(["--profiles", path])
}, 30_000)
afterAll(async () => {
  await runtime.stop()
  place.remove()
})

const create = async (profile: unknown = { kind: "builtin", value: "echo" }): Promise<string> => {
  const { body, status } = await runtime.call("POST", "/v1/workers", { profile })
  assert.strictEqual(status, 200)
  return body.worker.worker_id
}

const get = async (id: string) => (await runtime.call("GET", `/v1/workers/${id}`)).body.worker
const input = (id: string, content: string, mode?: string | null, headers?: Record<string, string>) =>
  runtime.call(
    "POST",
    `/v1/workers/${id}/input`,
    { kind: "user", content, ...(mode === undefined ? {} : { mode }) },
    headers
  )
const idle = (id: string) =>
  eventually(
    () => get(id),
    ({ execution }) => execution.run_state !== "busy"
  )
const key = (text: string) => ({ "idempotency-key": text })
const named = (name: string) => (frame: Frame) => frame.envelope?.payload.event === name
/** Longer than any of these tests: what it holds up is called off. */
const long = "/wait 60000 long"

describe("an input to a busy worker", () => {
  it("is refused without a mode, with null and with reject", async () => {
    const id = await create()
    await input(id, long)
    for (const mode of [undefined, null, "reject"]) {
      const { body, status } = await input(id, "x", mode)
      assert.deepStrictEqual([status, body.error.code, body.error.retryable], [409, "worker_busy", true])
    }
    await runtime.call("POST", `/v1/workers/${id}/stop`)
  })

  it("in mode queue waits, is shown in the worker and in the stream, and can be taken back", async () => {
    const id = await create()
    await input(id, long)
    const events = connect(runtime.url, id)
    const first = await input(id, "y".repeat(1_000), "queue")
    assert.strictEqual(first.status, 200)
    assert.deepInclude(first.body.ack, { status: "running", run_state: "busy", transcript_sequence: 0 })
    assert.strictEqual(first.body.ack.queued.position, 1)
    const second = await input(id, "second", "queue", key(`${id}-2`))
    assert.strictEqual(second.body.ack.queued.position, 2)
    const again = await input(id, "second", "queue", key(`${id}-2`))
    assert.deepStrictEqual([again.headers.get("idempotent-replayed"), again.body], ["true", second.body])
    const other = await input(id, "second", "interrupt", key(`${id}-2`))
    assert.deepStrictEqual([other.status, other.body.error.code], [422, "idempotency_key_reused"])

    const { queued_inputs } = await get(id)
    assert.deepStrictEqual(
      queued_inputs.map((it: { content: string }) => it.content),
      ["y".repeat(200), "second"]
    )
    const told = await events.next(named("input_queued"))
    assert.strictEqual(told.envelope.event_id, String(first.body.ack.event_id))
    assert.deepStrictEqual(told.envelope.payload.data, queued_inputs[0])

    const path = `/v1/workers/${id}/queue/${queued_inputs[0].input_id}`
    const taken = await runtime.call("DELETE", path, undefined, key(`${id}-3`))
    assert.deepInclude(taken.body.ack, { status: "running", run_state: "busy" })
    const repeated = await runtime.call("DELETE", path, undefined, key(`${id}-3`))
    assert.strictEqual(repeated.headers.get("idempotent-replayed"), "true")
    const gone = await runtime.call("DELETE", path)
    assert.deepStrictEqual([gone.status, gone.body.error.code], [404, "queued_input_not_found"])
    const unqueued = await events.next(named("input_unqueued"))
    assert.deepInclude(unqueued.envelope.payload.data, { reason: "cancelled" })

    await runtime.call("POST", `/v1/workers/${id}/interrupt`)
    const { transcript } = (
      await eventually(
        () => runtime.call("GET", `/v1/workers/${id}/transcript`),
        ({ body }) => body.transcript.total_items === 3
      )
    ).body
    assert.deepStrictEqual(
      transcript.items.map((item: { content: string }) => item.content),
      [long, "second", "second"]
    )
    assert.notProperty(await idle(id), "queued_inputs")
    events.close()
  })

  it("beyond the bounds of the queue is refused", async () => {
    const id = await create()
    await input(id, long)
    const { capabilities } = (await runtime.call("GET", "/v1/runtime")).body.runtime
    const { max_queued, max_queued_bytes } = capabilities["workers.input"]
    const heavy = await input(id, "x".repeat(max_queued_bytes + 1), "queue")
    assert.deepStrictEqual([heavy.status, heavy.body.error.code], [409, "input_queue_full"])
    assert.deepInclude(heavy.body.error.details, { max: max_queued_bytes })
    for (let i = 0; i < max_queued; i++) assert.strictEqual((await input(id, `${i}`, "queue")).status, 200)
    const { body, status } = await input(id, "x", "queue")
    assert.deepStrictEqual([status, body.error.code, body.error.retryable], [409, "input_queue_full", true])
    await runtime.call("POST", `/v1/workers/${id}/cancel`)
    assert.notProperty(await get(id), "queued_inputs")
  })

  it("in mode interrupt ends the turn and runs", async () => {
    const id = await create()
    await input(id, long)
    const { body } = await input(id, "instead", "interrupt")
    assert.deepInclude(body.ack, { transcript_sequence: 2, run_state: "busy" })
    await idle(id)
    const { transcript } = (await runtime.call("GET", `/v1/workers/${id}/transcript`)).body
    assert.deepStrictEqual(
      transcript.items.map((item: { content: string }) => item.content),
      [long, "instead", "instead"]
    )
  })

  it("in a mode that is none is refused at that member", async () => {
    const id = await create()
    const { body, status } = await input(id, "x", "later")
    assert.deepStrictEqual([status, body.error.code], [400, "invalid_request"])
    assert.deepStrictEqual(body.error.details.errors[0].pointer, "/mode")
  })
})

describe("an interrupt", () => {
  it("ends the turn and not the worker, with or without a reason, once for one key", async () => {
    const id = await create()
    await input(id, long)
    const path = `/v1/workers/${id}/interrupt`
    const first = await runtime.call("POST", path, { reason: "wrong file" }, key(`${id}-1`))
    assert.deepInclude(first.body.ack, { status: "running", run_state: "idle" })
    assert.strictEqual((await get(id)).execution.last_result.message, "wrong file")
    await input(id, long)
    const again = await runtime.call("POST", path, { reason: "wrong file" }, key(`${id}-1`))
    assert.deepStrictEqual(again.body, first.body)
    assert.strictEqual((await get(id)).execution.run_state, "busy")
    assert.strictEqual((await runtime.call("POST", path)).status, 200)
    const unneeded = await runtime.call("POST", path)
    assert.deepInclude(unneeded.body.ack, { run_state: "idle", event_id: (await get(id)).last_event_id })
    await runtime.call("POST", `/v1/workers/${id}/stop`)
    const late = await runtime.call("POST", path)
    assert.deepStrictEqual([late.status, late.body.error.code], [409, "worker_not_running"])
    const missing = await runtime.call("POST", "/v1/workers/nobody/interrupt")
    assert.deepStrictEqual([missing.status, missing.body.error.code], [404, "worker_not_found"])
  })

  it("leaves an agent that takes the next input", async () => {
    const id = await create({ kind: "named", value: "agent" })
    await input(id, "ask")
    await eventually(
      () => get(id),
      (worker) => worker.permission_requests?.length === 1
    )
    const { body } = await runtime.call("POST", `/v1/workers/${id}/interrupt`)
    assert.deepInclude(body.ack, { run_state: "idle" })
    assert.notProperty(await get(id), "permission_requests")
    assert.strictEqual((await input(id, "hello")).status, 200)
    assert.strictEqual((await idle(id)).execution.run_state, "idle")
    await runtime.call("POST", `/v1/workers/${id}/stop`)
  })
})

describe("a permission request", () => {
  it("is shown, answered once with one of its options, and then no longer open", async () => {
    const id = await create({ kind: "named", value: "agent" })
    const events = connect(runtime.url, id)
    await input(id, "ask")
    const asked = (await events.next(named("permission_request"))).envelope.payload.data
    const { permission_requests } = await eventually(
      () => get(id),
      (worker) => worker.permission_requests?.length === 1
    )
    assert.deepStrictEqual(permission_requests, [asked])
    const fresh = connect(runtime.url, id)
    const snapshot = (await fresh.next(named("snapshot"))).envelope.payload.data
    assert.deepStrictEqual(snapshot.permission_requests, [asked])
    const path = `/v1/workers/${id}/permissions/${encodeURIComponent(asked.id)}`
    const wrong = await runtime.call("POST", path, { option_id: "maybe" })
    assert.deepStrictEqual([wrong.status, wrong.body.error.code], [400, "invalid_request"])
    assert.deepStrictEqual(wrong.body.error.details.errors, [{ pointer: "/option_id", code: "unknown" }])
    for (const body of [{}, { option_id: 7 }, { option_id: "" }]) {
      assert.strictEqual((await runtime.call("POST", path, body)).status, 400)
    }
    const answered = await runtime.call("POST", path, { option_id: "yes" }, key(`${id}-1`))
    assert.strictEqual(answered.status, 200)
    const again = await runtime.call("POST", path, { option_id: "yes" }, key(`${id}-1`))
    assert.deepStrictEqual([again.headers.get("idempotent-replayed"), again.body], ["true", answered.body])
    const resolved = await events.next(named("permission_resolved"))
    assert.deepInclude(resolved.envelope.payload.data, { id: asked.id, outcome: "selected", option_id: "yes" })
    assert.notProperty(await idle(id), "permission_requests")
    const late = await runtime.call("POST", path, { option_id: "yes" })
    assert.deepStrictEqual([late.status, late.body.error.code], [404, "permission_not_found"])
    events.close()
    fresh.close()
    await runtime.call("POST", `/v1/workers/${id}/stop`)
    const ended = await runtime.call("POST", path, { option_id: "yes" })
    assert.deepStrictEqual([ended.status, ended.body.error.code], [409, "worker_not_running"])
  })

  it("and a waiting input have names that lead nowhere else", async () => {
    const id = await create()
    for (const name of ["%2e%2e", "..%2fstop", "%20", "x".repeat(201), "%00"]) {
      const permit = await runtime.call("POST", `/v1/workers/${id}/permissions/${name}`, { option_id: "x" })
      const unqueue = await runtime.call("DELETE", `/v1/workers/${id}/queue/${name}`)
      for (const { body, status } of [permit, unqueue]) {
        assert.include([400, 404], status, name)
        assert.include(["invalid_request", "not_found", "worker_not_found"], body.error.code, name)
      }
    }
    assert.strictEqual((await get(id)).status, "running")
  })
})
