/** What one worker was promised, and whether it is kept. */
import type { Ack, Item, Mode } from "./RuntimeClient.ts"

export interface Verdict {
  lost: number
  duplicated: number
  /** What is wrong otherwise: order, numbers, inventions. */
  readonly wrong: Array<string>
}

export const isWaiting = (ack: Ack): boolean => ack.queued !== undefined && ack.queued !== null

export class Ledger {
  readonly worker_id: string
  readonly mode: Mode
  /** Acknowledged inputs by content. */
  readonly acked = new Map<string, Ack>()
  /** The input that was sent and not answered; the only one of which both ends are right. */
  open: string | undefined
  #sent = 0

  constructor(worker_id: string, mode: Mode) {
    this.worker_id = worker_id
    this.mode = mode
  }

  /** A content that no other input has. It is its own idempotency key. */
  next(): string {
    this.#sent += 1
    return `${this.worker_id}-input-${this.#sent}`
  }

  /** Compares a transcript with what was acknowledged. */
  judge(items: ReadonlyArray<Item>, lastEvent: number, verdict: Verdict): void {
    const { worker_id } = this
    const seen = new Map<string, Item>()
    let before = 0
    for (const [index, item] of items.entries()) {
      if (item.sequence !== index + 1) verdict.wrong.push(`${worker_id}: item ${index + 1} has number ${item.sequence}`)
      if (item.event_id <= before) verdict.wrong.push(`${worker_id}: event ${item.event_id} is not after ${before}`)
      before = item.event_id
      if (item.role !== "user") continue
      if (seen.has(item.content)) verdict.duplicated += 1
      seen.set(item.content, item)
      if (!this.acked.has(item.content) && item.content !== this.open) {
        verdict.wrong.push(`${worker_id}: nobody was told of "${item.content}"`)
      }
    }
    if (lastEvent < before) verdict.wrong.push(`${worker_id}: event ${before} is there and ${lastEvent} is the last`)
    for (const [content, ack] of this.acked) {
      const item = seen.get(content)
      if (item === undefined) verdict.lost += 1
      else if (isWaiting(ack)) {
        // Its place is given when its turn starts: after that of its acknowledgement.
        if (item.event_id <= ack.event_id) verdict.wrong.push(`${worker_id}: "${content}" ran before it was queued`)
      } else if (item.sequence !== ack.transcript_sequence || item.event_id !== ack.event_id) {
        verdict.wrong.push(`${worker_id}: "${content}" is not where it was acknowledged`)
      }
    }
    const order = Array.from(seen.values()).filter(({ content }) => this.acked.has(content))
    const promised = Array.from(this.acked.keys()).filter((content) => seen.has(content))
    if (order.some(({ content }, index) => content !== promised[index]))
      verdict.wrong.push(`${worker_id}: out of order`)
  }
}
