/** The deadlines of one target's calls. One sleeping fiber serves all: one per call costs as much as the call itself. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { CallList, type Listed } from "../../domain/registry/CallList.ts"

/** How often running calls are looked at, in milliseconds. A deadline is never early and at most two ticks late. */
export const TICK_MS = 25

export interface Expirable extends Listed {
  /** Monotonic milliseconds; set by `add`. */
  expires_at: number
  /** Called once, after the call has been taken out. */
  readonly expire: () => void
}

export class EgressDeadlines {
  private readonly calls = new CallList<Expirable>()
  private readonly run: (sweeping: Effect.Effect<void>) => Fiber.Fiber<void>
  private readonly clock: Clock.Clock
  private now = 0
  private isSweeping = false

  /** `run` must fork into the scope that the calls live in. */
  constructor(clock: Clock.Clock, run: (sweeping: Effect.Effect<void>) => Fiber.Fiber<void>) {
    this.clock = clock
    this.run = run
  }

  add(call: Expirable, deadline_ms: number): void {
    if (!this.isSweeping) {
      this.isSweeping = true
      this.now = this.monotonic()
      this.run(this.sweep)
    }
    // `now` is up to one tick old.
    call.expires_at = this.now + TICK_MS + deadline_ms
    this.calls.add(call)
  }

  remove(call: Expirable): void {
    this.calls.remove(call)
  }

  private monotonic(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe() / 1_000_000n)
  }

  /** Stops after a tick without calls, so an idle target costs nothing. */
  private readonly sweep: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(Effect.sleep(TICK_MS), () => {
      if (this.calls.first === undefined) {
        this.isSweeping = false
        return Effect.void
      }
      this.now = this.monotonic()
      for (const call of this.calls.select((it) => it.expires_at <= this.now)) {
        if (this.calls.remove(call)) call.expire()
      }
      return this.sweep
    })
  )
}
