/** Looks for what nobody may see, wherever it could hide in a value: texts, keys, hidden members, causes, stacks. */
import { Redacted } from "effect"
import type { Hidden } from "./Subject.ts"

/** Objects that are looked into; a value with more is not one that a source should hand out. */
const maxObjects = 200_000

/** Every text in a value, the ways in which it shows itself included. */
const texts = (value: unknown): ReadonlyArray<string> => {
  const found: Array<string> = []
  const seen = new Set<object>()
  const waiting: Array<unknown> = [value]
  while (waiting.length > 0 && seen.size < maxObjects) {
    const it = waiting.pop()
    if (typeof it === "string") found.push(it)
    if (((typeof it !== "object" || it === null) && typeof it !== "function") || seen.has(it)) continue
    seen.add(it)
    // A stack is a getter in some versions of V8 and no member to be found below.
    if (it instanceof Error) found.push(String(it), it.stack ?? "")
    if (it instanceof Map) waiting.push(...it.keys(), ...it.values())
    if (it instanceof Set) waiting.push(...it)
    for (const name of Reflect.ownKeys(it)) {
      found.push(String(name))
      const member = Object.getOwnPropertyDescriptor(it, name)
      if (member !== undefined && "value" in member) waiting.push(member.value)
    }
  }
  return found
}

/** Forms in which a text is written elsewhere. */
const spellings = (text: string): ReadonlyArray<string> => [
  text,
  encodeURIComponent(text),
  JSON.stringify(text).slice(1, -1)
]

/** Names of what shows in the value. */
export const hidden = (value: unknown, secrets: ReadonlyArray<Hidden>): ReadonlyArray<string> => {
  const all = texts(value)
  return secrets
    .filter(({ text }) => spellings(Redacted.value(text)).some((it) => all.some((found) => found.includes(it))))
    .map(({ name }) => name)
}

/** What no problem may hold, whoever's address or folder it is. */
const addresses: ReadonlyArray<readonly [name: string, pattern: RegExp]> = [
  ["a URL", /\b[a-z][a-z0-9+.-]*:\/\//i],
  ["an IP address", /(^|[^\d.])\d{1,3}(\.\d{1,3}){3}([^\d.]|$)/],
  ["a path", /(^|[\s"'(=:])(\/(home|tmp|var|etc|usr|opt|root|proc|mnt|srv|Users|private)\/|[A-Z]:\\)/],
  ["a stack trace", /\n\s+at .+[:(]\d+/],
  ["a bearer token", /bearer\s+\S/i]
]

/** Names of what a problem shows of addresses, folders and code. */
export const places = (problem: unknown): ReadonlyArray<string> => {
  const all = texts(problem)
  return addresses.filter(([, pattern]) => all.some((text) => pattern.test(text))).map(([name]) => name)
}
