/** Decides which page of the transcript to read for the holes that are in view; one read at a time. */
import type { Outcome, Problem } from "#lib/api/problem.ts"
import type { TranscriptPage } from "#lib/api/wire.ts"

/** A page holds up to 200; half of it lies before the first hole in view, so that either direction finds it read. */
export const lookBack = 100

type Read = (start: number) => Promise<Outcome<{ readonly transcript: TranscriptPage }>>

export class Pager {
  problem: Problem | undefined
  #busy = false
  readonly #read: Read
  readonly #filled: (page: TranscriptPage) => void
  /** First hole in view, as 0-based position, or undefined. */
  readonly #wanted: () => number | undefined
  readonly #failed: (problem: Problem | undefined) => void

  constructor(
    read: Read,
    wanted: () => number | undefined,
    filled: (page: TranscriptPage) => void,
    failed: (problem: Problem | undefined) => void
  ) {
    this.#read = read
    this.#wanted = wanted
    this.#filled = filled
    this.#failed = failed
  }

  /** Call when the view moved. A failure stops reading until `retry`. */
  async look(): Promise<void> {
    if (this.#busy || this.problem !== undefined) return
    this.#busy = true
    let exact = false
    for (let hole = this.#wanted(); hole !== undefined; hole = this.#wanted()) {
      const start = exact ? hole : Math.max(0, hole - lookBack)
      // One page after the other: what is still wanted is known only then.
      // oxlint-disable-next-line no-await-in-loop
      const outcome = await this.#read(start)
      if (!outcome.ok) {
        this.#fail(outcome.problem)
        break
      }
      this.#filled(outcome.value.transcript)
      // A page is bounded in bytes too and may end before the hole: ask for the hole itself, once.
      if (this.#wanted() !== hole) exact = false
      else if (exact || start === hole) break
      else exact = true
    }
    this.#busy = false
  }

  retry(): void {
    this.#fail(undefined)
    void this.look()
  }

  #fail(problem: Problem | undefined): void {
    this.problem = problem
    this.#failed(problem)
  }
}
