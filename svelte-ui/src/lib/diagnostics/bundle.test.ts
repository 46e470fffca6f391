import { assert, it } from "vitest"
import { pageProblem } from "#lib/api/problem.ts"
import type { Connection, Runtime } from "#lib/api/wire.ts"
import { bundleOf, type Observed } from "./bundle.ts"

const canary = "CANARY"
const fact = { value: "no", since: "2026-01-01T00:00:00Z", code: "runtime_unreachable" } as const
const facts = { reachable: fact, authenticated: fact, compatible: fact }
const diagnostics = [{ code: "config_entry_invalid", severity: "warning" as const, message: `${canary} line 3` }]
const runtime: Runtime = {
  runtime_id: `${canary}-farm`,
  display_name: `${canary} Farm`,
  kind: "remote_http",
  built_in: false,
  status: "unreachable",
  capabilities: { "workers.create": {}, [`${canary}:/path`]: {} },
  worker_count: 2,
  last_seen_at: null,
  facts,
  diagnostics
}
const connection: Connection = {
  id: `${canary}-farm`,
  display_name: `${canary} Farm`,
  kind: "remote_http",
  origin: "file",
  endpoint: `https://${canary}.example:1`,
  token_ref: `env:${canary}`,
  options: { [canary]: canary },
  editable: true,
  deletable: true,
  credential: "resolvable",
  active: true,
  restart_required: false,
  status: "unreachable",
  facts,
  diagnostics
}
const seen: Observed = {
  page: { version: "0.1.0", language: "en", userAgent: "Test", secure: false },
  backend: { version: "0.1.0" },
  runtimes: [runtime],
  workers: [
    {
      runtime_id: `${canary}-farm`,
      worker_id: `${canary}-w`,
      display_name: canary,
      profile: `named:${canary}`,
      state: "busy",
      transcript_len: 1
    }
  ],
  sources: [{ runtime_id: `${canary}-farm`, state: "failed", problem: { code: `${canary} said no`, detail: canary } }],
  connections: {
    connections: [connection],
    restart_required: true,
    pending: { added: [`${canary}-new`], removed: [], changed: [] },
    diagnostics
  },
  failures: [{ call: "workers", problem: { ...pageProblem("backend_timeout"), detail: canary } }]
}

it("holds nothing that names a machine, a person, a secret or what was said", () => {
  assert.notInclude(JSON.stringify(bundleOf(seen, "2026-01-01T00:00:00Z")).toUpperCase(), canary)
})

it("keeps what explains a failure, with one alias per runtime", () => {
  const bundle = bundleOf(seen, "2026-01-01T00:00:00Z")
  assert.deepInclude(bundle.runtimes[0], { runtime: "runtime-1", status: "unreachable", workers_by_state: { busy: 1 } })
  assert.strictEqual(bundle.runtimes[0]?.facts.reachable.code, "runtime_unreachable")
  assert.deepInclude(bundle.settings?.connections[0], { runtime: "runtime-1", scheme: "https", has_token_ref: true })
  assert.deepStrictEqual(bundle.settings?.pending, { added: 1, changed: 0, removed: 0 })
  assert.deepStrictEqual(bundle.sources, [{ runtime: "runtime-1", state: "failed", code: "unrecognised" }])
  assert.deepInclude(bundle.failures[0], { call: "workers", code: "backend_timeout" })
})
