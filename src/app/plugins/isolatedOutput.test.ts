/** What of a plugin's output is logged. */
import { PassThrough } from "node:stream"
import { assert, describe, it } from "@effect/vitest"
import { maxHidden } from "./isolatedBounds.ts"
import { hiddenText, make } from "./isolatedOutput.ts"

/** What is logged of texts that a plugin writes. */
const logged = async (secrets: ReadonlyArray<string>, ...texts: ReadonlyArray<string>) => {
  const lines: Array<string> = []
  const output = make(
    (line) => void lines.push(line),
    () => 0
  )
  for (const secret of secrets) output.hide(secret)
  const stream = new PassThrough()
  output.follow(stream)
  for (const text of texts) stream.write(text)
  await new Promise<void>((resolve) => stream.on("end", resolve).end())
  return lines
}

const key = "-----BEGIN KEY-----\nAAAAB3NzaC1yc2E\nbase64base64\n-----END KEY-----\n"

describe("a plugin's output", () => {
  it("does not repeat a secret of many lines, line by line, in pieces or as JSON", async () => {
    const lines = await logged([key], `bad key: ${key.slice(0, 30)}`, key.slice(30), `${JSON.stringify({ key })}\n`)
    const said = lines.join("\n")
    for (const part of key.trim().split("\n")) assert.notInclude(said, part)
    assert.include(said, "bad key:")
    assert.include(said, hiddenText)
  })

  it("hides the latest secrets, and remembers no more of them than it says", async () => {
    const secrets = Array.from({ length: maxHidden + 1 }, (_, n) => `token-${n};`)
    const lines = await logged(secrets, "token-0; token-1; token-1000;\n")
    assert.deepStrictEqual(lines, [`token-0; ${hiddenText} ${hiddenText}`])
  })
})
