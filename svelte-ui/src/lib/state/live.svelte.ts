/** A value that is read again every few seconds while somebody looks at it. Keeps the last answer through failures. */
import type { Outcome, Problem } from "#lib/api/problem.ts"

export class Live<A> {
  /** The last good answer. */
  value = $state.raw<A>()
  /** ETag of that answer. */
  etag = $state.raw<string>()
  /** The last attempt's failure; undefined after a good answer. */
  problem = $state.raw<Problem>()
  /** Milliseconds since the epoch of the last good answer. */
  at = $state.raw<number>()

  readonly #read: (signal: AbortSignal) => Promise<Outcome<A>>
  readonly #everyMs: number
  #generation = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #abort: AbortController | undefined
  #watched = false

  constructor(read: (signal: AbortSignal) => Promise<Outcome<A>>, everyMs: number) {
    this.#read = read
    this.#everyMs = everyMs
  }

  /** Polls until the returned function is called; a hidden page rests and catches up when it is seen again. */
  watch = (): (() => void) => {
    this.#watched = true
    const onvisible = () => {
      if (!document.hidden) void this.refresh()
    }
    document.addEventListener("visibilitychange", onvisible)
    globalThis.addEventListener("online", onvisible)
    void this.refresh()
    return () => {
      this.#watched = false
      this.#generation++
      clearTimeout(this.#timer)
      this.#abort?.abort()
      document.removeEventListener("visibilitychange", onvisible)
      globalThis.removeEventListener("online", onvisible)
    }
  }

  /** Reads now; an answer that a newer read overtook is dropped. */
  refresh = async (): Promise<void> => {
    const generation = ++this.#generation
    clearTimeout(this.#timer)
    this.#abort?.abort()
    this.#abort = new AbortController()
    const outcome = await this.#read(this.#abort.signal)
    if (generation !== this.#generation) return
    if (outcome.ok) {
      this.value = outcome.value
      this.etag = outcome.etag
      this.problem = undefined
      this.at = Date.now()
    } else this.problem = outcome.problem
    if (this.#watched && !document.hidden) this.#timer = setTimeout(this.refresh, this.#everyMs)
  }
}
