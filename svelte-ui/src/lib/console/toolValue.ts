/** What a tool took or gave, as text for people. Content of agents is read for what it says; anything else is JSON. */
import { type Data, isRecord, printed, text, whole } from "./payload.ts"

export interface Shown {
  readonly text: string
  /** Length of a value that was too large to be kept; 0 when it is all there. */
  readonly leftOut: number
}

/** Of a call's arguments so many UTF-16 units stand in its head line. */
export const maxPreview = 160

export const shown = (value: unknown): Shown => {
  if (isRecord(value) && value["omitted"] === true && Object.keys(value).length === 2)
    return { text: "", leftOut: whole(value["length"]) }
  if (Array.isArray(value) && value.length > 0) {
    const pieces = value.map((one) => (isRecord(one) ? contentText(one) : undefined))
    if (pieces.every((piece) => piece !== undefined)) return { text: pieces.join("\n"), leftOut: 0 }
  }
  return { text: printed(value), leftOut: 0 }
}

/** A piece of content of the Agent Client Protocol; undefined when it is none that can be read. */
const contentText = (piece: Data): string | undefined => {
  if (piece["type"] === "content" && isRecord(piece["content"]) && typeof piece["content"]["text"] === "string")
    return piece["content"]["text"]
  if (piece["type"] !== "diff" || typeof piece["newText"] !== "string") return undefined
  const signed = (sign: string, value: unknown) =>
    text(value) === ""
      ? []
      : text(value)
          .replace(/\n$/, "")
          .split("\n")
          .map((line) => `${sign} ${line}`)
  return [text(piece["path"]), ...signed("-", piece["oldText"]), ...signed("+", piece["newText"])].join("\n")
}

/** The arguments of a call in one line, `path: src/a.ts · limit: 20`; empty while they are still being written. */
export const preview = (input: string): string => {
  const value = parsed(input)
  if (!isRecord(value)) return cut(typeof value === "string" ? value : "")
  const members = Object.entries(value).flatMap(([name, member]) =>
    typeof member === "string" || typeof member === "number" || typeof member === "boolean"
      ? [`${name}: ${cut(String(member))}`]
      : []
  )
  return cut(members.join(" · "))
}
const cut = (line: string): string => {
  const flat = line
    .slice(0, maxPreview * 2)
    .replace(/\s+/g, " ")
    .trim()
  return flat.length > maxPreview ? `${flat.slice(0, maxPreview)}…` : flat
}
const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json) as unknown
  } catch {
    return undefined
  }
}
