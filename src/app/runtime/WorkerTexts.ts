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

export class WorkerTexts {
  readonly #texts = new WeakMap<Worker, string>()

  #of(worker: Worker): string {
    const known = this.#texts.get(worker)
    if (known !== undefined) return known
    const text = JSON.stringify(encode(Mapping.worker(worker)))
    this.#texts.set(worker, text)
    return text
  }

  /**
   * A `WorkersAnswer` as bytes. The texts are written straight into them: joined to one text first, a list of megabytes
   * would be copied twice. Throws where an answer could not be encoded, which is a defect.
   */
  list(workers: ReadonlyArray<Worker>, next_cursor: string | null): Uint8Array {
    const pieces = [`{"workers":[`]
    for (const worker of workers) {
      if (pieces.length > 1) pieces.push(",")
      pieces.push(this.#of(worker))
    }
    pieces.push(`],"next_cursor":${JSON.stringify(next_cursor)}}`)
    let length = 0
    for (const piece of pieces) length += Buffer.byteLength(piece)
    const bytes = Buffer.allocUnsafe(length)
    let at = 0
    for (const piece of pieces) at += bytes.write(piece, at)
    return bytes
  }
}
