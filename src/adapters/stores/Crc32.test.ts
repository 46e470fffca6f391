import { crc32 } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { crcOf, shortBytes } from "./Crc32.ts"

const bytes = Buffer.from(Array.from({ length: 600 }, (_, at) => (at * 7_919) >>> 3))

describe("the checksum of a stretch", () => {
  it("is zlib's, of every length, wherever it starts", () => {
    for (const start of [0, 1, 2, 3, 5]) {
      for (let end = start; end <= start + shortBytes + 20; end++) {
        assert.strictEqual(crcOf(bytes, start, end), crc32(bytes.subarray(start, end)), `${start} to ${end}`)
      }
    }
  })

  it("goes on from that of what came before", () => {
    for (const middle of [0, 1, 8, 343, 344, 345, 599, 600]) {
      assert.strictEqual(crcOf(bytes, middle, 600, crcOf(bytes, 0, middle)), crc32(bytes), `cut at ${middle}`)
    }
  })
})
