/** Who answers at the address: the first runtime id stays the only one, and what that runtime said of itself is kept. */
import { Clock, Effect, Semaphore } from "effect"
import type * as Problem from "../../domain/Problem.ts"
import type { RuntimeDescription } from "../../domain/Runtime.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"

/**
 * So long an answer with the right name vouches for the address, in milliseconds. Before a command is sent, a name that is
 * older is asked for again, so that no input reaches a runtime that took the other's place.
 */
export const vouchedMs = 5_000

/** A description older than this, in milliseconds, is asked for again before anything is decided by it. */
export const describedMs = 60_000

/** What a runtime said of itself, and when. */
export interface Described {
  readonly description: RuntimeDescription
  /** Milliseconds of the clock. */
  readonly read_at: number
}

export class RemoteIdentity {
  #pinned: string | undefined
  #vouchedAt = Number.NEGATIVE_INFINITY
  #described: Described | undefined
  readonly #asking = Semaphore.makeUnsafe(1)
  readonly #ask: Effect.Effect<RuntimeDescription, Problem.Problem>

  /**
   * @param ask reads the description, without looking whose it is
   * @param expected the runtime's own id where it is configured; else the first one is taken
   */
  constructor(ask: Effect.Effect<RuntimeDescription, Problem.Problem>, expected?: string) {
    this.#ask = ask
    this.#pinned = expected
  }

  /** What was said last, however long ago. */
  get described(): Described | undefined {
    return this.#described
  }

  /** The connection broke: who answers next has to say who it is. */
  doubt(): void {
    this.#vouchedAt = Number.NEGATIVE_INFINITY
  }

  /** Takes note of the name in an answer; fails with `wrong_runtime` when it is another one. */
  see(runtime_id: string): Effect.Effect<void, Problem.Problem> {
    return Effect.withFiber((fiber) => {
      this.#pinned ??= runtime_id
      if (this.#pinned === runtime_id) {
        this.#vouchedAt = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
        return Effect.void
      }
      this.doubt()
      return Effect.fail(RuntimeFault.problem("wrong_runtime"))
    })
  }

  /** Asks now. */
  readonly describe: Effect.Effect<RuntimeDescription, Problem.Problem> = Effect.suspend(() =>
    this.#ask.pipe(
      Effect.tap((description) => this.see(description.runtime_id)),
      Effect.tap((description) =>
        Effect.map(Clock.currentTimeMillis, (read_at) => {
          this.#described = { description, read_at }
        })
      )
    )
  )

  /** The description, from memory while it is fresh. However many ask at once, the runtime is asked once. */
  readonly known: Effect.Effect<RuntimeDescription, Problem.Problem> = this.#unless((now) =>
    this.#described !== undefined && now - this.#described.read_at < describedMs
      ? this.#described.description
      : undefined
  )

  /** The same, and the name has been seen just now. Goes before every command. */
  readonly vouched: Effect.Effect<RuntimeDescription, Problem.Problem> = this.#unless((now) =>
    this.#described !== undefined && now - this.#described.read_at < describedMs && now - this.#vouchedAt < vouchedMs
      ? this.#described.description
      : undefined
  )

  #unless(fresh: (now: number) => RuntimeDescription | undefined): Effect.Effect<RuntimeDescription, Problem.Problem> {
    const look = (otherwise: Effect.Effect<RuntimeDescription, Problem.Problem>) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const found = fresh(now)
        return found === undefined ? otherwise : Effect.succeed(found)
      })
    return look(this.#asking.withPermit(look(this.describe)))
  }
}
