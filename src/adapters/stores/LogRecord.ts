/**
 * The frame of one record in the log: who, in which order, and checksums of both halves, so that a reader tells a torn
 * end from a damaged middle, and still knows whose record it was when only the body is bad.
 *
 * `magic u32 | crc u32 of the rest of the head | body length u32 | crc u32 of the body | lsn u48 | batch u48 |
 * events u32 | items u32 | kind u8 | id length u8 | id | body`, little endian. The body is lines of JSON: one head line,
 * then the events, then the items.
 */
import { crc32 } from "node:zlib"

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})

/** CRC-32 of the few bytes of a head: for so few the call into zlib costs more than the sum. */
const shortCrc = (buffer: Buffer, start: number, end: number): number => {
  let crc = 0xffffffff
  for (let at = start; at < end; at++) crc = table[(crc ^ buffer[at]!) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

export const kinds = { segment: 1, commit: 2, bundle: 3, remove: 4 } as const
export type Kind = (typeof kinds)[keyof typeof kinds]

/** Bytes that no UTF-8 text contains, so nothing that a worker says can look like a frame. */
export const magic = Buffer.from([0xff, 0x59, 0x57, 0xfe])
const magicNumber = magic.readUInt32LE(0)

/** Length of the head without the id. */
export const headLength = 38

export interface Head {
  readonly kind: Kind
  readonly id: string
  readonly lsn: number
  /** Number of the group commit it was written with: a later one proves that this one was acknowledged. */
  readonly batch: number
  readonly events: number
  readonly items: number
}

/** Fills in the head of a record whose id and body are in place; both lengths in bytes. */
export const seal = (
  buffer: Buffer,
  start: number,
  idLength: number,
  bodyLength: number,
  head: Omit<Head, "id">
): void => {
  const bodyStart = start + headLength + idLength
  buffer.writeUInt32LE(magicNumber, start)
  buffer.writeUInt32LE(bodyLength, start + 8)
  buffer.writeUInt32LE(crc32(buffer.subarray(bodyStart, bodyStart + bodyLength)), start + 12)
  buffer.writeUIntLE(head.lsn, start + 16, 6)
  buffer.writeUIntLE(head.batch, start + 22, 6)
  buffer.writeUInt32LE(head.events, start + 28)
  buffer.writeUInt32LE(head.items, start + 32)
  buffer.writeUInt8(head.kind, start + 36)
  buffer.writeUInt8(idLength, start + 37)
  buffer.writeUInt32LE(shortCrc(buffer, start + 8, bodyStart), start + 4)
}

export interface Found extends Head {
  readonly start: number
  readonly end: number
  readonly bodyStart: number
  /** False when the head is good and the body is not, or is cut off. */
  readonly whole: boolean
}

/** The record that starts exactly here, if its head is good. */
export const at = (buffer: Buffer, start: number): Found | undefined => {
  if (start + headLength > buffer.length || buffer.readUInt32LE(start) !== magicNumber) return undefined
  const idLength = buffer.readUInt8(start + 37)
  const bodyStart = start + headLength + idLength
  if (bodyStart > buffer.length) return undefined
  if (buffer.readUInt32LE(start + 4) !== shortCrc(buffer, start + 8, bodyStart)) return undefined
  const end = bodyStart + buffer.readUInt32LE(start + 8)
  return {
    kind: buffer.readUInt8(start + 36) as Kind,
    id: buffer.toString("latin1", start + headLength, bodyStart),
    lsn: buffer.readUIntLE(start + 16, 6),
    batch: buffer.readUIntLE(start + 22, 6),
    events: buffer.readUInt32LE(start + 28),
    items: buffer.readUInt32LE(start + 32),
    start,
    end,
    bodyStart,
    whole: end <= buffer.length && buffer.readUInt32LE(start + 12) === crc32(buffer.subarray(bodyStart, end))
  }
}

/** The next record with a good head at or after `from`. */
export const next = (buffer: Buffer, from: number): Found | undefined => {
  for (let at_ = buffer.indexOf(magic, from); at_ >= 0; at_ = buffer.indexOf(magic, at_ + 1)) {
    const found = at(buffer, at_)
    if (found !== undefined) return found
  }
  return undefined
}
