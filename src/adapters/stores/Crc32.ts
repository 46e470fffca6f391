/**
 * CRC-32 of a stretch of a buffer, which may go on from that of what came before it. zlib sums faster, but the call into
 * it costs as much as summing some 200 bytes here, and most heads and lines are shorter.
 */
import { crc32 } from "node:zlib"

/** Longer stretches go to zlib; found by measuring. */
export const shortBytes = 256

/** Eight tables in one: what a byte does to the sum with none to seven bytes behind it. */
const table = new Int32Array(2_048)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  table[byte] = crc
}
for (let at = 256; at < table.length; at++) table[at] = (table[at - 256]! >>> 8) ^ table[table[at - 256]! & 0xff]!

export const crcOf = (buffer: Buffer, start: number, end: number, before = 0): number => {
  if (end - start > shortBytes) return crc32(buffer.subarray(start, end), before)
  let crc = ~before
  let at = start
  for (; at + 8 <= end; at += 8) {
    crc ^= buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24)
    crc =
      table[1_792 + (crc & 0xff)]! ^
      table[1_536 + ((crc >>> 8) & 0xff)]! ^
      table[1_280 + ((crc >>> 16) & 0xff)]! ^
      table[1_024 + (crc >>> 24)]! ^
      table[768 + buffer[at + 4]!]! ^
      table[512 + buffer[at + 5]!]! ^
      table[256 + buffer[at + 6]!]! ^
      table[buffer[at + 7]!]!
  }
  for (; at < end; at++) crc = table[(crc ^ buffer[at]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}
