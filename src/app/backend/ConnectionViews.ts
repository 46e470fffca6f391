/** Connections as the settings page sees them: the entry, whether it is live, and what is known of it. */
import { Effect } from "effect"
import type { ConnectionView } from "../../domain/api/SettingsWire.ts"
import type { WorkspaceConfig } from "../../domain/ConfigStore.ts"
import type { ConnectionEntry } from "../../domain/Connection.ts"
import { Connections } from "../../domain/Connections.ts"
import type { Difference } from "../../domain/connections/Difference.ts"
import type { Diagnostic } from "../../domain/Diagnostic.ts"
import { RuntimeRegistry, type Registered } from "../../domain/RuntimeRegistry.ts"
import { statusOf } from "../../domain/registry/Observed.ts"
import { isSecretRef, SecretResolver } from "../../domain/SecretResolver.ts"
import { SourceKinds } from "../../domain/SourceKind.ts"

/** A provider that takes longer does not hold up the list, in milliseconds. */
const resolveMs = 2_000

/** Connections whose secrets are looked up at once. */
const concurrency = 8

const resolvable = Effect.fnUntraced(function* (ref: string) {
  if (!isSecretRef(ref)) return false
  const secrets = yield* SecretResolver
  return yield* secrets.resolve(ref).pipe(
    Effect.as(true),
    Effect.orElseSucceed(() => false),
    Effect.timeoutOrElse({ duration: resolveMs, orElse: () => Effect.succeed(false) })
  )
})

/** What is observed of a live runtime; the status is that of its facts, nothing is asked for a view. */
const observed = Effect.fnUntraced(function* (registered: Registered | undefined) {
  if (registered === undefined) return { status: "unknown" as const, facts: null }
  const { facts } = yield* registered.observation
  return { status: statusOf(facts, "running"), facts }
})

export const builtIn = Effect.fnUntraced(function* (registered: Registered) {
  const { source } = registered
  return {
    id: source.id,
    display_name: source.display_name,
    kind: source.kind,
    origin: "built_in",
    editable: false,
    deletable: false,
    credential: "none",
    active: true,
    restart_required: false,
    ...(yield* observed(registered)),
    diagnostics: []
  } satisfies ConnectionView
})

export const view = Effect.fnUntraced(function* (
  entry: ConnectionEntry,
  live: ReadonlyMap<string, Registered>,
  difference: Difference,
  failures: ReadonlyMap<string, Diagnostic>,
  writable: boolean
) {
  const kinds = yield* SourceKinds
  const registered = live.get(entry.id)
  const { options } = kinds.shown(entry)
  const seen = yield* observed(registered)
  const { token_ref } = entry
  // What was learned with the credential that is live says nothing about the one that is written.
  const pending = difference.added.includes(entry.id) || difference.changed.includes(entry.id)
  const rejected = !pending && seen.facts?.authenticated.value === "no"
  const failure = failures.get(entry.id)
  const credential =
    token_ref === undefined
      ? rejected
        ? "rejected"
        : "none"
      : !(yield* resolvable(token_ref))
        ? "unresolvable"
        : rejected
          ? "rejected"
          : "resolvable"
  return {
    id: entry.id,
    display_name: entry.display_name ?? entry.id,
    kind: entry.kind,
    origin: "file",
    ...(entry.endpoint === undefined ? undefined : { endpoint: entry.endpoint }),
    ...(token_ref === undefined ? undefined : { token_ref }),
    ...(options === undefined ? undefined : { options }),
    editable: writable,
    deletable: writable,
    credential,
    active: registered !== undefined,
    restart_required: pending,
    ...seen,
    diagnostics: failure === undefined ? [] : [failure]
  } satisfies ConnectionView
})

/** Built-in runtimes first, then the file's connections in its order. */
export const all = Effect.fnUntraced(function* (config: WorkspaceConfig) {
  const registry = yield* RuntimeRegistry
  const connections = yield* Connections
  const registered = yield* registry.list
  const live = new Map(registered.map((it) => [it.source.id as string, it]))
  const pending = yield* connections.pending(config)
  const failures = yield* connections.failures
  const fixed = yield* Effect.forEach(
    registered.filter(({ source }) => source.built_in),
    builtIn
  )
  const written = yield* Effect.forEach(
    config.connections,
    (entry) => view(entry, live, pending, failures, config.writable),
    { concurrency }
  )
  return { connections: [...fixed, ...written], pending }
})
