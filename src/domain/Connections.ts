/**
 * Makes the live registry follow the config file: at start, and whenever an admin applies a change. What is persisted,
 * what is active and what was observed are kept apart; this knows the first two.
 */
import { Context, Effect, Layer, Semaphore } from "effect"
import type { ConnectionEntry } from "./Connection.ts"
import { between, type Difference } from "./connections/Difference.ts"
import { ConfigStore } from "./ConfigStore.ts"
import type { Diagnostic } from "./Diagnostic.ts"
import { EventHub } from "./EventHub.ts"
import { RuntimeId } from "./Identifiers.ts"
import * as Problem from "./Problem.ts"
import { RuntimeRegistry } from "./RuntimeRegistry.ts"
import { SourceKinds } from "./SourceKind.ts"

/** Workers named as blockers, at most, for one runtime. */
export const maxNamedBlockers = 20

export class Connections extends Context.Service<
  Connections,
  {
    /** What is live, by id, as it was when it was made live. */
    readonly active: Effect.Effect<ReadonlyMap<string, ConnectionEntry>>
    /** What differs between the file and the live set. */
    readonly pending: Effect.Effect<Difference>
    /** Why an entry of the file could not be made live, by id. */
    readonly failures: Effect.Effect<ReadonlyMap<string, Diagnostic>>
    /**
     * Makes the live set equal to the file, or changes nothing and names what stands in the way.
     *
     * @param force goes on although workers run or streams are open; their streams are closed
     */
    readonly apply: (force: boolean) => Effect.Effect<Difference, Problem.Problem<"runtime_in_use" | "config_unwritable">>
    /** What would stand in the way of taking this runtime away. */
    readonly blockers: (runtime_id: string) => Effect.Effect<ReadonlyArray<Problem.Blocker>>
  }
>()("yoi-workspace/domain/Connections") {
  static readonly layer = Layer.effect(
    Connections,
    Effect.gen(function* () {
      const store = yield* ConfigStore
      const registry = yield* RuntimeRegistry
      const kinds = yield* SourceKinds
      const hub = yield* EventHub
      const active = new Map<string, ConnectionEntry>()
      const failures = new Map<string, Diagnostic>()
      const applying = yield* Semaphore.make(1)

      const connect = Effect.fnUntraced(function* (entry: ConnectionEntry) {
        yield* registry.add(kinds.connect(entry)).pipe(
          Effect.andThen(
            Effect.sync(() => {
              active.set(entry.id, entry)
              failures.delete(entry.id)
            })
          ),
          // One entry that cannot work costs itself only.
          Effect.catch((problem) =>
            Effect.sync(() => {
              failures.set(entry.id, { code: problem._tag, severity: "error", message: problem.message })
            })
          )
        )
      })

      const disconnect = Effect.fnUntraced(function* (id: string) {
        active.delete(id)
        failures.delete(id)
        yield* Effect.ignore(registry.remove(RuntimeId.make(id)))
      })

      const blockers = Effect.fnUntraced(function* (id: string) {
        const runtime_id = RuntimeId.make(id)
        const found: Array<Problem.Blocker> = []
        const running = yield* registry
          .call(runtime_id, { operation: "worker.list", repeatable: true }, (source) => source.list({ limit: 200 }))
          .pipe(
            Effect.map((page) => page.items.filter(({ state }) => state === "idle" || state === "busy")),
            // A runtime that cannot be asked holds nothing back: it may be removed because it is dead.
            Effect.orElseSucceed(() => [])
          )
        for (const { worker_id } of running.slice(0, maxNamedBlockers)) {
          found.push({ kind: "worker", runtime_id, worker_id })
        }
        for (const { worker, watchers } of yield* hub.watched) {
          if (worker.runtime_id !== runtime_id || watchers === 0) continue
          found.push({ kind: "stream", runtime_id, worker_id: worker.worker_id, count: watchers })
        }
        return found
      })

      const pending = Effect.map(store.read, (config) => between(config.connections, active))

      /** Another name for the same place interrupts nobody; another place does. */
      const moves = (before: ConnectionEntry, after: ConnectionEntry): boolean =>
        before.kind !== after.kind || before.endpoint !== after.endpoint

      const apply = Effect.fnUntraced(function* (force: boolean) {
        const config = yield* store.read
        if (!config.readable) {
          return yield* Problem.make("config_unwritable", config.refusal?.sentence, {
            reason: config.refusal?.reason ?? "unreadable"
          })
        }
        const difference = between(config.connections, active)
        const wanted = new Map(config.connections.map((entry) => [entry.id as string, entry]))
        const interrupted = [
          ...difference.removed,
          ...difference.changed.filter((id) => moves(active.get(id)!, wanted.get(id)!))
        ]
        if (!force) {
          const found = (yield* Effect.forEach(interrupted, blockers, { concurrency: 8 })).flat()
          if (found.length > 0) return yield* Problem.make("runtime_in_use", undefined, { blockers: found })
        }
        for (const id of [...difference.removed, ...difference.changed]) yield* disconnect(id)
        for (const id of [...difference.added, ...difference.changed]) yield* connect(wanted.get(id)!)
        return difference
      })

      const first = yield* store.read
      yield* Effect.forEach(first.connections, connect, { discard: true })

      return Connections.of({
        active: Effect.sync(() => new Map(active)),
        failures: Effect.sync(() => new Map(failures)),
        pending,
        blockers,
        apply: (force) => applying.withPermit(Effect.uninterruptible(apply(force)))
      })
    })
  )
}
