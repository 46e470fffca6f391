/** One runtime of the live set: its source, what is known about it, and how it is called. */
import { Clock, DateTime, Deferred, Duration, Effect, Random, type Scope } from "effect"
import type { Diagnostic } from "../Diagnostic.ts"
import * as Problem from "../Problem.ts"
import type { RuntimeDescription } from "../Runtime.ts"
import { isUncertain } from "../RuntimeFault.ts"
import type { RuntimeSource } from "../RuntimeSource.ts"
import type { Deadlines } from "./Deadlines.ts"
import { Observed } from "./Observed.ts"

/** How long one operation may take, retries included. */
export const deadline = Duration.seconds(5)
export const deadlineMs = Duration.toMillis(deadline)

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

/** What a runtime said of itself, and when (RFC 3339): what to show while it cannot be asked. */
export interface Described {
  readonly description: RuntimeDescription
  readonly described_at: string
}

export interface Entry {
  readonly source: RuntimeSource["Service"]
  readonly scope: Scope.Closeable
  readonly observed: Observed
  readonly diagnostics: ReadonlyArray<Diagnostic>
  described: Described | undefined
  /** Calls that run. They are waited for before the source is released; their deadline bounds that. */
  running: number
  /** Completes when the last call ends after the entry has left the live set. */
  readonly drained: Deferred.Deferred<void>
  leaving: boolean
}

export const entryOf = (
  built: RuntimeSource["Service"],
  scope: Scope.Closeable,
  diagnostics: ReadonlyArray<Diagnostic>,
  now: number
): Entry => {
  const remembering = Effect.tap(built.describe, (description) =>
    Effect.map(DateTime.now, (time) => {
      entry.described = { description, described_at: DateTime.formatIso(time) }
    })
  )
  const entry: Entry = {
    source: { ...built, describe: remembering },
    scope,
    observed: new Observed(now),
    diagnostics,
    described: undefined,
    running: 0,
    drained: Deferred.makeUnsafe(),
    leaving: false
  }
  return entry
}

/** One operation: the circuit, the retries and the deadline around the source. */
export const call = <A, R>(
  deadlines: Deadlines,
  entry: Entry,
  options: CallOptions,
  use: (source: RuntimeSource["Service"]) => Effect.Effect<A, Problem.Problem, R>
): Effect.Effect<A, Problem.Problem, R> =>
  // Few frames: every request passes here.
  Effect.suspend(() => {
    const { clock } = deadlines
    const now = clock.currentTimeMillisUnsafe()
    const { observed } = entry
    const once = use(entry.source)
    const wait = observed.admit(now)
    if (wait > 0) return Effect.fail(Problem.withContext(paused(wait), contextOf(entry, options)))
    const attempt = options.repeatable ? repeated(once, 0, now + deadlineMs) : once
    const bounded = deadlines.within(attempt, () =>
      Problem.fail("runtime_timeout", `${options.operation} took longer than ${Duration.format(deadline)}.`)
    )
    entry.running += 1
    const counted = Effect.onExitPrimitive(bounded, (exit) => {
      entry.running -= 1
      if (entry.leaving && entry.running === 0) Deferred.doneUnsafe(entry.drained, Effect.void)
      const ended = clock.currentTimeMillisUnsafe()
      if (exit._tag === "Success") observed.succeeded(ended)
      else observed.ended(exit.cause, ended)
      return undefined
    })
    return Effect.mapError(counted, (problem) => Problem.withContext(problem, contextOf(entry, options)))
  })

/** What a problem is about, where it does not say so itself. */
const contextOf = ({ source }: Entry, { operation, worker_id }: CallOptions): Problem.Context => ({
  runtime_id: source.id,
  operation,
  ...(worker_id === undefined ? undefined : { worker_id })
})

const paused = (wait: number) =>
  Problem.make("runtime_unreachable", "The runtime did not answer repeatedly; calls are paused.", {
    reason: "circuit_open",
    retry_after_ms: wait
  })

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
