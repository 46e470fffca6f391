/** Idempotency keys: one per intent of a person, so that a lost answer never does a thing twice. */

/** 128 random bits in hex. `crypto.randomUUID` is missing on plain HTTP, `getRandomValues` is not. */
export const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")

/**
 * Keeps the key of an intent until it is answered: the same content asked again gets the same key, other content a new one.
 */
export class IntentKey {
  #content: string | undefined
  #key = ""

  for(content: unknown): string {
    const text = JSON.stringify(content)
    if (text !== this.#content) {
      this.#content = text
      this.#key = newKey()
    }
    return this.#key
  }

  /** Call when the intent was answered for good; a retryable failure keeps the key. */
  settle(): void {
    this.#content = undefined
  }
}
