/** Every route of the runtime API, as a client in another language sees it. */
import { createHash } from "node:crypto"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { eventually, type RuntimeProcess, start } from "./runtimeProcess.ts"

let runtime: RuntimeProcess

beforeAll(async () => {
  runtime = await start(["--runtime-id", "rt-1", "--display-name", "Test runtime"])
}, 30_000)
afterAll(() => runtime.stop())

const create = async (body: unknown = {}) => {
  const { body: answer, status } = await runtime.call("POST", "/v1/workers", body)
  assert.strictEqual(status, 200)
  return answer.worker
}

const settled = (worker_id: string) =>
  eventually(
    () => runtime.call("GET", `/v1/workers/${worker_id}`),
    ({ body }) => body.worker.execution.run_state !== "busy"
  )

describe("the runtime", () => {
  it("describes itself with every member of field v1 and those of ours", async () => {
    const { body } = await runtime.call("GET", "/v1/runtime")
    assert.deepInclude(body.runtime, {
      runtime_id: "rt-1",
      display_name: "Test runtime",
      backend: "memory",
      status: "running",
      limits: { max_transcript_projection_items: 256, max_event_batch_items: 256 },
      worker_creation_available: true,
      version: "0.1.0"
    })
    for (const name of ["worker_count", "active_worker_count", "stopped_worker_count", "cancelled_worker_count"]) {
      assert.isNumber(body.runtime[name])
    }
    assert.strictEqual(body.runtime.diagnostic_count, 0)
    assert.isString(body.runtime.epoch)
    assert.deepStrictEqual(body.runtime.capabilities["workers.input"], {
      max_bytes: 1_048_576,
      modes: ["reject", "queue", "interrupt"],
      max_queued: 16,
      max_queued_bytes: 262_144
    })
    assert.deepStrictEqual(body.runtime.capabilities["workers.interrupt"], {})
    assert.deepStrictEqual(body.runtime.capabilities["workers.permissions"], {})
    assert.deepStrictEqual(body.runtime.profiles[0].selector, { kind: "builtin", value: "echo" })
  })

  it("counts its workers by how they ended", async () => {
    const before = (await runtime.call("GET", "/v1/runtime")).body.runtime
    const [a, b] = [await create(), await create()]
    await runtime.call("POST", `/v1/workers/${a.worker_id}/stop`)
    await runtime.call("POST", `/v1/workers/${b.worker_id}/cancel`)
    const after = (await runtime.call("GET", "/v1/runtime")).body.runtime
    assert.strictEqual(after.worker_count, before.worker_count + 2)
    assert.strictEqual(after.stopped_worker_count, before.stopped_worker_count + 1)
    assert.strictEqual(after.cancelled_worker_count, before.cancelled_worker_count + 1)
    assert.strictEqual(after.active_worker_count, before.active_worker_count)
  })

  it("is live and ready, and says what it serves", async () => {
    assert.deepStrictEqual((await runtime.call("GET", "/livez")).body, { status: "ok" })
    assert.deepStrictEqual((await runtime.call("GET", "/readyz")).body, { status: "ok" })
    const { body } = await runtime.call("GET", "/v1/openapi.json")
    assert.isTrue(body.openapi.startsWith("3.1"))
    assert.includeMembers(Object.keys(body.paths), ["/v1/runtime", "/v1/workers/{worker_id}/events/ws"])
  })

  it("gives its figures as Prometheus text, by operation and code", async () => {
    await runtime.call("GET", "/v1/workers/nobody")
    const { body, headers } = await runtime.call("GET", "/metrics")
    assert.isTrue(headers.get("content-type")?.startsWith("text/plain"))
    assert.match(body, /yoi_requests_total\{operation="workers.get",code="worker_not_found"\} [1-9]/)
    assert.match(body, /yoi_request_duration_seconds_count\{operation="runtime.describe"\} [1-9]/)
    assert.match(body, /yoi_open_streams 0/)
    assert.match(body, /yoi_stream_overflows_total 0/)
    assert.match(body, /yoi_store_commit_seconds_count [1-9]/)
  })
})

