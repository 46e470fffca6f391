/** Tells that what runs a worker has ended by itself between two turns; an end within a turn is the turn's own matter. */
import { Effect, Queue } from "effect"
import type { RunFailure } from "../../domain/WorkerExecutor.ts"

export interface IdleEnd {
  /** Completes with the last words of each such end once; what nobody has taken is forgotten with the next turn. */
  readonly ended: Effect.Effect<RunFailure>
  /** An end: told at once between turns, after the turn within one. */
  readonly tell: (failure: RunFailure) => void
  /** The turn knows how what it talked with has ended: that is not told again. */
  readonly known: () => void
  readonly isIdle: () => boolean
  readonly turn: <A, E, R>(turn: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const make = Effect.gen(function* () {
  const told = yield* Queue.sliding<RunFailure>(1)
  let busy = false
  let late: RunFailure | undefined
  return {
    ended: Queue.take(told),
    tell: (failure) => {
      if (busy) late = failure
      else Queue.offerUnsafe(told, failure)
    },
    known: () => {
      late = undefined
    },
    isIdle: () => !busy,
    turn: (turn) =>
      Effect.acquireUseRelease(
        Effect.suspend(() => {
          busy = true
          late = undefined
          return Queue.clear(told)
        }),
        () => turn,
        () =>
          Effect.sync(() => {
            busy = false
            if (late !== undefined) Queue.offerUnsafe(told, late)
          })
      )
  } satisfies IdleEnd
})
