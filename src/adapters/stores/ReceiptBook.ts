/** Receipts by key, forgotten when they expire or when there are too many. */
import type { Receipt } from "../../domain/WorkerStore.ts"

export class ReceiptBook {
  readonly #max: number
  /** In the order they were stored, which is the order in which they are forgotten. */
  readonly #byKey = new Map<string, Receipt>()
  #forgotten = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Receipts that were dropped before they expired. */
  get forgotten(): number {
    return this.#forgotten
  }

  put(receipt: Receipt, now: number): void {
    this.#byKey.delete(receipt.key)
    this.#byKey.set(receipt.key, receipt)
    // Receipts live equally long, so the expired ones are at the front and a put looks at no others.
    for (const [key, oldest] of this.#byKey) {
      const expired = oldest.expires_at < now
      if (!expired && this.#byKey.size <= this.#max) break
      this.#byKey.delete(key)
      if (!expired) this.#forgotten += 1
    }
  }

  current(now: number): ReadonlyArray<Receipt> {
    return Array.from(this.#byKey.values()).filter((receipt) => receipt.expires_at >= now)
  }
}