describe("a worker", () => {
  it("is created without a bundle or a profile, as the first clients do", async () => {
    const worker = await create()
    assert.deepInclude(worker, { runtime_id: "rt-1", status: "running", config_bundle: null, transcript_len: 0 })
    assert.deepStrictEqual(worker.worker_ref, { runtime_id: "rt-1", worker_id: worker.worker_id })
    assert.deepInclude(worker.execution, { backend: "connected", run_state: "idle" })
    assert.deepStrictEqual(worker.execution.last_result, {
      operation: "spawn",
      outcome: "accepted",
      run_state: "idle"
    })
    assert.match(worker.created_at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  })

  it("takes null for what is absent", async () => {
    const worker = await create({ profile: null, config_bundle: null, initial_input: null, display_name: null })
    assert.strictEqual(worker.status, "running")
  })

  it("keeps the id and the name that its creator chose", async () => {
    const worker = await create({ worker_id: "chosen-1", display_name: "名前" })
    assert.deepInclude(worker, { worker_id: "chosen-1", display_name: "名前" })
    const { body } = await runtime.call("GET", "/v1/workers/chosen-1")
    assert.deepStrictEqual(body.worker, worker)
  })

  it("takes input, echoes it and shows both in its transcript", async () => {
    const { worker_id } = await create({ profile: { kind: "builtin", value: "echo" } })
    const { body, status } = await runtime.call("POST", `/v1/workers/${worker_id}/input`, {
      kind: "user",
      content: "say it"
    })
    assert.strictEqual(status, 200)
    assert.deepStrictEqual(Object.keys(body.ack).toSorted(), [
      "event_id",
      "run_state",
      "status",
      "transcript_sequence",
      "worker_ref"
    ])
    assert.deepInclude(body.ack, { status: "running", run_state: "busy", transcript_sequence: 1 })
    await settled(worker_id)
    const { transcript } = (await runtime.call("GET", `/v1/workers/${worker_id}/transcript`)).body
    assert.deepInclude(transcript, { start: 0, limit: 256, total_items: 2, next_start: null })
    assert.deepStrictEqual(
      transcript.items.map((item: { role: string; content: string }) => [item.role, item.content]),
      [
        ["user", "say it"],
        ["assistant", "say it"]
      ]
    )
    assert.deepStrictEqual(transcript.items[0].worker_ref, { runtime_id: "rt-1", worker_id })
    assert.strictEqual(transcript.items[0].event_id, body.ack.event_id)
  })

  it("pages its transcript without a gap", async () => {
    const { worker_id } = await create({ initial_input: { kind: "user", content: "one" } })
    await settled(worker_id)
    await runtime.call("POST", `/v1/workers/${worker_id}/input`, { kind: "system", content: "two" })
    await settled(worker_id)
    const path = `/v1/workers/${worker_id}/transcript`
    const first = (await runtime.call("GET", `${path}?limit=2`)).body.transcript
    assert.deepInclude(first, { start: 0, limit: 2, total_items: 3, next_start: 2 })
    const second = (await runtime.call("GET", `${path}?start=2&limit=2`)).body.transcript
    assert.deepStrictEqual(
      [...first.items, ...second.items].map((item: { sequence: number }) => item.sequence),
      [1, 2, 3]
    )
    assert.isNull(second.next_start)
  })

  it("ends once: a repeated or crossed end answers how it ended", async () => {
    const { worker_id } = await create()
    const first = await runtime.call("POST", `/v1/workers/${worker_id}/stop`)
    assert.deepInclude(first.body.ack, { status: "stopped" })
    const crossed = await runtime.call("POST", `/v1/workers/${worker_id}/cancel`, { reason: "too late" })
    assert.deepStrictEqual(crossed.body, first.body)
    const { execution, status } = (await runtime.call("GET", `/v1/workers/${worker_id}`)).body.worker
    assert.strictEqual(status, "stopped")
    assert.deepInclude(execution, { backend: "unconnected", run_state: "stopped" })
  })
})

describe("the list", () => {
  it("filters by status and goes on from its cursor", async () => {
    const ids = [(await create()).worker_id, (await create()).worker_id, (await create()).worker_id]
    await runtime.call("POST", `/v1/workers/${ids[1]}/stop`)
    const running = (await runtime.call("GET", "/v1/workers?status=running")).body.workers
    assert.isTrue(running.every((worker: { status: string }) => worker.status === "running"))
    const stopped = (await runtime.call("GET", "/v1/workers?status=stopped")).body.workers
    assert.include(
      stopped.map((worker: { worker_id: string }) => worker.worker_id),
      ids[1]
    )
    const all = (await runtime.call("GET", "/v1/workers")).body
    assert.isNull(all.next_cursor)
    const paged: Array<unknown> = []
    let cursor: string | null = ""
    while (cursor !== null) {
      const page: { workers: Array<unknown>; next_cursor: string | null } = (
        await runtime.call("GET", `/v1/workers?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`)
      ).body
      paged.push(...page.workers)
      cursor = page.next_cursor
    }
    assert.deepStrictEqual(paged, all.workers)
  })
})

/** The digest as the document describes it, written again from the document. */
const bundleOf = (id: string, declarations: ReadonlyArray<Record<string, string>> = []) => {
  const content = {
    id,
    revision: "1",
    workspace_id: "ws",
    created_at: "2026-01-01T00:00:00Z",
    provenance: { source: "test", detail: null },
    profiles: [{ selector: { kind: "builtin", value: "echo" }, label: "Echo" }],
    declarations
  }
  const lines = [
    `id\0${id}\n`,
    "revision\x001\n",
    "workspace_id\0ws\n",
    "created_at\x002026-01-01T00:00:00Z\n",
    "provenance.source\0test\n",
    "provenance.detail\0\n",
    "profile\0builtin:echo\0Echo\n",
    ...declarations.map((it) => `declaration\0${it.kind}\0${it.name}\0${it.reference}\n`)
  ].toSorted()
  return { ...content, digest: createHash("sha256").update(lines.join("")).digest("hex") }
}

describe("config bundles", () => {
  it("are stored, listed, found and created from", async () => {
    const bundle = bundleOf("bundle-1")
    const reference = { id: bundle.id, digest: bundle.digest }
    const put = await runtime.call("POST", "/v1/config-bundles", { bundle })
    assert.strictEqual(put.status, 200)
    assert.deepStrictEqual(put.body.availability.reference, reference)
    assert.deepInclude(put.body.availability.summary, { id: "bundle-1", profile_count: 1, declaration_count: 0 })
    const { bundles } = (await runtime.call("GET", "/v1/config-bundles")).body
    assert.deepStrictEqual(bundles, [put.body.availability.summary])
    const path = `/v1/config-bundles/bundle-1/availability?digest=${bundle.digest}`
    assert.deepStrictEqual((await runtime.call("GET", path)).body, put.body)
    const worker = await create({ config_bundle: reference, profile: { kind: "builtin", value: "echo" } })
    assert.deepStrictEqual(worker.config_bundle, reference)
  })

  it("are refused when the digest, the profile or a declaration does not fit", async () => {
    const bundle = bundleOf("bundle-2")
    const code = async (...call: Parameters<RuntimeProcess["call"]>) => {
      const { body, status } = await runtime.call(...call)
      return [status, body.error.code]
    }
    const wrong = { ...bundle, digest: "0".repeat(64) }
    assert.deepStrictEqual(await code("POST", "/v1/config-bundles", { bundle: wrong }), [
      400,
      "config_bundle_digest_mismatch"
    ])
    const declaring = bundleOf("bundle-3", [{ kind: "tool", name: "x", reference: "y" }])
    assert.deepStrictEqual(await code("POST", "/v1/config-bundles", { bundle: declaring }), [
      400,
      "unsupported_config_declaration"
    ])
    assert.deepStrictEqual(await code("GET", "/v1/config-bundles/bundle-2/availability"), [
      404,
      "config_bundle_missing"
    ])
    await runtime.call("POST", "/v1/config-bundles", { bundle })
    const { digest, id } = bundle
    const config_bundle = { id, digest }
    assert.deepStrictEqual(await code("GET", `/v1/config-bundles/${id}/availability?digest=${"0".repeat(64)}`), [
      400,
      "config_bundle_digest_mismatch"
    ])
    assert.deepStrictEqual(
      await code("POST", "/v1/workers", { config_bundle, profile: { kind: "named", value: "no" } }),
      [400, "invalid_profile_selector"]
    )
    assert.deepStrictEqual(await code("POST", "/v1/workers", { config_bundle: { id, digest: "1".repeat(64) } }), [
      400,
      "config_bundle_digest_mismatch"
    ])
    assert.deepStrictEqual(await code("POST", "/v1/workers", { config_bundle: { id: "none", digest } }), [
      404,
      "config_bundle_missing"
    ])
  })
})

describe("an idempotency key", () => {
  it("gets the first answer again, says so, and has no second effect", async () => {
    const key = { "idempotency-key": "create-once" }
    const first = await runtime.call("POST", "/v1/workers", { display_name: "once" }, key)
    const again = await runtime.call("POST", "/v1/workers", { display_name: "once" }, key)
    assert.isNull(first.headers.get("idempotent-replayed"))
    assert.strictEqual(again.headers.get("idempotent-replayed"), "true")
    assert.deepStrictEqual(again.body, first.body)
    const path = `/v1/workers/${first.body.worker.worker_id}`
    for (const command of ["input", "stop", "cancel"]) {
      const body = command === "input" ? { kind: "user", content: "once" } : undefined
      const headers = { "idempotency-key": `${command}-once` }
      const said = await runtime.call("POST", `${path}/${command}`, body, headers)
      const repeated = await runtime.call("POST", `${path}/${command}`, body, headers)
      assert.strictEqual(repeated.headers.get("idempotent-replayed"), "true", command)
      assert.deepStrictEqual(repeated.body, said.body)
    }
    const { transcript } = (await runtime.call("GET", `${path}/transcript`)).body
    assert.strictEqual(transcript.items.filter((item: { role: string }) => item.role === "user").length, 1)
  })

  it("is refused for another body, and when it is none", async () => {
    const key = { "idempotency-key": "one-body" }
    await runtime.call("POST", "/v1/workers", {}, key)
    const other = await runtime.call("POST", "/v1/workers", { display_name: "other" }, key)
    assert.deepStrictEqual([other.status, other.body.error.code], [422, "idempotency_key_reused"])
    const bad = await runtime.call("POST", "/v1/workers", {}, { "idempotency-key": "two words" })
    assert.deepStrictEqual([bad.status, bad.body.error.code], [400, "invalid_request"])
    assert.deepStrictEqual(bad.body.error.details.errors, [{ pointer: "/idempotency-key", code: "invalid" }])
  })
})
