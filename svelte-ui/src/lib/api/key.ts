/** Idempotency keys: one per intent of a person, so that a lost answer never does a thing twice. */

import type { Outcome, Problem } from "./problem.ts"

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

  /** Takes note of the outcome: an answer ends the intent, silence keeps its key for the next attempt. */
  settle(outcome: Outcome<unknown>): void {
    if (outcome.ok || !isOpen(outcome.problem)) this.#content = undefined
  }
}

/**
 * Whether the command may still have been carried out, or will be. A refusal is an answer: its key would only bring the
 * same refusal again.
 */
const isOpen = ({ status, code }: Problem): boolean =>
  status === 0 || status >= 500 || status === 408 || code === "idempotency_in_flight"
