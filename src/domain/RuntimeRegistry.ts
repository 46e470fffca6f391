/**
 * The live set of runtimes and the one way to call them: by `runtime_id`, under a deadline, with retries where they are
 * safe, and with what was learned about reaching the runtime written down.
 */
import { Clock, Context, Duration, Effect, Exit, Layer, Random, Scope, Semaphore, type Stream, SubscriptionRef } from "effect"
import type { Diagnostic } from "./Diagnostic.ts"
import type { RuntimeId } from "./Identifiers.ts"
import * as Problem from "./Problem.ts"
import type { RuntimeSource } from "./RuntimeSource.ts"
import { type Observation, Observed, observing } from "./registry/Observed.ts"

/** How long one operation may take, retries included. */
export const deadline = Duration.seconds(5)

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
  /** Why it is there but cannot work, for instance an unresolvable secret. */
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

interface Entry {
  readonly source: RuntimeSource["Service"]
  readonly scope: Scope.Closeable
  readonly observed: Observed
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
    /** Builds the source in a scope of its own and puts it into the live set. */
    readonly add: <E, R>(
      source: Effect.Effect<RuntimeSource["Service"], E, R>,
      diagnostics?: ReadonlyArray<Diagnostic>
    ) => Effect.Effect<void, E | Problem.Problem<"runtime_id_taken">, Exclude<R, Scope.Scope>>
    /** Takes it out of the live set and then releases it. */
    readonly remove: (runtime_id: RuntimeId) => Effect.Effect<void, Problem.Problem<"runtime_not_found">>
    /** The ids of the live set, now and after every change. */
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
        observation: Effect.map(Clock.currentTimeMillis, (now) => entry.observed.at(now))
      })

      const find = (runtime_id: RuntimeId) => {
        const entry = entries.get(runtime_id)
        return entry === undefined
          ? Problem.fail("runtime_not_found", undefined, { runtime_id })
          : Effect.succeed(entry)
      }

      const publish = Effect.suspend(() => SubscriptionRef.set(live, [...entries.keys()]))

      return RuntimeRegistry.of({
        changes: SubscriptionRef.changes(live),
        list: Effect.sync(() => Array.from(entries.values(), registered)),
        get: (runtime_id) => Effect.map(find(runtime_id), registered),
        call: (runtime_id, options, use) =>
          Effect.flatMap(find(runtime_id), (entry) => call(entry, options, use)),
        add: (source, diagnostics = []) =>
          changing.withPermit(
            Effect.gen(function* () {
              const scope = yield* Scope.fork(parent)
              const built = yield* Scope.provide(source, scope).pipe(
                Effect.onError(() => Scope.close(scope, Exit.void))
              )
              if (entries.has(built.id)) {
                yield* Scope.close(scope, Exit.void)
                return yield* Problem.make("runtime_id_taken", undefined, { runtime_id: built.id })
              }
              const observed = new Observed(yield* Clock.currentTimeMillis)
              entries.set(built.id, { source: built, scope, observed, diagnostics })
              yield* publish
            })
          ),
        remove: (runtime_id) =>
          changing.withPermit(
            Effect.gen(function* () {
              const entry = yield* find(runtime_id)
              entries.delete(runtime_id)
              yield* publish
              yield* Scope.close(entry.scope, Exit.void)
            })
          )
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
  const attempt = options.repeatable ? repeated(once, 0) : once
  return observing(entry.observed)(
    Effect.timeoutOrElse(attempt, {
      duration: deadline,
      orElse: () => Problem.fail("runtime_timeout", `${operation} took longer than ${Duration.format(deadline)}.`, context)
    })
  ).pipe(Effect.mapError((problem) => Problem.withContext(problem, context)))
}

/** Tries again, after the wait that the runtime asked for or a jittered one. The deadline around it bounds it all. */
const repeated = <A, R>(
  once: Effect.Effect<A, Problem.Problem, R>,
  done: number
): Effect.Effect<A, Problem.Problem, R> =>
  Effect.catch(once, (problem) => {
    if (done >= maxRetries || !repeatable.has(problem._tag)) return Effect.fail(problem)
    const base = retryBaseMs * 2 ** done
    return Random.nextBetween(base / 2, base).pipe(
      Effect.flatMap((jittered) => Effect.sleep(Math.max(jittered, problem.context.retry_after_ms ?? 0))),
      Effect.andThen(repeated(once, done + 1))
    )
  })
