/** One after the other by key. Nothing is remembered of a key that nobody holds or waits for. */
import { Effect, type Scope, Semaphore } from "effect"

interface Lock {
  readonly semaphore: Semaphore.Semaphore
  /** Who holds the key or waits for it. */
  users: number
}

export interface KeyedLock {
  /** Waits for the key, and holds it until the scope closes. */
  readonly hold: (key: string) => Effect.Effect<void, never, Scope.Scope>
  /** Waits for the key, and holds it while the effect runs. */
  readonly within: <A, E, R>(key: string, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Keys that are held or waited for. */
  readonly size: () => number
}

export const make = (): KeyedLock => {
  const locks = new Map<string, Lock>()
  const join = (key: string) =>
    Effect.sync(() => {
      const lock = locks.get(key) ?? { semaphore: Semaphore.makeUnsafe(1), users: 0 }
      lock.users += 1
      locks.set(key, lock)
      return lock
    })
  const leave = (key: string, lock: Lock) =>
    Effect.sync(() => {
      lock.users -= 1
      if (lock.users === 0) locks.delete(key)
    })
  return {
    hold: Effect.fnUntraced(function* (key) {
      const { semaphore } = yield* Effect.acquireRelease(join(key), (lock) => leave(key, lock))
      yield* Effect.acquireRelease(semaphore.take(1), () => semaphore.release(1), { interruptible: true })
    }),
    within: (key, effect) =>
      Effect.acquireUseRelease(
        join(key),
        ({ semaphore }) => semaphore.withPermit(effect),
        (lock) => leave(key, lock)
      ),
    size: () => locks.size
  }
}
