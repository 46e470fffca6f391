/**
 * The diagnostic bundle: states, codes and counts that explain a failure to somebody else. Built by naming what goes in, so
 * that nothing new leaks by itself: no name, endpoint, token reference, message or transcript; ids become "runtime-1".
 */
import type { Problem } from "#lib/api/problem.ts"
import type { Connection, ConnectionList, Diagnostic, Facts, Runtime, Source, Worker } from "#lib/api/wire.ts"

export interface Observed {
  readonly page: {
    readonly version: string
    readonly language: string
    readonly userAgent: string
    readonly secure: boolean
  }
  readonly backend: { readonly version: string | undefined }
  readonly runtimes: ReadonlyArray<Runtime>
  readonly workers: ReadonlyArray<Worker>
  readonly sources: ReadonlyArray<Source>
  readonly connections: ConnectionList | undefined
  /** Calls that failed while this was gathered. */
  readonly failures: ReadonlyArray<{ readonly call: string; readonly problem: Problem }>
}

/** A code is a word of a closed list; anything else that turns up in its place is not passed on. */
const code = (value: string | undefined): string | undefined =>
  value === undefined ? undefined : /^[a-z][a-z0-9_.]{0,63}$/.test(value) ? value : "unrecognised"

const diagnostics = (list: ReadonlyArray<Diagnostic>) =>
  list.map((one) => ({ code: code(one.code), severity: one.severity }))

const facts = ({ reachable, authenticated, compatible }: Facts) => {
  const fact = (one: Facts["reachable"]) => ({ value: one.value, since: one.since, code: code(one.code) })
  return { reachable: fact(reachable), authenticated: fact(authenticated), compatible: fact(compatible) }
}

export const bundleOf = (seen: Observed, at: string) => {
  const ids = new Map<string, string>()
  const alias = (id: string) => {
    const known = ids.get(id) ?? `runtime-${ids.size + 1}`
    ids.set(id, known)
    return known
  }
  const states = (runtimeId: string) => {
    const counts: Record<string, number> = {}
    for (const worker of seen.workers)
      if (worker.runtime_id === runtimeId) counts[worker.state] = (counts[worker.state] ?? 0) + 1
    return counts
  }
  const connection = (one: Connection) => ({
    runtime: alias(one.id),
    kind: code(one.kind),
    origin: one.origin,
    has_endpoint: one.endpoint !== undefined,
    scheme: one.endpoint?.startsWith("https:") === true ? "https" : one.endpoint === undefined ? undefined : "http",
    has_token_ref: one.token_ref !== undefined,
    credential: one.credential,
    active: one.active,
    restart_required: one.restart_required,
    status: one.status,
    diagnostics: diagnostics(one.diagnostics)
  })
  return {
    format: "yoi-diagnostics/1",
    at,
    page: seen.page,
    backend: seen.backend,
    runtimes: seen.runtimes.map((one) => ({
      runtime: alias(one.runtime_id),
      kind: code(one.kind),
      built_in: one.built_in,
      status: one.status,
      circuit: code(one.circuit),
      facts: facts(one.facts),
      last_seen_at: one.last_seen_at ?? null,
      worker_count: one.worker_count ?? null,
      workers_by_state: states(one.runtime_id),
      capabilities: Object.keys(one.capabilities ?? {}).map(code),
      diagnostics: diagnostics(one.diagnostics)
    })),
    sources: seen.sources.map((one) => ({
      runtime: alias(one.runtime_id),
      state: one.state,
      code: code(one.problem?.code)
    })),
    settings:
      seen.connections === undefined
        ? undefined
        : {
            restart_required: seen.connections.restart_required,
            pending: {
              added: seen.connections.pending.added.length,
              changed: seen.connections.pending.changed.length,
              removed: seen.connections.pending.removed.length
            },
            connections: seen.connections.connections.map(connection),
            diagnostics: diagnostics(seen.connections.diagnostics)
          },
    failures: seen.failures.map(({ call, problem }) => ({
      call,
      status: problem.status,
      code: code(problem.code),
      request_id: problem.instance
    }))
  }
}
