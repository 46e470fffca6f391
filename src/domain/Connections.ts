/**
 * Makes the live registry follow the config file: at start, and whenever an admin applies a change. What is persisted,
 * what is active and what was observed are kept apart; this knows the first two.
 */
import { Context, Effect, Layer, Semaphore } from "effect"
import type { ConnectionEntry } from "./Connection.ts"
import { between, type Difference, same } from "./connections/Difference.ts"
import { ConfigStore, type WorkspaceConfig } from "./ConfigStore.ts"
import type { Diagnostic } from "./Diagnostic.ts"
import { EventHub } from "./EventHub.ts"
import { RuntimeId } from "./Identifiers.ts"
import * as Problem from "./Problem.ts"
import { RuntimeRegistry } from "./RuntimeRegistry.ts"
import type { RuntimeSource } from "./RuntimeSource.ts"
import { SourceKinds } from "./SourceKind.ts"
import type { Worker } from "./Worker.ts"

/** Workers named as blockers, at most, for one runtime. */
export const maxNamedBlockers = 20

/** Workers in one page, and pages that are looked through for one that runs. */
const pageLimit = 200
const maxPages = 25

/** Runtimes that are asked at once. */
const concurrency = 8

export interface Applied {
  /** What is live now and was not before. */
  readonly applied: Difference
  /** Entries of the file that could not be made live. */
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

type Blocked = Problem.Problem<"runtime_in_use" | "config_unwritable">

/** A change of the file that goes live with what else is pending, or not at all. */
export interface Change<E> {
  /** The connections that the file will hold. */
  readonly persisted: ReadonlyArray<ConnectionEntry>
  /** Writes them. */
  readonly write: Effect.Effect<WorkspaceConfig, E>
  /** Goes on although workers run or streams are open. */
  readonly force: boolean
}

/** Anything that would be lost or left alone. An ended worker is neither, nor is one that nothing runs any more. */
const holdsBack = ({ state }: Worker): boolean => state === "idle" || state === "busy" || state === "errored"

export class Connections extends Context.Service<
  Connections,
  {
    /** What is live, by id, as it was when it was made live. */
    readonly active: Effect.Effect<ReadonlyMap<string, ConnectionEntry>>
    /**
     * What differs between the file and the live set, and would not after a restart. An entry that was tried as it stands
     * and could not be made live is no such difference: it is among the failures.
     */
    readonly pending: (config: WorkspaceConfig) => Effect.Effect<Difference>
    /** Why an entry of the file could not be made live, by id. */
    readonly failures: Effect.Effect<ReadonlyMap<string, Diagnostic>>
    /**
     * Makes the live set equal to the file, or changes nothing and names what stands in the way.
     *
     * @param force goes on although workers run or streams are open; calls that run are waited for
     */
    readonly apply: (force: boolean) => Effect.Effect<Applied, Blocked>
    /** Writes and applies; what stands in the way is found before anything is written. */
    readonly commit: <E>(change: Change<E>) => Effect.Effect<WorkspaceConfig, E | Blocked>
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
      const failed = new Map<string, { readonly entry: ConnectionEntry; readonly diagnostic: Diagnostic }>()
      const applying = yield* Semaphore.make(1)

      /** One entry that cannot work costs itself only. */
      const attempt = Effect.fnUntraced(function* <E extends Problem.Problem>(
        entry: ConnectionEntry,
        put: (source: ReturnType<typeof kinds.connect>) => Effect.Effect<void, E>
      ) {
        const result = yield* Effect.result(put(kinds.connect(entry)))
        if (result._tag === "Success") {
          active.set(entry.id, entry)
          failed.delete(entry.id)
          return true
        }
        const { _tag: code, message } = result.failure
        failed.set(entry.id, { entry, diagnostic: { code, severity: "error", message: `${entry.id}: ${message}` } })
        yield* Effect.logWarning("A connection could not be made live").pipe(
          Effect.annotateLogs({ runtime_id: entry.id, code })
        )
        return false
      })
      const connect = (entry: ConnectionEntry) => attempt(entry, registry.add)
      const replace = (entry: ConnectionEntry) => attempt(entry, registry.replace)

      const disconnect = Effect.fnUntraced(function* (id: string) {
        active.delete(id)
        yield* Effect.ignore(registry.remove(RuntimeId.make(id)))
      })

      /** The first that run, page by page. */
      const running = Effect.fnUntraced(function* (source: RuntimeSource["Service"]) {
        const found: Array<Worker> = []
        let cursor: string | undefined
        for (let pages = 0; pages < maxPages && found.length < maxNamedBlockers; pages++) {
          const page = yield* source.list({ limit: pageLimit, ...(cursor === undefined ? undefined : { cursor }) })
          found.push(...page.items.filter(holdsBack))
          if (page.next_cursor === null) break
          cursor = page.next_cursor
        }
        return found.slice(0, maxNamedBlockers)
      })

      const blockers = Effect.fnUntraced(function* (id: string) {
        const runtime_id = RuntimeId.make(id)
        const workers = yield* registry
          .call(runtime_id, { operation: "worker.list", repeatable: true }, running)
          // A runtime that cannot be asked holds nothing back: it may be removed because it is dead.
          .pipe(Effect.orElseSucceed(() => []))
        const found: Array<Problem.Blocker> = workers.map(({ worker_id }) => ({
          kind: "worker",
          runtime_id,
          worker_id
        }))
        for (const { worker, watchers } of yield* hub.watched) {
          if (worker.runtime_id !== runtime_id || watchers === 0) continue
          found.push({ kind: "stream", runtime_id, worker_id: worker.worker_id, count: watchers })
        }
        return found
      })

      /** Another name for the same place interrupts nobody; another place does. */
      const moves = (before: ConnectionEntry, after: ConnectionEntry): boolean =>
        before.kind !== after.kind || before.endpoint !== after.endpoint

      const byId = (entries: ReadonlyArray<ConnectionEntry>) =>
        new Map(entries.map((entry) => [entry.id as string, entry]))

      /** Fails with everything that stands between the live set and these entries. */
      const ensureFree = Effect.fnUntraced(function* (entries: ReadonlyArray<ConnectionEntry>) {
        const { changed, removed } = between(entries, active)
        const wanted = byId(entries)
        const interrupted = [...removed, ...changed.filter((id) => moves(active.get(id)!, wanted.get(id)!))]
        const found = (yield* Effect.forEach(interrupted, blockers, { concurrency })).flat()
        if (found.length > 0) return yield* Problem.make("runtime_in_use", undefined, { blockers: found })
      })

      const carryOut = Effect.fnUntraced(function* (
        entries: ReadonlyArray<ConnectionEntry>
      ): Effect.fn.Return<Applied> {
        const { added, changed, removed } = between(entries, active)
        const wanted = byId(entries)
        for (const id of failed.keys()) if (!wanted.has(id)) failed.delete(id)
        yield* Effect.forEach(removed, disconnect, { concurrency, discard: true })
        const replaced = yield* Effect.filter(changed, (id) => replace(wanted.get(id)!), { concurrency })
        // One after the other: lists show runtimes in the order in which they came.
        const connected = yield* Effect.filter(added, (id) => connect(wanted.get(id)!))
        return {
          applied: { added: connected, removed, changed: replaced },
          diagnostics: Array.from(failed.values(), ({ diagnostic }) => diagnostic)
        }
      })

      const readable = Effect.filterOrElse(
        store.read,
        (config) => config.readable,
        ({ refusal }) =>
          Problem.fail("config_unwritable", refusal?.sentence, { reason: refusal?.reason ?? "unreadable" })
      )

      const first = yield* store.read
      yield* Effect.forEach(first.connections, connect, { discard: true })

      return Connections.of({
        active: Effect.sync(() => new Map(active)),
        failures: Effect.sync(() => new Map(Array.from(failed, ([id, { diagnostic }]) => [id, diagnostic]))),
        pending: (config) =>
          Effect.sync(() => {
            // What could not be read says nothing about what is meant.
            const difference = between(config.readable ? config.connections : [...active.values()], active)
            const wanted = byId(config.connections)
            const tried = (id: string) => {
              const known = failed.get(id)
              return known !== undefined && same(known.entry, wanted.get(id)!)
            }
            return { ...difference, added: difference.added.filter((id) => !tried(id)) }
          }),
        apply: (force) =>
          applying.withPermit(
            Effect.gen(function* () {
              const { connections } = yield* readable
              if (!force) yield* ensureFree(connections)
              return yield* Effect.uninterruptible(carryOut(connections))
            })
          ),
        commit: ({ force, persisted, write }) =>
          applying.withPermit(
            Effect.gen(function* () {
              if (!force) yield* ensureFree(persisted)
              // Whoever asked may go: what is written is applied.
              return yield* Effect.uninterruptible(Effect.tap(write, ({ connections }) => carryOut(connections)))
            })
          )
      })
    })
  )
}
