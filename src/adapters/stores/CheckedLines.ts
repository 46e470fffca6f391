/**
 * Text files of `<crc32 as 8 hex digits> <json>\n`. JSON holds no newline, so a damaged line is one lost line and the
 * reader is back in step at the next.
 */
import { crc32 } from "node:zlib"
import { crcOf } from "./Crc32.ts"

const newline = 0x0a
const prefix = 9

const hex = (crc: number): string => crc.toString(16).padStart(8, "0")

export const encode = (json: string): string => `${hex(crc32(json))} ${json}\n`

/** Bytes that the checksum adds to a line. */
export const prefixBytes = prefix

const digits = Buffer.from("0123456789abcdef", "latin1")

/**
 * Puts the checksum before a line that is in the file already.
 *
 * @param at where the checksum goes; the JSON starts `prefixBytes` behind it
 * @param end behind the newline
 */
export const seal = (file: Buffer, at: number, end: number): void => {
  const crc = crcOf(file, at + prefix, end - 1)
  for (let digit = 0; digit < 8; digit++) file[at + digit] = digits[(crc >>> (28 - 4 * digit)) & 0xf]!
  file[at + 8] = 0x20
}

/** The JSON of the line in `[start, end)`, or nothing when it is not what was written. */
export const check = (file: Buffer, start: number, end: number): string | undefined => {
  if (
    end - start <= prefix ||
    file.toString("latin1", start, start + prefix - 1) !== hex(crcOf(file, start + prefix, end))
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
