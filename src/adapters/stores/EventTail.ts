/** The newest events of one worker, bounded by count and bytes. */
import type { StoredEvent } from "../../domain/WorkerStore.ts"
import type { Retention } from "./Retention.ts"

export class EventTail {
  readonly #retention: Retention
  #events: Array<StoredEvent> = []
  #sizes: Array<number> = []
  #bytes = 0
  /** Index of the first live element; the dead ones before it are dropped in bulk, which keeps an append flat. */
  #from = 0

  constructor(retention: Retention) {
    this.#retention = retention
  }

  append(stored: StoredEvent): void {
    const size = JSON.stringify(stored.event).length
    this.#events.push(stored)
    this.#sizes.push(size)
    this.#bytes += size
    const { maxEvents, maxEventBytes } = this.#retention
    while (this.#live > 1 && (this.#live > maxEvents || this.#bytes > maxEventBytes)) {
      this.#bytes -= this.#sizes[this.#from]!
      this.#from += 1
    }
    if (this.#from > 1024 && this.#from * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#from)
      this.#sizes = this.#sizes.slice(this.#from)
      this.#from = 0
    }
  }

  /** At most `limit` events with numbers above `after`. */
  read(after: number, limit: number): ReadonlyArray<StoredEvent> {
    const first = this.#events[this.#from]
    if (first === undefined) return []
    const start = this.#from + Math.max(0, after + 1 - first.seq)
    return this.#events.slice(start, start + Math.max(0, limit))
  }

  get #live(): number {
    return this.#events.length - this.#from
  }
}
