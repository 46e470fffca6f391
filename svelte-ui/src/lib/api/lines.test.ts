import { assert, it } from "vitest"
import { LineDecoder, maxLineLength } from "./lines.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const decode = (pieces: ReadonlyArray<Uint8Array>) => {
  const decoder = new LineDecoder()
  const lines = pieces.flatMap((piece) => decoder.push(piece) ?? assert.fail("too long"))
  return { lines, rest: decoder.end() }
}

it("lines are the same wherever the pieces are cut, inside a character too", () => {
  const lines = ['{"a":"接続"}', '{"b":"🙂 é"}', '{"c":1}']
  const whole = bytes(`${lines.join("\n")}\n`)
  for (let first = 0; first <= whole.length; first++)
    for (const second of [first, first + 1, first + 3])
      assert.deepStrictEqual(
        decode([whole.subarray(0, first), whole.subarray(first, second), whole.subarray(second)]),
        { lines, rest: "" },
        `cut at ${first} and ${second}`
      )
  assert.deepStrictEqual(decode(Array.from(whole, (byte) => Uint8Array.of(byte))).lines, lines)
})

it("a line is given as soon as it is whole, not before", () => {
  const decoder = new LineDecoder()
  assert.deepStrictEqual(decoder.push(bytes('{"a":1}\n{"b"')), ['{"a":1}'])
  assert.deepStrictEqual(decoder.push(bytes(":2}")), [])
  assert.deepStrictEqual(decoder.push(bytes("\n")), ['{"b":2}'])
})

it("the last line needs no line break; empty lines and carriage returns mean nothing", () => {
  assert.deepStrictEqual(decode([bytes("\n\r\n1\n\n2")]), { lines: ["1"], rest: "2" })
})

it("a line longer than the bound is refused, whole or not", () => {
  const long = "x".repeat(maxLineLength + 1)
  assert.isUndefined(new LineDecoder().push(bytes(long)))
  assert.isUndefined(new LineDecoder().push(bytes(`${long}\n`)))
  assert.deepStrictEqual(new LineDecoder().push(bytes(`${"x".repeat(maxLineLength)}\n`))?.length, 1)
})
