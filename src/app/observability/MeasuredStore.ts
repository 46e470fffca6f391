/** A worker store whose commits are measured. A commit ends when it is durable, so its time is that of the sync. */
import { Clock, Effect, Layer, Metric } from "effect"
import { WorkerStore } from "../../domain/WorkerStore.ts"

const commits = Metric.histogram("yoi_store_commit_seconds", {
  description: "Time until a change is durable, the wait for the disk's sync included.",
  boundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]
})

const failures = Metric.counter("yoi_store_failures_total", {
  description: "Changes that the store could not take, by code.",
  incremental: true
})

/** The same store, measured. */
export const layer = Layer.effect(
  WorkerStore,
  Effect.gen(function* () {
    const store = yield* WorkerStore
    const clock = yield* Clock.Clock
    const context = yield* Effect.context<never>()
    return WorkerStore.of({
      ...store,
      commit: (commit) =>
        Effect.suspend(() => {
          const started = clock.currentTimeNanosUnsafe()
          return store.commit(commit).pipe(
            Effect.tap(() =>
              Effect.sync(() => commits.updateUnsafe(Number(clock.currentTimeNanosUnsafe() - started) / 1e9, context))
            ),
            Effect.tapError(({ _tag: code }) => Metric.update(Metric.withAttributes(failures, { code }), 1))
          )
        })
    })
  })
)
