/**
 * Encodes records straight into the memory that is written, while the batch before is being synced. The lines of a
 * record stay readable there until a checkpoint has put them into the worker's own files.
 */
import { type Kind, type Memory, headLength, memory, seal } from "./LogRecord.ts"

export interface Encoded {
  readonly lsn: number
  /** Length in the log. */
  readonly bytes: number
  readonly buffer: Buffer
  /** Where each event and then each item starts in the buffer, and where the last one ends. */
  readonly marks: ReadonlyArray<number>
}

export interface Draft {
  readonly kind: Kind
  /** ASCII. */
  readonly id: string
  readonly head: string
  /** The events and then the items. */
  readonly lines: ReadonlyArray<string>
  readonly events: number
}

/** Memory is taken in pieces of this size, in bytes; a larger record gets a piece of its own. */
export const chunkBytes = 262_144
/** A UTF-16 unit takes at most this many bytes of UTF-8. */
const worstCase = 3
/** Above this many units a text is measured instead of being taken at its worst. */
const measureAbove = 16_384

const room = (body: string): number => (body.length > measureAbove ? Buffer.byteLength(body) : body.length * worstCase)

/** The memory that batches are cut from. */
export class LogArena {
  readonly #chunkBytes: number
  #chunk: Memory = memory(0)
  #at = 0

  constructor(bytes = chunkBytes) {
    this.#chunkBytes = bytes
  }

  /** Memory with room for that much from `at` on. */
  reserve(bytes: number): Memory {
    if (this.#at + bytes > this.#chunk.buffer.length) {
      this.#chunk = memory(Math.max(this.#chunkBytes, bytes))
      this.#at = 0
    }
    return this.#chunk
  }
  get at(): number {
    return this.#at
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
    const { id, head, lines } = draft
    let body = `${head}\n`
    for (let at = 0; at < lines.length; at++) body += `${lines[at]}\n`
    const memory = this.#arena.reserve(headLength + id.length + room(body))
    const { buffer } = memory
    const start = this.#arena.at
    buffer.write(id, start + headLength, "latin1")
    const bodyStart = start + headLength + id.length
    const length = buffer.write(body, bodyStart)
    const end = bodyStart + length
    const ascii = length === body.length
    let mark = bodyStart + 1 + (ascii ? head.length : Buffer.byteLength(head))
    const marks = [mark]
    for (let at = 0; at < lines.length; at++) {
      const line = lines[at]!
      marks.push((mark += 1 + (ascii ? line.length : Buffer.byteLength(line))))
    }
    seal(memory, start, id.length, length, {
      kind: draft.kind,
      lsn,
      batch: this.number,
      events: draft.events,
      items: lines.length - draft.events
    })
    this.#arena.taken(end)
    const last = this.#ranges.at(-1)
    if (last !== undefined && last.buffer === buffer && last.end === start) last.end = end
    else this.#ranges.push({ buffer, start, end })
    this.bytes += end - start
    this.lastLsn = lsn
    this.entries.push(entry)
    return { lsn, bytes: end - start, buffer, marks }
  }
}
