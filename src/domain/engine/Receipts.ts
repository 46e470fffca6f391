/**
 * Idempotency keys: a command that is repeated with its key gets the first answer again and has no second effect. The
 * receipt is stored in the same commit as the effect, so a crash leaves both or neither.
 */
import { Clock, Effect } from "effect"
import { Digest, sha256 } from "effect/crypto/Digest"
import type { IdempotencyKey } from "../Identifiers.ts"
import * as Problem from "../Problem.ts"
import type { Replayable } from "../Worker.ts"
import type { Receipt, WorkerStore } from "../WorkerStore.ts"

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
  ) => Effect.Effect<Replayable<A>, E | Problem.Problem<"idempotency_key_reused" | "idempotency_in_flight">, R>
  readonly restore: (receipts: ReadonlyArray<Receipt>) => void
  /**
   * The same store, whose commits are known here as soon as they are durable: a caller that goes away between the commit
   * and its answer finds the answer when it comes back with its key.
   */
  readonly remembering: (store: WorkerStore["Service"]) => WorkerStore["Service"]
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

  /** The receipt of a command that is done; undefined when the key is now taken by a new one. */
  const take = (
    key: string,
    fingerprint: string,
    now: number
  ): Effect.Effect<Receipt | undefined, Problem.Problem<"idempotency_key_reused" | "idempotency_in_flight">> => {
    forget(now)
    const receipt = done.get(key)
    const known = running.get(key) ?? receipt?.fingerprint
    if (known !== undefined && known !== fingerprint) return Problem.fail("idempotency_key_reused")
    if (running.has(key)) {
      return Problem.fail("idempotency_in_flight", undefined, { retry_after_ms: inFlightRetryMs })
    }
    if (receipt === undefined) running.set(key, fingerprint)
    return Effect.succeed(receipt)
  }

  const once: Receipts["once"] = Effect.fnUntraced(function* <A, E, R>(
    key: IdempotencyKey | undefined,
    asked: ReadonlyArray<unknown>,
    command: (receipt: (answer: A) => Receipt | undefined) => Effect.Effect<A, E, R>
  ) {
    if (key === undefined) return { answer: yield* command(() => undefined), replayed: false }
    const fingerprint = yield* digest.digestHex(sha256, new TextEncoder().encode(JSON.stringify(asked)))
    const now = yield* Clock.currentTimeMillis
    const toReceipt = (answer: A): Receipt => ({ key, fingerprint, answer, expires_at: now + ttlSeconds * 1_000 })
    // Looking the key up and taking it is one step, and whatever becomes of the command the key is given back.
    return yield* Effect.acquireUseRelease(
      Effect.suspend(() => take(key, fingerprint, now)),
      (receipt): Effect.Effect<Replayable<A>, E, R> =>
        receipt === undefined
          ? Effect.map(command(toReceipt), (answer) => ({ answer, replayed: false }))
          : Effect.succeed({ answer: receipt.answer as A, replayed: true }),
      (receipt) => Effect.sync(() => void (receipt === undefined && running.delete(key)))
    )
  })

  const restore = (receipts: ReadonlyArray<Receipt>) => {
    for (const receipt of receipts.toSorted((a, b) => a.expires_at - b.expires_at)) done.set(receipt.key, receipt)
  }

  const remembering = (store: WorkerStore["Service"]): WorkerStore["Service"] => ({
    ...store,
    commit: (commit) => {
      const { receipt } = commit
      if (receipt === undefined) return store.commit(commit)
      return Effect.tap(store.commit(commit), () => Effect.sync(() => done.set(receipt.key, receipt)))
    }
  })

  return { once, restore, remembering } satisfies Receipts
})
