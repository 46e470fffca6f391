/** Keeps the log of one worker fed from its runtime: connects, comes back after every loss, and ends when the worker does. */
import { Cause, Deferred, Effect, Exit, Option, Random, Stream } from "effect"
import type { EventLog } from "../EventLog.ts"
import type { RuntimeId, WorkerId } from "../Identifiers.ts"
import * as Problem from "../Problem.ts"
import type { RuntimeRegistry } from "../RuntimeRegistry.ts"
import type { RuntimeSource } from "../RuntimeSource.ts"
import * as PolledEvents from "./PolledEvents.ts"
import { Upstream } from "./Upstream.ts"

/** Waits between attempts to reach the source again: full jitter between nothing and a bound that doubles, in milliseconds. */
export const firstBackoffMs = 500
export const lastBackoffMs = 30_000

/** A connection that held for so long after its first frame, in milliseconds, was a good one: the next wait is short. */
export const steadyMs = 1_000

/** Once one stream of a runtime is steady again, those that still wait come back within this time, in milliseconds. */
export const comebackMs = 1_000

/** The first frame of a connection must be there in this time. */
export const firstFrameTimeout = "10 seconds"

/** The worker or its runtime is not there: no attempt will help. */
const final: ReadonlySet<Problem.Code> = new Set(["worker_not_found", "runtime_not_found", "operation_unsupported"])

/** What a stream's failure says about the runtime itself. Cuts say nothing: many streams are cut at once by one cause. */
const telling: ReadonlySet<Problem.Code> = new Set([
  "runtime_auth_failed",
  "runtime_protocol_error",
  "runtime_incompatible"
])

/** What a follower shares with the others of its hub. */
export interface Hub {
  readonly registry: RuntimeRegistry["Service"]
  /** The followers that wait before their next attempt. */
  readonly waiting: Set<Follower>
}

export interface WorkerName {
  readonly runtime_id: RuntimeId
  readonly worker_id: WorkerId
}

export class Follower {
  readonly worker: WorkerName
  readonly upstream: Upstream
  /** Completes with the first snapshot, or with the problem that kept it from coming. */
  readonly started = Deferred.makeUnsafe<void, Problem.Problem>()
  /** Set once nothing will be added to the log although the worker has not ended. */
  dead = false
  /** Set once watchers are no longer sent here. */
  retired = false
  #source: RuntimeSource["Service"] | undefined
  #replaced = Deferred.makeUnsafe<void>()
  #called = Deferred.makeUnsafe<void>()
  /** Whether the connection held for a while after its first frame. */
  #steady = false

  constructor(worker: WorkerName, log: EventLog) {
    this.worker = worker
    this.upstream = new Upstream(log)
  }

