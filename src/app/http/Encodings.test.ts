import { assert, describe, it } from "@effect/vitest"
import { accepted } from "./Encodings.ts"

const names = (header: string | undefined) => accepted(header).map(({ name }) => name)

describe("the encodings that a client takes", () => {
  it("are those that it names, the smallest first", () => {
    assert.deepStrictEqual(names("gzip, deflate, br, zstd"), ["br", "gzip"])
    assert.deepStrictEqual(names("GZIP;q=0.5"), ["gzip"])
    assert.deepStrictEqual(names("br;q=1.0 , gzip ; q=0.2"), ["br", "gzip"])
  })

  it("are none of those that it refuses", () => {
    for (const no of ["q=0", "q=0.", "q=0.0", "q=0.000", "Q=0"])
      assert.deepStrictEqual(names(`br;${no}, gzip`), ["gzip"], no)
  })

  it("are none where it names none", () => {
    for (const header of [undefined, "", "*", "identity", "brotli", "xbr", ",;,"])
      assert.deepStrictEqual(names(header), [])
  })
})
