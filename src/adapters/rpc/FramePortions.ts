/** In what portions the frames of a worker's event stream travel. */
import type { SourceFrame } from "../../domain/RuntimeSource.ts"

/** Events that travel in one message have together at most this length as JSON, in UTF-16 units; a larger one goes alone. */
export const maxPortionLength = 1_048_576

/** Beside the event: cursor, ids and punctuation. */
const envelopeLength = 512

const lengthOf = (frame: SourceFrame): number => {
  if (frame.kind === "bookmark" || frame.kind === "resync" || frame.kind === "end") return envelopeLength
  if (frame.kind === "event" && frame.json !== undefined) return frame.json.length + envelopeLength
  return maxPortionLength
}

/** Cuts what a stream has at once into portions, without waiting for more. */
export const portions = (frames: ReadonlyArray<SourceFrame>): ReadonlyArray<ReadonlyArray<SourceFrame>> => {
  const cut: Array<Array<SourceFrame>> = []
  let length = maxPortionLength
  for (const frame of frames) {
    const more = lengthOf(frame)
    if (length + more > maxPortionLength) {
      cut.push([])
      length = 0
    }
    cut.at(-1)?.push(frame)
    length += more
  }
  return cut
}
