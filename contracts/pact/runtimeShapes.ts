/** Shapes of the runtime API that the backend relies on: the members every runtime has, also one of field v1. */
import { bool, int, matching, objects, some, text, texts, time, words } from "./matchers.ts"

export const runtimeId = "rt-contract"
export const workerId = "worker-00000001"
export const inputId = "input-00000001"
export const permissionId = "permission-1"
export const optionId = "yes"

const ref = { runtime_id: text(runtimeId), worker_id: text(workerId) }
const status = words("running", "stopped", "cancelled")
const runState = words("idle", "busy", "rejected", "errored", "stopped", "unconnected")
const digest = matching("^[0-9a-f]{64}$", "0".repeat(64))

export const runtime = {
  runtime: {
    runtime_id: text(runtimeId),
    backend: text("memory"),
    status: words("running", "stopped"),
    worker_count: int(0),
    active_worker_count: int(0),
    stopped_worker_count: int(0),
    cancelled_worker_count: int(0),
    diagnostic_count: int(0),
    limits: { max_transcript_projection_items: int(256), max_event_batch_items: int(256) },
    worker_creation_available: bool(true),
    capabilities: objects({ "workers.create": {}, "workers.input": {}, idempotency: {} })
  }
}

/** What has to be declared before a turn is steered. */
export const steerable = {
  runtime: {
    ...runtime.runtime,
    capabilities: {
      "workers.input": { modes: texts("reject", "queue", "interrupt") },
      "workers.interrupt": {},
      "workers.permissions": {},
      idempotency: {}
    }
  }
}

const workerOf = (its: { readonly status?: unknown; readonly run_state?: unknown }) => ({
  worker_ref: ref,
  ...ref,
  status: its.status ?? status,
  execution: { backend: words("connected", "stale", "unconnected"), run_state: its.run_state ?? runState },
  profile: { kind: words("runtime_default", "builtin", "named") },
  transcript_len: int(0),
  last_event_id: int(2)
})

export const worker = { worker: workerOf({}) }
export const idleWorker = { worker: workerOf({ status: "running" }) }
export const workers = { workers: some(workerOf({})) }

export const ack = (ended: unknown) => ({ ack: { worker_ref: ref, status: ended, event_id: int(3) } })
export const anyAck = ack(status)
export const inputAck = { ack: { worker_ref: ref, status, event_id: int(3), transcript_sequence: int(1) } }

/** An input that waits has no place in the transcript yet. */
export const queuedAck = {
  ack: {
    worker_ref: ref,
    status,
    event_id: int(4),
    transcript_sequence: 0,
    queued: { input_id: text(inputId), position: int(1) }
  }
}

export const queued = {
  input_id: text(inputId),
  kind: words("user", "system"),
  content: text("hello"),
  queued_at: time
}

export const permission = {
  id: text(permissionId),
  tool_call_id: text("call-1"),
  title: text("Remove everything"),
  options: some({ id: text(optionId), kind: text("allow_once"), name: text("Yes") }),
  expires_at: time
}

/** Of a transcript; in a page of it, with its worker. */
export const item = {
  sequence: int(1),
  role: words("user", "assistant", "system"),
  content: text("hello"),
  event_id: int(3)
}

export const transcript = {
  transcript: {
    worker_ref: ref,
    start: int(0),
    limit: int(256),
    total_items: int(1),
    items: some({ ...item, worker_ref: ref })
  }
}

const summary = {
  id: text("contract-bundle"),
  digest,
  revision: text("1"),
  workspace_id: text("contract"),
  created_at: text("2026-01-02T03:04:05Z"),
  profile_count: int(1),
  declaration_count: int(0)
}
export const bundles = { bundles: some(summary) }
export const availability = { availability: { reference: { id: text("contract-bundle"), digest }, summary } }

export const refusal = (code: string) => ({ error: { code, message: text("In words.") } })