  /** Nothing will come any more: for those who wait and for those who watch. */
  giveUp(problem: Problem.Problem): void {
    if (this.dead) return
    this.dead = true
    Deferred.doneUnsafe(this.started, Effect.fail(problem))
    Deferred.doneUnsafe(this.#replaced, Effect.void)
    this.callBack()
    this.upstream.log.close()
  }

  /** Leaves a connection to a source that is no longer the live one. */
  sourceIs(live: RuntimeSource["Service"]): void {
    if (this.#source === undefined || this.#source === live) return
    Deferred.doneUnsafe(this.#replaced, Effect.void)
    this.callBack()
  }

  /** Ends when the worker has ended or cannot be followed any more. */
  run(hub: Hub): Effect.Effect<void> {
    return Effect.suspend(() => this.#loop(hub))
  }

  /** The runtime is there again: no need to wait any longer. */
  callBack(): void {
    Deferred.doneUnsafe(this.#called, Effect.void)
  }

  readonly #loop = Effect.fnUntraced(function* (this: Follower, hub: Hub) {
    const { upstream } = this
    let failures = 0
    while (!upstream.ended && !this.dead) {
      this.#steady = false
      const exit = yield* Effect.exit(this.#connection(hub))
      if (upstream.ended || this.dead) return
      const problem = yield* problemOf(this.worker, exit)
      if (!upstream.started || final.has(problem._tag)) return this.giveUp(problem)
      if (problem._tag === "invalid_cursor") upstream.forget("invalid")
      if (this.#steady) failures = 0
      // Only a person can mend what these are about, and may at any time.
      const bound = telling.has(problem._tag)
        ? lastBackoffMs
        : Math.min(lastBackoffMs, firstBackoffMs * 2 ** Math.min(failures, 10))
      const wait = yield* Random.nextBetween(0, bound)
      yield* this.#wait(hub, Math.max(wait, Math.min(lastBackoffMs, problem.context.retry_after_ms ?? 0)))
      failures += 1
    }
  })

  /** Until the time is over, or until another stream of the runtime has found it again. */
  readonly #wait = Effect.fnUntraced(function* (this: Follower, { waiting }: Hub, ms: number) {
    const called = (this.#called = Deferred.makeUnsafe<void>())
    waiting.add(this)
    const back = Deferred.await(called).pipe(
      Effect.andThen(Random.nextBetween(0, comebackMs)),
      Effect.flatMap((jitter) => Effect.sleep(jitter))
    )
    yield* Effect.timeoutOption(back, ms).pipe(Effect.ensuring(Effect.sync(() => waiting.delete(this))))
  })

  readonly #connection = Effect.fnUntraced(function* (this: Follower, { registry, waiting }: Hub) {
    const { upstream, worker } = this
    const registered = yield* registry.get(worker.runtime_id)
    const { source } = registered
    if (this.#source !== undefined && this.#source !== source) upstream.forget("epoch_changed")
    this.#source = source
    const replaced = (this.#replaced = Deferred.makeUnsafe<void>())
    const heard = Deferred.makeUnsafe<void>()
    const cursor = upstream.connect()
    const read = source.events(worker.worker_id, cursor).pipe(
      // A runtime without event streams is looked at instead, for as long as somebody watches.
      Stream.catchTag("operation_unsupported", () => PolledEvents.frames(source, worker.worker_id, cursor)),
      Stream.runForEachArray((frames) =>
        Effect.suspend(() => {
          for (const frame of frames) upstream.apply(frame)
          if (upstream.started) Deferred.doneUnsafe(this.started, Effect.void)
          if (upstream.broken) return Effect.fail(Problem.make("runtime_protocol_error", broken))
          return Deferred.doneUnsafe(heard, Effect.void) ? registered.observe(undefined) : Effect.void
        })
      ),
      Effect.tapError((problem) => (telling.has(problem._tag) ? registered.observe(problem) : Effect.void))
    )
    const watchdog = Deferred.await(heard).pipe(
      Effect.timeoutOrElse({
        duration: firstFrameTimeout,
        orElse: () => Problem.fail("runtime_timeout", "The runtime did not start the event stream in time.")
      }),
      Effect.andThen(Effect.sleep(steadyMs)),
      Effect.andThen(
        Effect.sync(() => {
          this.#steady = true
          for (const other of waiting) if (other.worker.runtime_id === worker.runtime_id) other.callBack()
        })
      )
    )
    const attended = Effect.raceFirst(Effect.andThen(watchdog, Effect.never), Deferred.await(replaced))
    return yield* Effect.raceFirst(read, attended)
  })
}

const broken = "The event stream does not follow from what was sent before."

/** Why a connection is over. One that ended without a word is a failure too; a defect is a source's bug and is logged. */
const problemOf = (worker: WorkerName, exit: Exit.Exit<void, Problem.Problem>): Effect.Effect<Problem.Problem> => {
  const context = { ...worker, operation: "worker.events" }
  if (Exit.isSuccess(exit)) {
    return Effect.succeed(
      Problem.make("runtime_unreachable", "The runtime ended the event stream.", { ...context, reason: "ended" })
    )
  }
  const known = Cause.findErrorOption(exit.cause)
  if (Option.isSome(known)) return Effect.succeed(Problem.withContext(known.value, context))
  if (Cause.hasInterruptsOnly(exit.cause)) return Effect.succeed(Problem.make("internal", undefined, context))
  return Effect.as(
    Effect.logError("An event stream broke off", exit.cause).pipe(Effect.annotateLogs({ ...worker })),
    Problem.make("internal", undefined, context)
  )
}
