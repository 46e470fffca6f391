/** Shapes of the browser API that the web page relies on. */
import { bool, int, matching, objects, some, text, time, words } from "./matchers.ts"

export const runtimeId = "backend-internal"
export const workerId = "worker-00000001"

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

export const ack = { ack: { ...ref, state, event_id: int(3) } }
export const inputAck = { ack: { ...ref, state, event_id: int(3), transcript_sequence: int(1) } }

export const transcript = {
  transcript: {
    ...ref,
    start: int(0),
    limit: int(200),
    total_items: int(1),
    items: some({
      sequence: int(1),
      role: words("user", "assistant", "system"),
      content: text("hello"),
      event_id: int(3)
    })
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

const stepNames = "policy|url|dns|tcp|tls|http|auth|protocol|capabilities|operations|stream"
const step = `\\{"step":"(${stepNames})","status":"(pass|warn|fail|skip)","code":"[^"]+",[^\\n]*"summary":"[^\\n]*\\}`
const reportLine =
  '\\{"kind":"report","report":\\{[^\\n]*"compatible":(true|false),[^\\n]*"steps":\\[[^\\n]*"operations":\\[[^\\n]*\\}\\}'
const exampleStep = { step: "policy", status: "pass", code: "ok", latency_ms: 1, summary: "In words." }

/** A test while it runs. A pattern over text pins the order of members, which JSON leaves open. */
export const testLines = {
  // What pact takes the bytes for when it looks at them; the header tells the page what they are.
  type: "application/json",
  regex: `^(\\{"kind":"step","step":${step}\\}\\n)+${reportLine}\\n$`,
  body: [
    { kind: "step", step: exampleStep },
    {
      kind: "report",
      report: {
        checked_at: "2026-01-02T03:04:05.678Z",
        compatible: false,
        steps: [exampleStep],
        operations: [{ operation: "workers.list", needed: true, verdict: "unchecked" }],
        diagnostics: []
      }
    }
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
