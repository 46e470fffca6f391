/** Shapes of the browser API that the web page relies on. */
import { bool, int, matching, objects, some, text, time, words } from "./matchers.ts"

export const runtimeId = "backend-internal"
export const workerId = "worker-00000001"
export const inputId = "input-00000001"
export const permissionId = "permission-1"
export const optionId = "yes"

const ref = { runtime_id: text(runtimeId), worker_id: text(workerId) }
const state = words("idle", "busy", "errored", "stale", "stopped", "cancelled")
const status = words("running", "stopped", "unreachable", "auth_failed", "incompatible", "unknown")
const fact = { value: words("yes", "no", "unknown"), since: time }
const facts = { reachable: fact, authenticated: fact, compatible: fact }

export const runtimes = {
  items: some({
    runtime_id: text(runtimeId),
    display_name: text("This machine"),
    kind: text("embedded"),
    built_in: bool(true),
    status,
    capabilities: objects({ "workers.create": {} }),
    facts,
    circuit: words("closed", "open", "half_open"),
    diagnostics: []
  })
}

const worker = {
  ...ref,
  display_name: text("worker-00000001"),
  profile: text("builtin:echo"),
  state,
  kind: text("embedded"),
  transcript_len: int(0),
  diagnostics: []
}
export const oneWorker = { worker }
export const workers = {
  items: some(worker),
  sources: some({ runtime_id: text(runtimeId), state: words("ok", "failed") })
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
export const waitingWorker = { worker: { ...worker, queued_inputs: some(queued) } }
export const askingWorker = { worker: { ...worker, permission_requests: some(permission) } }

export const ack = { ack: { ...ref, state, event_id: int(3) } }
export const inputAck = { ack: { ...ref, state, event_id: int(3), transcript_sequence: int(1) } }
/** An input that waits has no place in the transcript yet. */
export const queuedAck = {
  ack: {
    ...ref,
    state,
    event_id: int(4),
    transcript_sequence: 0,
    queued: { input_id: text(inputId), position: int(1) }
  }
}

export const item = {
  sequence: int(1),
  role: words("user", "assistant", "system"),
  content: text("hello"),
  event_id: int(3)
}
export const transcript = {
  transcript: {
    ...ref,
    start: int(0),
    limit: int(200),
    total_items: int(1),
    items: some(item)
  }
}

export const launchOptions = {
  runtimes: some({
    runtime_id: text(runtimeId),
    display_name: text("This machine"),
    built_in: bool(true),
    can_create: bool(true),
    status,
    diagnostics: [],
    profiles: some(text("builtin:echo"))
  }),
  profiles: some({ id: text("builtin:echo"), label: text("Echo"), description: text("Repeats your input.") })
}

const connection = {
  id: text("contract"),
  display_name: text("Contract"),
  kind: text("remote_http"),
  origin: words("built_in", "file"),
  editable: bool(true),
  deletable: bool(true),
  credential: words("none", "resolvable", "unresolvable", "rejected"),
  active: bool(false),
  restart_required: bool(true),
  status
}
export const connections = {
  connections: some(connection),
  restart_required: bool(false),
  pending: { added: some(text("contract")), removed: [], changed: [] },
  writable: bool(true),
  diagnostics: []
}
export const written = { connection, restart_required: bool(true) }
export const deleted = { restart_required: bool(true) }
export const applied = { applied: { added: [], removed: [], changed: [] }, restart_required: bool(false) }

export const kinds = {
  kinds: some({
    kind: text("remote_http"),
    label: text("Remote runtime (HTTP)"),
    description: text("A worker-runtime on another machine."),
    endpoint: words("required", "none")
  })
}

const step = {
  step: words("policy", "url", "dns", "tcp", "tls", "http", "auth", "protocol", "capabilities", "operations", "stream"),
  status: words("pass", "warn", "fail", "skip"),
  code: text("ok"),
  summary: text("In words.")
}

/** The two kinds of line of a test while it runs. */
export const testStep = { kind: "step", step }
export const testReport = {
  kind: "report",
  report: {
    checked_at: time,
    compatible: bool(false),
    steps: some(step),
    operations: some({
      operation: text("workers.list"),
      needed: bool(true),
      verdict: words("available", "unavailable", "unchecked")
    }),
    diagnostics: []
  }
}

const exampleStep = { step: "policy", status: "pass", code: "ok", latency_ms: 1, summary: "In words." }
const exampleReport = {
  checked_at: "2026-01-02T03:04:05.678Z",
  compatible: false,
  steps: [exampleStep],
  operations: [{ operation: "workers.list", needed: true, verdict: "unchecked" }],
  diagnostics: []
}

/** A test while it runs: a line for each step and one for the report. What a line holds is an interaction of its own. */
export const testLines = {
  // What pact takes the bytes for when it looks at them; the header tells the page what they are.
  type: "application/json",
  regex: "^(\\{[^\\n]*\\}\\n){2,}$",
  body: [
    { kind: "step", step: exampleStep },
    { kind: "report", report: exampleReport }
  ]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("")
}

export const etag = matching('^(W/)?".+"$', '"config-1"')

export const problem = (status_: number, code: string) => ({
  status: status_,
  code,
  title: text("What it is."),
  detail: text("What happened."),
  origin: words("caller", "gateway", "network", "runtime", "plugin"),
  retryable: bool(false),
  fix: text("What to do.")
})
