/**
 * Workers as the JSON that lists are made of. A worker's record is replaced whenever it changes, so the text of a record
 * is made once, by the schema as any answer is, and lives as long as the record: a list of ten thousand workers is put
 * together and not encoded anew.
 */
import { Schema } from "effect"
import * as Mapping from "../../domain/api/RuntimeMapping.ts"
import * as Wire from "../../domain/api/RuntimeWire.ts"
import type { Worker } from "../../domain/Worker.ts"

const encode = Schema.encodeSync(Schema.toCodecJson(Wire.Worker))

/** Longer texts are not kept: what a worker is waiting for would be in memory twice. In characters. */
const maxKeptText = 4_096

/** Workers that a long list is put together from at a time; a change costs as many anew. */
const blockSize = 64
/** Shorter lists are pages, which begin anywhere. */
const longList = 512

interface Block {
  readonly workers: ReadonlyArray<Worker>
  readonly bytes: Buffer
}

interface Answer {
  readonly blocks: ReadonlyArray<Buffer>
  readonly next_cursor: string | null
  readonly bytes: Uint8Array
}

/** Longer answers are put together each time. In bytes: ten thousand workers with a kilobyte each. */
const maxKeptAnswer = 10_485_760

const begin = Buffer.from(`{"workers":[`)
const comma = Buffer.from(",")

const answer = (blocks: ReadonlyArray<Buffer>, next_cursor: string | null): Uint8Array =>
  Buffer.concat([
    begin,
    ...blocks.flatMap((block, index) => (index === 0 ? [block] : [comma, block])),
    Buffer.from(`],"next_cursor":${JSON.stringify(next_cursor)}}`)
  ])

export class WorkerTexts {
  readonly #texts = new WeakMap<Worker, string>()
  /** The last long list, for whoever asks again and again while nothing changes. */
  #last: Answer | undefined
  /** Of the last long list, by place. */
  #blocks: Array<Block | undefined> = []

  #of(worker: Worker): string {
    const known = this.#texts.get(worker)
    if (known !== undefined) return known
    const text = JSON.stringify(encode(Mapping.worker(worker)))
    if (text.length <= maxKeptText) this.#texts.set(worker, text)
    return text
  }

  #bytesOf(workers: ReadonlyArray<Worker>): Buffer {
    return Buffer.from(workers.map((worker) => this.#of(worker)).join(","))
  }

  /** The workers of one block, from memory while all of them are as they were. */
  #block(index: number, workers: ReadonlyArray<Worker>): Buffer {
    const from = index * blockSize
    const to = Math.min(from + blockSize, workers.length)
    const known = this.#blocks[index]
    if (known !== undefined && known.workers.length === to - from) {
      let at = from
      while (at < to && workers[at] === known.workers[at - from]) at++
      if (at === to) return known.bytes
    }
    const own = workers.slice(from, to)
    const bytes = this.#bytesOf(own)
    this.#blocks[index] = bytes.length <= blockSize * maxKeptText ? { workers: own, bytes } : undefined
    return bytes
  }

  /** A `WorkersAnswer` as bytes, which are nobody's to change. Throws where it could not be encoded, which is a defect. */
  list(workers: ReadonlyArray<Worker>, next_cursor: string | null): Uint8Array {
    if (workers.length < longList) return answer([this.#bytesOf(workers)], next_cursor)
    const count = Math.ceil(workers.length / blockSize)
    this.#blocks.length = count
    const blocks = Array.from({ length: count }, (_, index) => this.#block(index, workers))
    const last = this.#last
    if (last?.next_cursor === next_cursor && last.blocks.length === count) {
      if (blocks.every((block, index) => block === last.blocks[index])) return last.bytes
    }
    const bytes = answer(blocks, next_cursor)
    this.#last = bytes.length <= maxKeptAnswer ? { blocks, next_cursor, bytes } : undefined
    return bytes
  }
}
