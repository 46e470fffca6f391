/** How runtimes look from outside: what they say of themselves beside what is known about reaching them. */
import { Effect } from "effect"
import type { LaunchOptions, RuntimeView } from "../../domain/api/BrowserWire.ts"
import type { Diagnostic } from "../../domain/Diagnostic.ts"
import type { Problem } from "../../domain/Problem.ts"
import * as Profile from "../../domain/Profile.ts"
import { statusOf } from "../../domain/registry/Observed.ts"
import type { RuntimeDescription } from "../../domain/Runtime.ts"
import { type Registered, RuntimeRegistry } from "../../domain/RuntimeRegistry.ts"

interface Seen {
  readonly view: RuntimeView
  readonly description: RuntimeDescription | undefined
}

const failure = (problem: Problem): Diagnostic => ({
  code: problem._tag,
  severity: "error",
  message: problem.message
})

const look = Effect.fnUntraced(function* (registered: Registered) {
  const registry = yield* RuntimeRegistry
  const { source } = registered
  const said = yield* Effect.result(
    registry.call(source.id, { operation: "runtime.describe", repeatable: true }, (it) => it.describe)
  )
  const { circuit, facts, last_seen_at } = yield* registered.observation
  const description = said._tag === "Success" ? said.success : undefined
  const last = yield* registered.described
  const view: RuntimeView = {
    runtime_id: source.id,
    display_name: source.display_name,
    kind: source.kind,
    built_in: source.built_in,
    status: statusOf(facts, description?.status),
    // While it cannot be asked, what it last said stands, with its age.
    capabilities: (description ?? last?.description)?.capabilities ?? {},
    described_at: last?.described_at ?? null,
    worker_count: description?.worker_count ?? null,
    last_seen_at: last_seen_at ?? null,
    facts,
    circuit,
    diagnostics: said._tag === "Success" ? registered.diagnostics : [...registered.diagnostics, failure(said.failure)]
  }
  return { view, description } satisfies Seen
})

export const all = Effect.gen(function* () {
  const registry = yield* RuntimeRegistry
  return yield* Effect.forEach(yield* registry.list, look, { concurrency: "unbounded" })
})

export const one = Effect.fnUntraced(function* (runtime_id: RuntimeView["runtime_id"]) {
  const registry = yield* RuntimeRegistry
  return (yield* look(yield* registry.get(runtime_id))).view
})

const cannotCreate: Diagnostic = {
  code: "execution_backend_unavailable",
  severity: "warning",
  message: "The runtime has nothing that could run a worker."
}

/** A profile that cannot be used now is not offered; why is told instead. */
const unavailable = (profiles: ReadonlyArray<Profile.Profile>): ReadonlyArray<Diagnostic> =>
  profiles.flatMap(({ label, selector, unavailable: reason }) =>
    reason === undefined
      ? []
      : [
          {
            code: "profile_unavailable",
            severity: "warning",
            message: `${label} (${Profile.format(selector)}): ${reason}`
          }
        ]
  )

export const launchOptions = Effect.map(all, (seen): LaunchOptions => {
  const profiles = new Map<string, LaunchOptions["profiles"][number]>()
  const runtimes = seen.map(({ description, view }) => {
    const declared = description?.profiles ?? []
    const usable = declared.filter((profile) => profile.unavailable === undefined)
    const offered = usable.map(({ description: text, label, selector }) => {
      const id = Profile.format(selector)
      if (!profiles.has(id)) profiles.set(id, { id, label, description: text })
      return id
    })
    const can_create = view.status === "running" && description?.worker_creation_available === true
    const diagnostics = [...view.diagnostics, ...unavailable(declared)]
    return {
      runtime_id: view.runtime_id,
      display_name: view.display_name,
      built_in: view.built_in,
      can_create,
      status: view.status,
      diagnostics: can_create || diagnostics.length > 0 ? diagnostics : [cannotCreate],
      profiles: offered
    }
  })
  return { runtimes, profiles: [...profiles.values()] }
})
