/**
 * One upstream event stream per worker, however many watch it. The hub keeps a bounded log of its own, reconnects behind
 * its watchers' backs for ever, and tells them nothing unless something was really lost.
 */
import { Context, Data, Deferred, Effect, Layer, Option, RcMap, Scope, Stream } from "effect"
import { SecureRandom } from "effect/crypto/SecureRandom"
import { EventLog, type OnReset, type Watcher } from "./EventLog.ts"
import { Follower } from "./hub/Follower.ts"
import type { RuntimeId, WorkerId } from "./Identifiers.ts"
import * as Problem from "./Problem.ts"
import { RuntimeRegistry } from "./RuntimeRegistry.ts"
import { isTerminal, type WorkerState } from "./Worker.ts"
import type { Watching } from "./WorkerRuntime.ts"

/** How long the upstream of a worker is kept after its last watcher left, so that a reload can resume. */
export const idleTimeToLive = "60 seconds"

export class WorkerRef extends Data.Class<{ readonly runtime_id: RuntimeId; readonly worker_id: WorkerId }> {}

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
    /** Workers that are followed, with the number of their watchers: 0 for a while after the last one left. */
    readonly watched: Effect.Effect<ReadonlyArray<{ readonly worker: WorkerRef; readonly watchers: number }>>
  }
>()("yoi-workspace/domain/EventHub") {
  static readonly layer = Layer.effect(
    EventHub,
    Effect.gen(function* () {
      const registry = yield* RuntimeRegistry
      const random = yield* SecureRandom
      const scope = yield* Effect.scope
      const followers = new Set<Follower>()
      const shared = { registry, waiting: new Set<Follower>() }

      const lookup = Effect.fnUntraced(function* (worker: WorkerRef) {
        const epoch = (yield* random.uuidV4()).replaceAll("-", "").slice(0, 16)
        const follower = new Follower(worker, new EventLog({ epoch }))
        yield* Effect.acquireRelease(
          Effect.sync(() => followers.add(follower)),
          () => Effect.sync(() => followers.delete(follower))
        )
        // Not in this scope: retiring closes it when nobody watches, and would wait for the fiber that asks for it.
        const run = follower
          .run(shared)
          .pipe(
            Effect.andThen(Effect.suspend(() => (follower.dead ? Effect.forkIn(retire(follower), scope) : Effect.void)))
          )
        yield* Effect.forkScoped(run)
        return follower
      })
      const hubs = yield* RcMap.make({ lookup, idleTimeToLive })

      /** The next watcher of the worker gets a new follower. Once per follower: a second time would retire that one. */
      const retire = (follower: Follower): Effect.Effect<void> =>
        Effect.suspend(() => {
          if (follower.retired) return Effect.void
          follower.retired = true
          return RcMap.invalidate(hubs, new WorkerRef(follower.worker))
        })

      // A worker of a runtime that has left the live set is gone for its watchers, at once; one of a runtime that was
      // replaced goes on with the new one.
      yield* Effect.forkScoped(
        Stream.runForEach(registry.changes, () =>
          Effect.forEach(followers, (follower) =>
            registry.get(follower.worker.runtime_id).pipe(
              Effect.map(({ source }) => follower.sourceIs(source)),
              Effect.catch((problem) => {
                follower.giveUp(problem)
                return retire(follower)
              })
            )
          )
        )
      )

      /** One that is being followed, and not one that was just given up. */
      const following = (worker: WorkerRef): Effect.Effect<Follower, Problem.Problem, Scope.Scope> =>
        Effect.flatMap(RcMap.get(hubs, worker), (follower) =>
          Effect.flatMap(Deferred.await(follower.started), () =>
            follower.dead ? Effect.andThen(retire(follower), following(worker)) : Effect.succeed(follower)
          )
        )

      return EventHub.of({
        watch: Effect.fnUntraced(function* (worker, text, watcher, onReset) {
          const cursor = EventLog.parseCursor(text)
          if (Option.isNone(cursor)) return yield* Problem.make("invalid_cursor", undefined, { ...worker })
          const { log } = (yield* following(worker)).upstream
          const scope = yield* Effect.scope
          return yield* Effect.uninterruptible(
            Effect.suspend(() => {
              const attached = log.attach(cursor.value, watcher, onReset)
              const state = attached.snapshot.state as WorkerState
              const watching = {
                ...attached,
                epoch: log.epoch,
                retained_events: log.maxEvents,
                head: log.headCursor,
                ended: isTerminal(state) ? state : undefined
              }
              // Not `acquireRelease`, which would keep the snapshot and the replay for as long as somebody watches.
              return Effect.as(Scope.addFinalizer(scope, Effect.sync(attached.detach)), watching)
            })
          )
        }),
        watched: Effect.sync(() =>
          Array.from(followers, ({ upstream, worker }) => ({
            worker: new WorkerRef(worker),
            watchers: upstream.log.watcherCount
          }))
        )
      })
    })
  )
}
