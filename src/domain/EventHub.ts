/**
 * One upstream event stream per worker, however many watch it. The hub keeps a bounded log of its own, reconnects behind
 * its watchers' backs for ever, and tells them nothing unless something was really lost.
 */
import { Context, Data, Deferred, Effect, Layer, Option, Random, RcMap, type Scope, Stream } from "effect"
import { SecureRandom } from "effect/crypto/SecureRandom"
import { EventLog, type OnReset, type Watcher } from "./EventLog.ts"
import type { RuntimeId, WorkerId } from "./Identifiers.ts"
import { Upstream } from "./hub/Upstream.ts"
import * as Problem from "./Problem.ts"
import { RuntimeRegistry } from "./RuntimeRegistry.ts"
import { isTerminal, type WorkerState } from "./Worker.ts"
import type { Watching } from "./WorkerRuntime.ts"

/** How long the upstream of a worker is kept after its last watcher left, so that a reload can resume. */
export const idleTimeToLive = "60 seconds"

/** Waits between attempts to reach the source again: full jitter between the first and a doubling last, in milliseconds. */
const firstBackoffMs = 500
const lastBackoffMs = 30_000

/** The first frame must be there in this time. */
const firstFrameTimeout = "10 seconds"

export class WorkerRef extends Data.Class<{ readonly runtime_id: RuntimeId; readonly worker_id: WorkerId }> {}

/** The worker or its runtime is not there: no attempt will help. */
const final: ReadonlySet<Problem.Code> = new Set(["worker_not_found", "runtime_not_found", "operation_unsupported"])

export class EventHub extends Context.Service<
  EventHub,
  {
    /** As `WorkerRuntime.watch`, for a worker on any runtime. */
    readonly watch: (
      worker: WorkerRef,
      cursor: string | undefined,
      watcher: Watcher,
      onReset?: OnReset
    ) => Effect.Effect<Watching, Problem.Problem, Scope.Scope>
    /** Workers that are being watched, with the number of watchers. */
    readonly watched: Effect.Effect<ReadonlyArray<{ readonly worker: WorkerRef; readonly watchers: number }>>
  }
>()("yoi-workspace/domain/EventHub") {
  static readonly layer = Layer.effect(
    EventHub,
    Effect.gen(function* () {
      const registry = yield* RuntimeRegistry
      const random = yield* SecureRandom
      const logs = new Map<WorkerRef, EventLog>()

      const lookup = Effect.fnUntraced(function* (worker: WorkerRef) {
        const epoch = (yield* random.uuidV4()).replaceAll("-", "").slice(0, 16)
        const upstream = new Upstream(new EventLog({ epoch }))
        const started = yield* Deferred.make<void, Problem.Problem>()
        yield* Effect.acquireRelease(
          Effect.sync(() => logs.set(worker, upstream.log)),
          () => Effect.sync(() => logs.delete(worker))
        )
        yield* Effect.forkScoped(follow(registry, worker, upstream, started))
        yield* Deferred.await(started).pipe(
          Effect.timeoutOrElse({
            duration: firstFrameTimeout,
            orElse: () =>
              Problem.fail("runtime_timeout", "The runtime did not start the event stream in time.", {
                ...worker,
                operation: "worker.events"
              })
          })
        )
        return upstream
      })
      const hubs = yield* RcMap.make({ lookup, idleTimeToLive })

      // A worker of a runtime that has left the live set is gone for its watchers, at once.
      yield* Effect.forkScoped(
        Stream.runForEach(registry.changes, (live) => {
          const present = new Set(live)
          const gone = [...logs].filter(([worker]) => !present.has(worker.runtime_id))
          return Effect.forEach(gone, ([worker, log]) => {
            log.close()
            return RcMap.invalidate(hubs, worker)
          })
        })
      )

      return EventHub.of({
        watch: Effect.fnUntraced(function* (worker, text, watcher, onReset) {
          const cursor = EventLog.parseCursor(text)
          if (Option.isNone(cursor)) return yield* Problem.make("invalid_cursor", undefined, { ...worker })
          const { log } = yield* RcMap.get(hubs, worker)
          const attached = log.attach(cursor.value, watcher, onReset)
          yield* Effect.addFinalizer(() => Effect.sync(attached.detach))
          const state = attached.snapshot.state as WorkerState
          return {
            ...attached,
            epoch: log.epoch,
            retained_events: log.maxEvents,
            head: log.headCursor,
            ended: isTerminal(state) ? state : undefined
          }
        }),
        watched: Effect.sync(() => Array.from(logs, ([worker, log]) => ({ worker, watchers: log.watcherCount })))
      })
    })
  )
}

/** Full jitter: anywhere between nothing and a bound that doubles with every failure in a row. */
const backoff = (failures: number) =>
  Random.nextBetween(0, Math.min(lastBackoffMs, firstBackoffMs * 2 ** Math.min(failures, 10))).pipe(
    Effect.flatMap((ms) => Effect.sleep(ms))
  )

/** Keeps the log fed until the worker has ended. */
const follow = Effect.fnUntraced(function* (
  registry: RuntimeRegistry["Service"],
  worker: WorkerRef,
  upstream: Upstream,
  started: Deferred.Deferred<void, Problem.Problem>
) {
  let failures = 0
  while (!upstream.ended) {
    const once = Effect.gen(function* () {
      const { source } = yield* registry.get(worker.runtime_id)
      yield* source.events(worker.worker_id, upstream.cursor).pipe(
        Stream.tap((frame) =>
          Effect.suspend(() => {
            failures = 0
            upstream.apply(frame)
            return upstream.started ? Deferred.succeed(started, undefined) : Effect.void
          })
        ),
        // A hole was found: leave this connection and start from a fresh snapshot.
        Stream.takeUntil(() => upstream.broken),
        Stream.runDrain
      )
    })
    const exit = yield* Effect.result(once)
    if (exit._tag === "Failure") {
      const problem = exit.failure
      if (!upstream.started) return yield* Deferred.fail(started, problem)
      if (final.has(problem._tag)) return upstream.log.close()
      if (problem._tag === "invalid_cursor") upstream.forget()
    }
    if (upstream.ended) return
    yield* backoff(failures)
    failures += 1
  }
})
