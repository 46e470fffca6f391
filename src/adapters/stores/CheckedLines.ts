/**
 * Text files of `<crc32 as 8 hex digits> <json>\n`. JSON holds no newline, so a damaged line is one lost line and the
 * reader is back in step at the next.
 */
import { crc32 } from "node:zlib"

const newline = 0x0a
const prefix = 9

const hex = (crc: number): string => crc.toString(16).padStart(8, "0")

export const encode = (json: string): string => `${hex(crc32(json))} ${json}\n`

/** The checksum of a line whose JSON is already encoded. */
export const mark = (json: Uint8Array): Buffer => Buffer.from(`${hex(crc32(json))} `, "latin1")

/** The JSON of the line in `[start, end)`, or nothing when it is not what was written. */
export const check = (file: Buffer, start: number, end: number): string | undefined => {
  if (
    end - start <= prefix ||
    file.toString("latin1", start, start + prefix - 1) !== hex(crc32(file.subarray(start + prefix, end)))
  ) {
    return undefined
  }
  return file.toString("utf8", start + prefix, end)
}

/** Every line in order; undefined stands for a damaged one. A last line without its newline is damaged. */
export function* lines(file: Buffer): Generator<string | undefined> {
  let start = 0
  while (start < file.length) {
    const end = file.indexOf(newline, start)
    if (end < 0) {
      yield undefined
      return
    }
    yield check(file, start, end)
    start = end + 1
  }
}
