/**
 * Idempotency keys: a command that is repeated with its key gets the first answer again and has no second effect. The
 * receipt is stored in the same commit as the effect, so a crash leaves both or neither.
 */
import { Clock, Effect } from "effect"
import { Digest, sha256 } from "effect/crypto/Digest"
import type { IdempotencyKey } from "../Identifiers.ts"
import * as Problem from "../Problem.ts"
import type { Replayable } from "../Worker.ts"
import type { Receipt } from "../WorkerStore.ts"

/** How long a key is remembered, in seconds. Published as the capability `idempotency.ttl_seconds`. */
export const ttlSeconds = 86_400

/** Receipts held at once; above it the oldest are forgotten before their time. */
export const maxReceipts = 100_000

/** What a caller should wait before it repeats a command that is still running, in milliseconds. */
const inFlightRetryMs = 1_000

export interface Receipts {
  /**
   * @param asked what makes two requests the same: operation, target and body
   * @param command gets a function that turns its answer into the receipt to commit
   */
  readonly once: <A, E, R>(
    key: IdempotencyKey | undefined,
    asked: ReadonlyArray<unknown>,
    command: (receipt: (answer: A) => Receipt | undefined) => Effect.Effect<A, E, R>
  ) => Effect.Effect<
    Replayable<A>,
    E | Problem.Problem<"idempotency_key_reused" | "idempotency_in_flight">,
    R
  >
  readonly restore: (receipts: ReadonlyArray<Receipt>) => void
}

export const make = Effect.gen(function* () {
  const digest = yield* Digest
  const done = new Map<string, Receipt>()
  const running = new Map<string, string>()

  const forget = (now: number) => {
    for (const [key, receipt] of done) {
      if (receipt.expires_at > now && done.size <= maxReceipts) break
      done.delete(key)
    }
  }

  const once: Receipts["once"] = Effect.fnUntraced(function* <A, E, R>(
    key: IdempotencyKey | undefined,
    asked: ReadonlyArray<unknown>,
    command: (receipt: (answer: A) => Receipt | undefined) => Effect.Effect<A, E, R>
  ) {
    if (key === undefined) return { answer: yield* command(() => undefined), replayed: false }
    const fingerprint = yield* digest.digestHex(sha256, new TextEncoder().encode(JSON.stringify(asked)))
    const now = yield* Clock.currentTimeMillis
    forget(now)
    const known = running.get(key) ?? done.get(key)?.fingerprint
    if (known !== undefined && known !== fingerprint) return yield* Problem.make("idempotency_key_reused")
    if (running.has(key)) {
      return yield* Problem.make("idempotency_in_flight", undefined, { retry_after_ms: inFlightRetryMs })
    }
    const receipt = done.get(key)
    if (receipt !== undefined) return { answer: receipt.answer as A, replayed: true }
    running.set(key, fingerprint)
    const toReceipt = (answer: A): Receipt => ({ key, fingerprint, answer, expires_at: now + ttlSeconds * 1_000 })
    const answer = yield* command(toReceipt).pipe(
      Effect.tap((given) => Effect.sync(() => done.set(key, toReceipt(given)))),
      Effect.ensuring(Effect.sync(() => running.delete(key)))
    )
    return { answer, replayed: false }
  })

  const restore = (receipts: ReadonlyArray<Receipt>) => {
    for (const receipt of [...receipts].sort((a, b) => a.expires_at - b.expires_at)) done.set(receipt.key, receipt)
  }

  return { once, restore } satisfies Receipts
})
