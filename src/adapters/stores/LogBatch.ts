/**
 * Encodes records straight into the memory that is written, while the batch before is being synced. The lines of a
 * record stay readable there until a checkpoint has put them into the worker's own files.
 */
import { type Kind, headLength, seal } from "./LogRecord.ts"

/** One line of JSON with its newline, in memory. */
export interface Line {
  readonly buffer: Buffer
  readonly start: number
  /** Behind the newline. */
  readonly end: number
}

export const text = (line: Line): string => line.buffer.toString("utf8", line.start, line.end - 1)

export interface Encoded {
  readonly lsn: number
  /** Length in the log. */
  readonly bytes: number
  readonly events: ReadonlyArray<Line>
  readonly items: ReadonlyArray<Line>
}

export interface Draft {
  readonly kind: Kind
  /** ASCII. */
  readonly id: string
  readonly head: string
  readonly events: ReadonlyArray<string>
  readonly items: ReadonlyArray<string>
}

/** Memory is taken in pieces of this size, in bytes; a larger record gets a piece of its own. */
export const chunkBytes = 262_144
const newline = 0x0a
/** A UTF-16 unit takes at most this many bytes of UTF-8. */
const worstCase = 3
/** Above this many units a text is measured instead of being taken at its worst. */
const measureAbove = 16_384

const room = (line: string): number =>
  1 + (line.length > measureAbove ? Buffer.byteLength(line) : line.length * worstCase)

/** The memory that batches are cut from. */
export class LogArena {
  #chunk: Buffer = Buffer.alloc(0)
  #at = 0

  /** A buffer with room for that much, and where in it to start. */
  reserve(bytes: number): { readonly buffer: Buffer; readonly start: number } {
    if (this.#at + bytes > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(chunkBytes, bytes))
      this.#at = 0
    }
    return { buffer: this.#chunk, start: this.#at }
  }
  taken(end: number): void {
    this.#at = end
  }
}

export class LogBatch<Entry> {
  readonly number: number
  readonly entries: Array<Entry> = []
  /** Order number of the last record; 0 before the first. */
  lastLsn = 0
  bytes = 0
  readonly #arena: LogArena
  #ranges: Array<{ readonly buffer: Buffer; readonly start: number; end: number }> = []

  constructor(number: number, arena: LogArena) {
    this.number = number
    this.#arena = arena
  }

  get buffers(): ReadonlyArray<Uint8Array> {
    return this.#ranges.map(({ buffer, start, end }) => buffer.subarray(start, end))
  }

  add(draft: Draft, lsn: number, entry: Entry): Encoded {
    const { id, head, events, items } = draft
    let needed = headLength + id.length + room(head)
    for (const line of events) needed += room(line)
    for (const line of items) needed += room(line)
    const { buffer, start } = this.#arena.reserve(needed)
    const bodyStart = start + headLength + id.length
    let at = bodyStart
    const put = (line: string): Line => {
      const from = at
      at += buffer.write(line, at)
      buffer[at++] = newline
      return { buffer, start: from, end: at }
    }
    buffer.write(id, start + headLength, "latin1")
    put(head)
    const eventLines = events.map(put)
    const itemLines = items.map(put)
    seal(buffer, start, id.length, at - bodyStart, {
      kind: draft.kind,
      lsn,
      batch: this.number,
      events: events.length,
      items: items.length
    })
    this.#arena.taken(at)
    const last = this.#ranges.at(-1)
    if (last !== undefined && last.buffer === buffer && last.end === start) last.end = at
    else this.#ranges.push({ buffer, start, end: at })
    this.bytes += at - start
    this.lastLsn = lsn
    this.entries.push(entry)
    return { lsn, bytes: at - start, events: eventLines, items: itemLines }
  }
}
