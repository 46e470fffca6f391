/** When to try again after the event socket closed: full jitter without an attempt limit, or never. */

/** Longest pause before the first attempt … */
export const firstPauseMs = 500
/** … and before any. */
export const longestPauseMs = 30_000

/** Close codes after which the same request would be refused again: bad frame or cursor, login, unknown worker, subprotocol. */
const finalCodes: ReadonlySet<number> = new Set([4400, 4401, 4404, 4406])

export const isFinal = (closeCode: number): boolean => finalCodes.has(closeCode)

/**
 * @param attempt 0 for the first after a connection that worked
 * @param random from [0, 1)
 * @returns milliseconds in [0, min(30 s, 0.5 s · 2^attempt))
 */
export const pauseBefore = (attempt: number, random: number): number =>
  Math.floor(random * Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(attempt, 16)))
