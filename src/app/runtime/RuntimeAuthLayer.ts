/** Asks for the runtime's token. Missing and wrong get the same answer, and comparing takes the same time for both. */
import { createHash, timingSafeEqual } from "node:crypto"
import { Clock, Effect, Layer, Option, Redacted } from "effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import { RuntimeAuth } from "../../domain/api/RuntimeApi.ts"
import * as Problem from "../../domain/Problem.ts"

/** Refusals that one address gets in a window; above it the answer is 429. The right token always passes. */
export const maxRefusals = 30
export const windowMs = 60_000
/** Addresses that are remembered; beyond it the oldest is forgotten. */
const maxAddresses = 4_096

/** Hashed, so that texts of any length compare in constant time. */
const hash = (text: string): Buffer => createHash("sha256").update(text).digest()

interface Window {
  readonly until: number
  refused: number
}

/** Counts refusals by address. */
const makeRefusals = () => {
  const windows = new Map<string, Window>()
  /** Milliseconds to wait when the address has had too many. */
  return (address: string, now: number): number | undefined => {
    let window = windows.get(address)
    if (window === undefined || window.until <= now) {
      windows.delete(address)
      window = { until: now + windowMs, refused: 0 }
      windows.set(address, window)
      if (windows.size > maxAddresses) windows.delete(windows.keys().next().value!)
    }
    window.refused += 1
    return window.refused > maxRefusals ? window.until - now : undefined
  }
}

/** @param token undefined = everybody who reaches the address may call, which is for loopback only */
export const layer = (token: Redacted.Redacted<string> | undefined) =>
  Layer.effect(
    RuntimeAuth,
    Effect.gen(function* () {
      if (token === undefined) return { token: (endpoint) => endpoint }
      const clock = yield* Clock.Clock
      const expected = hash(Redacted.value(token))
      const refusals = makeRefusals()
      return {
        token: (endpoint, { credential }) => {
          if (timingSafeEqual(hash(Redacted.value(credential)), expected)) return endpoint
          return Effect.gen(function* () {
            const request = yield* HttpServerRequest
            const address = Option.getOrElse(request.remoteAddress, () => "")
            const wait = refusals(address, clock.currentTimeMillisUnsafe())
            if (wait === undefined) return yield* Problem.make("unauthorized")
            return yield* Problem.make("too_many_requests", "Too many requests with a wrong token.", {
              retry_after_ms: wait
            })
          })
        }
      }
    })
  )
