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

const comma = Buffer.from(",")

export class WorkerTexts {
  readonly #texts = new WeakMap<Worker, string>()
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

  /** A `WorkersAnswer` as bytes. Throws where an answer could not be encoded, which is a defect. */
  list(workers: ReadonlyArray<Worker>, next_cursor: string | null): Uint8Array {
    const parts: Array<Uint8Array> = [Buffer.from(`{"workers":[`)]
    if (workers.length < longList) parts.push(this.#bytesOf(workers))
    else {
      const blocks = Math.ceil(workers.length / blockSize)
      this.#blocks.length = blocks
      for (let index = 0; index < blocks; index++) {
        if (index > 0) parts.push(comma)
        parts.push(this.#block(index, workers))
      }
    }
    parts.push(Buffer.from(`],"next_cursor":${JSON.stringify(next_cursor)}}`))
    return Buffer.concat(parts)
  }
}
