/** Who ends a worker does not wait for who waits for its turn to end. */
import { Effect, Latch, type Semaphore } from "effect"

/** One worker's; all of it beside its lock. */
export class GiveWay {
  #urgent = 0
  /** Open while something urgent is on its way. */
  readonly #some = Latch.makeUnsafe(false)
  /** Open while nothing is. */
  readonly #none = Latch.makeUnsafe(true)

  #count(change: 1 | -1): void {
    this.#urgent += change
    const some = this.#urgent > 0
    if (some) this.#none.closeUnsafe()
    else this.#some.closeUnsafe()
    ;(some ? this.#some : this.#none).openUnsafe()
  }

  /** What takes the lock by itself and is not to wait for those that can give way. */
  urgent<A, E, R>(change: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.acquireUseRelease(
      Effect.sync(() => this.#count(1)),
      () => change,
      () => Effect.sync(() => this.#count(-1))
    )
  }

  /** Completes once something urgent is on its way. */
  readonly wanted: Effect.Effect<void> = this.#some.await

  /** Lends the lock, which the caller holds and has again afterwards, until nothing urgent is on its way. */
  lend(lock: Semaphore.Semaphore): Effect.Effect<void> {
    return Effect.acquireUseRelease(
      lock.release(1),
      () => this.#none.await,
      () => lock.take(1)
    ).pipe(Effect.asVoid)
  }
}
