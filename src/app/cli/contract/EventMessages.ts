/** Server-sent events as a reader gets them, for streams that have ended. */
import { Option } from "effect"
import * as Json from "../../../adapters/remote-http/Json.ts"

export interface EventMessage {
  /** Where to resume from; absent for a message that moves nothing. */
  readonly id?: string
  /** Undefined when it is not JSON. */
  readonly data: unknown
}

const fieldOf = (lines: ReadonlyArray<string>, name: string): string | undefined => {
  const values = lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1))
  // One blank after the colon is not part of the value.
  return values.length === 0 ? undefined : values.map((value) => value.replace(/^ /, "")).join("\n")
}

/** Comments, such as heartbeats, are no messages. */
export const parse = (text: string): ReadonlyArray<EventMessage> =>
  text.split(/\r?\n\r?\n/).flatMap((block) => {
    const lines = block.split(/\r?\n/)
    const data = fieldOf(lines, "data")
    if (data === undefined) return []
    const id = fieldOf(lines, "id")
    return [{ ...(id === undefined ? undefined : { id }), data: Option.getOrUndefined(Json.parseText(data)) }]
  })
