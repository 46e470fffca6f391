/**
 * The frame of one record in the log: who, in which order, and checksums of both halves, so that a reader tells a torn
 * end from a damaged middle, and still knows whose record it was when only the body is bad.
 *
 * `magic u32 | crc u32 of the rest of the head | body length u32 | crc u32 of the body | lsn u48 | batch u48 |
 * events u32 | items u32 | kind u8 | id length u8 | id | body`, little endian. The body is lines of JSON: one head line,
 * then the events, then the items.
 */
import { crcOf } from "./Crc32.ts"

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

/** Memory to write records into: numbers go in by the view. */
export interface Memory {
  readonly buffer: Buffer
  readonly view: DataView
}

export const memory = (bytes: number): Memory => {
  const buffer = Buffer.allocUnsafeSlow(bytes)
  return { buffer, view: new DataView(buffer.buffer, buffer.byteOffset, buffer.length) }
}

const setUint48 = (view: DataView, at: number, value: number): void => {
  view.setUint32(at, value % 0x1_0000_0000, true)
  view.setUint16(at + 4, Math.floor(value / 0x1_0000_0000), true)
}

/** Fills in the head of a record whose id and body are in place; both lengths in bytes. */
export const seal = (
  { buffer, view }: Memory,
  start: number,
  idLength: number,
  bodyLength: number,
  head: Omit<Head, "id">
): void => {
  const bodyStart = start + headLength + idLength
  view.setUint32(start, magicNumber, true)
  view.setUint32(start + 8, bodyLength, true)
  view.setUint32(start + 12, crcOf(buffer, bodyStart, bodyStart + bodyLength), true)
  setUint48(view, start + 16, head.lsn)
  setUint48(view, start + 22, head.batch)
  view.setUint32(start + 28, head.events, true)
  view.setUint32(start + 32, head.items, true)
  view.setUint8(start + 36, head.kind)
  view.setUint8(start + 37, idLength)
  view.setUint32(start + 4, crcOf(buffer, start + 8, bodyStart), true)
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
  if (buffer.readUInt32LE(start + 4) !== crcOf(buffer, start + 8, bodyStart)) return undefined
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
    whole: end <= buffer.length && buffer.readUInt32LE(start + 12) === crcOf(buffer, bodyStart, end)
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
