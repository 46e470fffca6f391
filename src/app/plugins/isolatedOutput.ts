/** What a plugin writes to its standard output and error: into the log, line by line, bounded, without secrets. */
import type { Readable } from "node:stream"
import { StringDecoder } from "node:string_decoder"
import { formsOf } from "../../domain/SecretForms.ts"
import { linesWindowMs, maxHidden, maxLineLength, maxLines } from "./isolatedBounds.ts"

export interface Output {
  /** From here on the value is not repeated, in none of its forms. */
  readonly hide: (secret: string) => void
  readonly follow: (stream: Readable) => void
}

/** What stands for a secret. */
export const hiddenText = "•••"

const unprintable = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu

/**
 * @param say gets each line
 * @param now milliseconds of any clock that does not go back
 */
export const make = (say: (line: string) => void, now: () => number): Output => {
  /** Forms of secrets, the latest used ones last. */
  const secrets = new Set<string>()
  let windowStart = -Infinity
  let said = 0
  let dropped = 0
  const tell = (line: string) => {
    const at = now()
    if (at - windowStart >= linesWindowMs) {
      if (dropped > 0) say(`${dropped} more lines were not logged.`)
      windowStart = at
      said = 0
      dropped = 0
    }
    if (said >= maxLines) {
      dropped += 1
      return
    }
    said += 1
    let text = line
    for (const secret of secrets) text = text.replaceAll(secret, hiddenText)
    text = text.replace(unprintable, " ").trim()
    if (text !== "") say(text.length > maxLineLength ? `${text.slice(0, maxLineLength)}…` : text)
  }
  return {
    hide: (secret) => {
      for (const form of formsOf(secret)) {
        // What is used again is the latest.
        secrets.delete(form)
        secrets.add(form)
      }
      for (const oldest of secrets) {
        if (secrets.size <= maxHidden) break
        secrets.delete(oldest)
      }
    },
    follow: (stream) => {
      const decoder = new StringDecoder("utf8")
      let rest = ""
      // A line is cut only behind any secret that begins in the part which is shown.
      const kept = () => maxLineLength + [...secrets].reduce((most, secret) => Math.max(most, secret.length), 0)
      let skipping = false
      stream.on("data", (bytes: Buffer) => {
        const lines = (rest + decoder.write(bytes)).split("\n")
        rest = lines.pop() ?? ""
        for (const line of lines) {
          if (!skipping) tell(line)
          skipping = false
        }
        if (rest.length > kept()) {
          if (!skipping) tell(rest)
          skipping = true
          rest = ""
        }
      })
      stream.on("end", () => {
        if (!skipping && rest !== "") tell(rest)
      })
      stream.on("error", () => undefined)
    }
  }
}
