/** Several executors as one: each worker goes to the executor that offers its profile. */
import { Effect, Scope, Semaphore } from "effect"
import * as Problem from "../../domain/Problem.ts"
import * as Profile from "../../domain/Profile.ts"
import type { WorkerExecutor } from "../../domain/WorkerExecutor.ts"

type Executor = WorkerExecutor["Service"]

/** The first profile that can be used is the default. A profile that two executors offer belongs to the first. */
export const make = (executors: ReadonlyArray<Executor>): Executor => {
  const byProfile = new Map<string, Executor>()
  const profiles: Array<Profile.Profile> = []
  for (const executor of executors) {
    for (const profile of executor.profiles) {
      const id = Profile.format(profile.selector)
      if (byProfile.has(id)) continue
      byProfile.set(id, executor)
      profiles.push(profile)
    }
  }
  return {
    profiles,
    declarationKinds: new Set(executors.flatMap((it) => [...it.declarationKinds])),
    spawn: (request) => {
      const executor = byProfile.get(Profile.format(request.profile))
      return executor === undefined
        ? Problem.fail("execution_backend_unavailable", "The runtime no longer has the worker's profile.")
        : executor.spawn(request)
    }
  }
}

/** At most so many sessions at once; a session counts until its scope is closed and all of it has ended. */
export const limited = (executor: Executor, max: number): Executor => {
  const places = Semaphore.makeUnsafe(max)
  return {
    ...executor,
    spawn: (request) =>
      Effect.gen(function* () {
        const scope = yield* Scope.Scope
        yield* Effect.acquireRelease(
          Effect.suspend(() =>
            Effect.flatMap(places.takeIfAvailable(1), (taken) =>
              taken
                ? Effect.void
                : Problem.fail(
                    "worker_execution_rejected",
                    `The profile runs at most ${max} workers at once; stop one of them.`,
                    { max }
                  )
            )
          ),
          () => places.release(1)
        )
        return yield* Scope.provide(executor.spawn(request), scope)
      })
  }
}
