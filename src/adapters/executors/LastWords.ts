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

/** Lines of a stack in the way of Node: whoever reads a worker's state has no use for them, and they hide what was said. */
const stackLines = /^\s+at .*$/gm

/** Absolute paths of two parts and more, also as file URLs: of the machine only the name of the file is told. */
const paths = /(?<![\w.~/\\])(?:file:\/\/)?(?:[A-Za-z]:)?(?:[/\\][^\s/\\:'"`()<>|]+)+[/\\]([^\s/\\:'"`()<>|]+)/g

/** UTF-16 units that are remembered: a stack of some depth, so that what was said before it is still there. */
const remembered = 8_192

/** @param secrets values that must not be repeated; one that is cut by the window is cut off with it */
export const make = (secrets: ReadonlyArray<string>): LastWords => {
  const hidden = secrets.flatMap(formsOf)
  const longest = hidden.reduce((most, secret) => Math.max(most, secret.length), 0)
  const window = Math.max(remembered, (maxLength + longest) * 2)
  let tail = ""
  let cut = false
  return {
    hear: (text) => {
      const all = tail + text
      cut ||= all.length > window
      tail = all.slice(-window)
    },
    said: () => {
      let text = tail
      for (const secret of hidden) text = text.replaceAll(secret, "•••")
      // The end of a secret may be left at the cut, where it is not recognised.
      if (cut) text = text.slice(longest)
      text = text.replace(stackLines, "").replace(paths, "…/$1")
      return Array.from(text.replace(unprintable, " ").replace(/ +/g, " ").trim()).slice(-maxLength).join("")
    }
  }
}
