/** The tail of what a program said, for the message about its end: short, printable, and without the secrets it was given. */
import { formsOf } from "../../domain/SecretForms.ts"

/** Characters that are kept and told, at most. */
export const maxLength = 600

export interface LastWords {
  readonly hear: (text: string) => void
  readonly said: () => string
}

const escape = String.fromCodePoint(27)

/** Escape sequences of terminals, and all that is not printed: a message is one line of plain text. */
const unprintable = new RegExp(`${escape}\\[[0-9;?]*[ -/]*[@-~]|[\\p{Cc}\\p{Cf}\\u2028\\u2029]+`, "gu")

/** @param secrets values that must not be repeated; one that is cut by the window is cut off with it */
export const make = (secrets: ReadonlyArray<string>): LastWords => {
  const hidden = secrets.flatMap(formsOf)
  const window = maxLength + hidden.reduce((longest, secret) => Math.max(longest, secret.length), 0)
  let tail = ""
  return {
    hear: (text) => {
      tail = (tail + text).slice(-window * 2)
    },
    said: () => {
      let text = tail
      for (const secret of hidden) text = text.replaceAll(secret, "•••")
      return Array.from(text.replace(unprintable, " ").replace(/ +/g, " ").trim()).slice(-maxLength).join("")
    }
  }
}
