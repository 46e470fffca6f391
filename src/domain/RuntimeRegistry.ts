/**
 * The live set of runtimes and the one way to call them: by `runtime_id`, under a deadline, with retries where they are
 * safe, and with what was learned about reaching the runtime written down.
 */
import {
  Clock,
  Context,
  Deferred,
  Effect,
  Exit,
  Fiber,
  Layer,
  type Result,
  Scope,
  Semaphore,
  type Stream,
  SubscriptionRef
} from "effect"
import type { Diagnostic } from "./Diagnostic.ts"
import type { RuntimeId } from "./Identifiers.ts"
import * as Problem from "./Problem.ts"
import type { RuntimeSource } from "./RuntimeSource.ts"
import * as Deadlines from "./registry/Deadlines.ts"
import { call, type CallOptions, deadlineMs, type Described, type Entry, entryOf } from "./registry/Entry.ts"
import type { Observation } from "./registry/Observed.ts"

/** A runtime in the live set. */
export interface Registered {
  readonly source: RuntimeSource["Service"]
  readonly observation: Effect.Effect<Observation>
  /** The last description that any call got, however long ago; undefined before the first. */
  readonly described: Effect.Effect<Described | undefined>
  /** Writes down how something else than `call` went, for instance a test of the connection: it worked, or a problem. */
  readonly observe: (outcome: Problem.Problem | undefined) => Effect.Effect<void>
  /** Why it is there but cannot work, for instance an unresolvable secret. */
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

export class RuntimeRegistry extends Context.Service<
  RuntimeRegistry,
  {
    /** In the order of registration. */
    readonly list: Effect.Effect<ReadonlyArray<Registered>>
    readonly get: (runtime_id: RuntimeId) => Effect.Effect<Registered, Problem.Problem<"runtime_not_found">>
    /** The registered source's answer, or the problem with the runtime's name on it. */
    readonly call: <A, R>(
      runtime_id: RuntimeId,
      options: CallOptions,
      use: (source: RuntimeSource["Service"]) => Effect.Effect<A, Problem.Problem, R>
    ) => Effect.Effect<A, Problem.Problem, R>
    /** Writes down what a test of the connection found, in the same place as live calls; unknown runtimes are ignored. */
    readonly observe: (runtime_id: RuntimeId, result: Result.Result<unknown, Problem.Problem>) => Effect.Effect<void>
    /** Builds the source in a scope of its own and puts it into the live set. */
    readonly add: <E, R>(
      source: Effect.Effect<RuntimeSource["Service"], E, R>,
      diagnostics?: ReadonlyArray<Diagnostic>
    ) => Effect.Effect<void, E | Problem.Problem<"runtime_id_taken">, Exclude<R, Scope.Scope>>
    /**
     * Puts another source in the place of the one with the same id, in one step: nobody sees the runtime missing. The
     * old one is released once its running calls have ended.
     */
    readonly replace: <E, R>(
      source: Effect.Effect<RuntimeSource["Service"], E, R>,
      diagnostics?: ReadonlyArray<Diagnostic>
    ) => Effect.Effect<void, E | Problem.Problem<"runtime_not_found">, Exclude<R, Scope.Scope>>
    /** Takes it out of the live set, waits for its running calls, and then releases it. */
    readonly remove: (runtime_id: RuntimeId) => Effect.Effect<void, Problem.Problem<"runtime_not_found">>
    /** The ids of the live set, now and after every change, replacements included. */
    readonly changes: Stream.Stream<ReadonlyArray<RuntimeId>>
  }
>()("yoi-workspace/domain/RuntimeRegistry") {
  static readonly layer = Layer.effect(
    RuntimeRegistry,
    Effect.gen(function* () {
      const entries = new Map<RuntimeId, Entry>()
      const live = yield* SubscriptionRef.make<ReadonlyArray<RuntimeId>>([])
      const changing = yield* Semaphore.make(1)
      const parent = yield* Effect.scope
      const deadlines = yield* Deadlines.make(deadlineMs)

      const registered = (entry: Entry): Registered => ({
        source: entry.source,
        diagnostics: entry.diagnostics,
        observation: Effect.map(Clock.currentTimeMillis, (now) => entry.observed.at(now)),
        described: Effect.sync(() => entry.described),
        observe: (outcome) =>
          Effect.map(Clock.currentTimeMillis, (now) =>
            outcome === undefined ? entry.observed.succeeded(now) : entry.observed.failed(outcome, now)
          )
      })

      const find = (runtime_id: RuntimeId) => {
        const entry = entries.get(runtime_id)
        return entry === undefined
          ? Problem.fail("runtime_not_found", undefined, { runtime_id })
          : Effect.succeed(entry)
      }

      const publish = Effect.suspend(() => SubscriptionRef.set(live, [...entries.keys()]))

      /** In a fiber of its own: whoever asked may go, the source is released all the same. */
      const release = (entry: Entry) =>
        Effect.suspend(() => {
          entry.leaving = true
          return entry.running === 0 ? Effect.void : Deferred.await(entry.drained)
        }).pipe(Effect.ensuring(Scope.close(entry.scope, Exit.void)), Effect.forkIn(parent))

      /** Builds the source; it is released again unless `take` puts it into the live set. */
      const build = <E, R, A, E2>(
        source: Effect.Effect<RuntimeSource["Service"], E, R>,
        diagnostics: ReadonlyArray<Diagnostic>,
        take: (entry: Entry) => Effect.Effect<A, E2>
      ) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const scope = yield* Scope.fork(parent)
            return yield* restore(Scope.provide(source, scope)).pipe(
              Effect.flatMap((built) =>
                Effect.flatMap(Clock.currentTimeMillis, (now) => take(entryOf(built, scope, diagnostics, now)))
              ),
              Effect.onError(() => Scope.close(scope, Exit.void))
            )
          })
        )

      return RuntimeRegistry.of({
        changes: SubscriptionRef.changes(live),
        list: Effect.sync(() => Array.from(entries.values(), registered)),
        get: (runtime_id) => Effect.map(find(runtime_id), registered),
        call: (runtime_id, options, use) =>
          Effect.flatMap(find(runtime_id), (entry) => call(deadlines, entry, options, use)),
        observe: (runtime_id, result) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            const observed = entries.get(runtime_id)?.observed
            if (result._tag === "Success") observed?.succeeded(now)
            else observed?.failed(result.failure, now)
          }),
        add: (source, diagnostics = []) =>
          changing.withPermit(
            build(source, diagnostics, (entry) => {
              const runtime_id = entry.source.id
              if (entries.has(runtime_id)) return Problem.fail("runtime_id_taken", undefined, { runtime_id })
              entries.set(runtime_id, entry)
              return publish
            })
          ),
        replace: (source, diagnostics = []) =>
          changing
            .withPermit(
              build(source, diagnostics, (entry) =>
                Effect.flatMap(find(entry.source.id), (old) => {
                  entries.set(entry.source.id, entry)
                  return Effect.andThen(publish, release(old))
                })
              )
            )
            .pipe(Effect.flatMap(Fiber.join)),
        remove: (runtime_id) =>
          changing
            .withPermit(
              Effect.flatMap(find(runtime_id), (entry) => {
                entries.delete(runtime_id)
                return Effect.uninterruptible(Effect.andThen(publish, release(entry)))
              })
            )
            .pipe(Effect.flatMap(Fiber.join))
      })
    })
  )
}
