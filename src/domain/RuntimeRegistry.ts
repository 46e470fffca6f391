/**
 * The live set of runtimes and the one way to call them: by `runtime_id`, under a deadline, with retries where they are
 * safe, and with what was learned about reaching the runtime written down.
 */
import {
  Clock,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Random,
  type Result,
  Scope,
  Semaphore,
  type Stream,
  SubscriptionRef
} from "effect"
import type { Diagnostic } from "./Diagnostic.ts"
import type { RuntimeId } from "./Identifiers.ts"
import * as Problem from "./Problem.ts"
import { isUncertain } from "./RuntimeFault.ts"
import type { RuntimeSource } from "./RuntimeSource.ts"
import { type Observation, Observed, observing } from "./registry/Observed.ts"

/** How long one operation may take, retries included. */
export const deadline = Duration.seconds(5)
const deadlineMs = Duration.toMillis(deadline)

/** Repetitions of a call that is safe to repeat. */
export const maxRetries = 2

/** Waits before a repetition are between half and the whole of this, doubled each time, in milliseconds. */
const retryBaseMs = 100

/** Only these are worth repeating: nothing came back, or what came back was for the moment. */
const repeatable: ReadonlySet<Problem.Code> = new Set([
  "runtime_unreachable",
  "runtime_failed",
  "runtime_unavailable",
  "runtime_timeout"
])

export interface CallOptions {
  /** Dotted name for the problem, for instance `worker.get`. */
  readonly operation: string
  readonly worker_id?: string
  /** Reads and keyed commands may be repeated; an unkeyed command never is. */
  readonly repeatable: boolean
}

/** A runtime in the live set. */
export interface Registered {
  readonly source: RuntimeSource["Service"]
  readonly observation: Effect.Effect<Observation>
  /** Writes down how something else than `call` went, for instance a test of the connection: it worked, or a problem. */
  readonly observe: (outcome: Problem.Problem | undefined) => Effect.Effect<void>
  /** Why it is there but cannot work, for instance an unresolvable secret. */
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

interface Entry {
  readonly source: RuntimeSource["Service"]
  readonly scope: Scope.Closeable
  readonly observed: Observed
  readonly diagnostics: ReadonlyArray<Diagnostic>
  /** Calls that run. They are waited for before the source is released; their deadline bounds that. */
  running: number
  /** Completes when the last call ends after the entry has left the live set. */
  readonly drained: Deferred.Deferred<void>
  leaving: boolean
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

      const registered = (entry: Entry): Registered => ({
        source: entry.source,
        diagnostics: entry.diagnostics,
        observation: Effect.map(Clock.currentTimeMillis, (now) => entry.observed.at(now)),
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
                Effect.flatMap(Clock.currentTimeMillis, (now) =>
                  take({
                    source: built,
                    scope,
                    observed: new Observed(now),
                    diagnostics,
                    running: 0,
                    drained: Deferred.makeUnsafe(),
                    leaving: false
                  })
                )
              ),
              Effect.onError(() => Scope.close(scope, Exit.void))
            )
          })
        )

      return RuntimeRegistry.of({
        changes: SubscriptionRef.changes(live),
        list: Effect.sync(() => Array.from(entries.values(), registered)),
        get: (runtime_id) => Effect.map(find(runtime_id), registered),
        call: (runtime_id, options, use) => Effect.flatMap(find(runtime_id), (entry) => call(entry, options, use)),
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

/** One operation: the circuit, the retries and the deadline around the source. */
const call = <A, R>(
  entry: Entry,
  options: CallOptions,
  use: (source: RuntimeSource["Service"]) => Effect.Effect<A, Problem.Problem, R>
): Effect.Effect<A, Problem.Problem, R> => {
  const runtime_id = entry.source.id
  const { operation, worker_id } = options
  const context = { runtime_id, operation, ...(worker_id === undefined ? undefined : { worker_id }) }
  const once = use(entry.source)
  const attempt = options.repeatable
    ? Effect.flatMap(Clock.currentTimeMillis, (now) => repeated(once, 0, now + deadlineMs))
    : once
  return Effect.suspend(() => {
    entry.running += 1
    return observing(entry.observed)(
      Effect.timeoutOrElse(attempt, {
        duration: deadline,
        orElse: () =>
          Problem.fail("runtime_timeout", `${operation} took longer than ${Duration.format(deadline)}.`, context)
      })
    ).pipe(
      Effect.mapError((problem) => Problem.withContext(problem, context)),
      Effect.ensuring(
        Effect.sync(() => {
          entry.running -= 1
          if (entry.leaving && entry.running === 0) Deferred.doneUnsafe(entry.drained, Effect.void)
        })
      )
    )
  })
}

/**
 * Tries again, after the wait that the runtime asked for or a jittered one. A wait that leads past the deadline is not
 * begun: the caller then learns what the runtime said, and not that time has run out.
 */
const repeated = <A, R>(
  once: Effect.Effect<A, Problem.Problem, R>,
  done: number,
  until: number
): Effect.Effect<A, Problem.Problem, R> =>
  Effect.catch(once, (problem) => {
    if (done >= maxRetries || !repeatable.has(problem._tag) || isUncertain(problem)) return Effect.fail(problem)
    const base = retryBaseMs * 2 ** done
    return Effect.flatMap(
      Effect.all([Random.nextBetween(base / 2, base), Clock.currentTimeMillis]),
      ([jittered, now]) => {
        const wait = Math.max(jittered, problem.context.retry_after_ms ?? 0)
        return now + wait >= until
          ? Effect.fail(problem)
          : Effect.andThen(Effect.sleep(wait), repeated(once, done + 1, until))
      }
    )
  })
