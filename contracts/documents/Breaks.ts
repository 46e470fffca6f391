/** What a change of a document breaks for those who were written against the one before: one line for each cause. */
import { type Fact, type Facts, factsOf, isRecord, type Json, resolve } from "./Facts.ts"

/** Who writes what the schema describes: a request is written by older callers, an answer or a frame is read by them. */
type Direction = "request" | "answer"

const named = (words: Iterable<string>): string => [...words].join(", ")
const missing = <A>(from: ReadonlySet<A>, to: ReadonlySet<A>): ReadonlyArray<A> => [...from].filter((it) => !to.has(it))

/** `integer` is a `number`; whatever has no type takes everything. */
const takes = (types: ReadonlySet<string>, type: string): boolean =>
  types.has("anything") || types.has(type) || (type === "integer" && types.has("number"))

const retyped = (before: Fact, after: Fact, direction: Direction): boolean => {
  const [from, to] = direction === "request" ? [before, after] : [after, before]
  return [...from.types].some((type) => !takes(to.types, type))
}

/** Codes of errors may become more: a reader judges one that it does not know by the status. */
const isOpen = (at: string): boolean => /(^|\.)code$/.test(at)

const wordBreak = (at: string, before: Fact, after: Fact, direction: Direction): string | undefined => {
  if (before.words !== undefined && after.words !== undefined) {
    const gone = missing(before.words, after.words)
    if (gone.length > 0) return `no longer has the value ${named(gone)}`
    const more = direction === "answer" && !isOpen(at) ? missing(after.words, before.words) : []
    return more.length > 0 ? `has a new value ${named(more)} that older readers do not know` : undefined
  }
  if (direction === "request" && after.words !== undefined) return `takes only ${named(after.words)} now`
  if (direction === "answer" && before.words !== undefined && !isOpen(at)) return "can have any value now"
  return undefined
}

const memberBreak = (at: string, before: Fact, after: Fact, direction: Direction): string | undefined => {
  if (retyped(before, after, direction)) return `was ${named(before.types)} and is ${named(after.types)}`
  if (direction === "request" && !before.required && after.required) return "has become required"
  if (direction === "answer" && before.required && !after.required) return "may be absent now"
  return wordBreak(at, before, after, direction)
}

const compare = (where: string, before: Facts, after: Facts, direction: Direction): ReadonlyArray<string> => {
  const found: Array<string> = []
  const gone: Array<string> = []
  for (const [at, fact] of before) {
    const now = after.get(at)
    // What was in a member that is gone has no line of its own.
    if (now === undefined && gone.some((above) => at.startsWith(above))) continue
    if (now === undefined) gone.push(at)
    const cause = now === undefined ? "was removed" : memberBreak(at, fact, now, direction)
    if (cause !== undefined) found.push(`${where}${at === "" ? "" : ` ${at}`}: ${cause}`)
  }
  if (direction === "request") {
    for (const [at, fact] of after) {
      if (!fact.required || before.has(at)) continue
      const parent = at.slice(0, at.lastIndexOf("."))
      if (before.has(parent)) found.push(`${where} ${at}: is new and required`)
    }
  }
  return found
}

const entries = (value: Json | undefined): ReadonlyArray<readonly [string, Json]> =>
  isRecord(value) ? Object.entries(value) : []

const methods = new Set(["get", "post", "put", "patch", "delete", "head"])

interface Part {
  readonly where: string
  readonly direction: Direction
  readonly facts: Facts
}

const parametersOf = (document: Json, operation: Json, where: string): ReadonlyArray<Part> => {
  const given = isRecord(operation) && Array.isArray(operation["parameters"]) ? operation["parameters"] : []
  if (given.length === 0) return []
  const properties: Record<string, Json> = {}
  const required: Array<string> = []
  for (const it of given.map((parameter) => resolve(document, parameter))) {
    const name = `${String(it["in"])} ${String(it["name"])}`
    properties[name] = it["schema"] ?? {}
    if (it["required"] === true) required.push(name)
  }
  const facts = factsOf(document, { type: "object", properties, required })
  return [{ where: `${where} parameters`, direction: "request", facts }]
}

const bodiesOf = (document: Json, holder: Json | undefined, where: string, direction: Direction): ReadonlyArray<Part> =>
  entries(resolve(document, holder)["content"]).map(([type, media]) => ({
    where: `${where} ${type}`,
    direction,
    facts: factsOf(document, isRecord(media) ? media["schema"] : undefined)
  }))

/** Every part of an OpenAPI document, or of a document of frames, under the name by which it is told. */
const partsOf = (document: Json): ReadonlyMap<string, Part> => {
  const parts: Array<Part> = []
  const root = isRecord(document) ? document : {}
  for (const [path, item] of entries(root["paths"])) {
    for (const [method, operation] of entries(item).filter(([name]) => methods.has(name))) {
      const where = `${method.toUpperCase()} ${path}`
      const of = resolve(document, operation)
      parts.push({ where, direction: "answer", facts: new Map() }, ...parametersOf(document, of, where))
      parts.push(...bodiesOf(document, of["requestBody"], `${where} request`, "request"))
      for (const [status, response] of entries(of["responses"])) {
        parts.push({ where: `${where} ${status}`, direction: "answer", facts: new Map() })
        parts.push(...bodiesOf(document, response, `${where} ${status}`, "answer"))
      }
    }
  }
  if (!("paths" in root)) {
    for (const [name, schema] of entries(root["$defs"]))
      parts.push({ where: name, direction: "answer", facts: factsOf(document, schema) })
  }
  return new Map(parts.map((part) => [part.where, part]))
}

/** Empty when nobody who was written against `before` can tell the difference to `after`. */
export const breaks = (before: Json, after: Json): ReadonlyArray<string> => {
  const then = partsOf(before)
  const now = partsOf(after)
  const gone: Array<string> = []
  const found: Array<string> = []
  for (const [where, part] of then) {
    if (gone.some((above) => where.startsWith(`${above} `))) continue
    const other = now.get(where)
    if (other === undefined) {
      gone.push(where)
      found.push(`${where}: was removed`)
    } else found.push(...compare(where, part.facts, other.facts, part.direction))
  }
  for (const [where, part] of now) {
    if (part.direction !== "request" || then.has(where)) continue
    const operation = where.split(" ").slice(0, 2).join(" ")
    if (then.has(operation)) found.push(...compare(where, new Map([["", part.facts.get("")!]]), part.facts, "request"))
  }
  return found
}
