/**
 * The deadlines of all calls to runtimes. One sleeping fiber serves them: a race with a timer of its own costs a call
 * more than the call itself.
 */
import { Clock, type Context, Effect, Fiber, type Scope } from "effect"
import { CallList, Listed } from "./CallList.ts"

class Running extends Listed {
  /** Monotonic milliseconds. */
  readonly expires_at: number
  readonly expire: () => void

  constructor(expires_at: number, expire: () => void) {
    super()
    this.expires_at = expires_at
    this.expire = expire
  }
}

export interface Deadlines {
  readonly clock: Clock.Clock
  /** The effect's own end, or that of `late` when it has not come in time; then the effect is interrupted. */
  readonly within: <A, E, R, B, E2, R2>(
    effect: Effect.Effect<A, E, R>,
    late: () => Effect.Effect<B, E2, R2>
  ) => Effect.Effect<A | B, E | E2, R | R2>
}

const monotonicMs = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

/** @param milliseconds the same for every call, so that they expire in the order in which they begin */
export const make = Effect.fnUntraced(function* (
  milliseconds: number
): Effect.fn.Return<Deadlines, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const running = new CallList<Running>()
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  let watching = false

  /** Sleeps until the oldest call expires. Ends when nothing runs, so that an idle registry costs nothing. */
  const watch: Effect.Effect<void> = Effect.suspend(() => {
    const now = monotonicMs(clock)
    for (let call = running.first; call !== undefined; call = running.first) {
      // Half a millisecond for what a timer rounds off.
      if (call.expires_at > now + 0.5) return Effect.andThen(Effect.sleep(Math.ceil(call.expires_at - now)), watch)
      running.remove(call)
      call.expire()
    }
    watching = false
    return Effect.void
  })

  const add = (call: Running): void => {
    running.add(call)
    if (watching) return
    watching = true
    fork(Effect.forkIn(watch, scope))
  }

  return {
    clock,
    within: <A, E, R, B, E2, R2>(effect: Effect.Effect<A, E, R>, late: () => Effect.Effect<B, E2, R2>) =>
      Effect.withFiber<A | B, E | E2, R | R2>((parent) =>
        Effect.callback<A | B, E | E2, R | R2>((resume) => {
          const child = Effect.runForkWith(parent.context as Context.Context<R>)(effect)
          const exit = child.pollUnsafe()
          if (exit !== undefined) return resume(exit)
          // What was late has ended, whatever it still had to do, before anybody is told.
          const expire = () => resume(Effect.andThen(Fiber.interrupt(child), late()))
          const call = new Running(monotonicMs(clock) + milliseconds, expire)
          add(call)
          child.addObserver((ended) => {
            running.remove(call)
            resume(ended)
          })
          return Effect.suspend(() => {
            running.remove(call)
            return Fiber.interrupt(child)
          })
        })
      )
  }
})
