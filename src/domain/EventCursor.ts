/**
 * Resume points of an event log. Opaque to everyone else: `<epoch>.<number of the last durable event seen>`. The epoch
 * belongs to one worker's log, so a cursor of another worker or from before a reset can never be taken for a good one.
 */
import { Option } from "effect"

export interface EventCursor {
  readonly epoch: string
  readonly seq: number
}

/** Nothing longer is looked at. */
export const maxCursorLength = 200

const grammar = /^([A-Za-z0-9_-]{1,64})\.(0|[1-9][0-9]{0,14})$/

export const format = (epoch: string, seq: number): string => `${epoch}.${seq}`

/** None when the text cannot be a cursor of ours. */
export const parse = (text: string): Option.Option<EventCursor> => {
  if (text.length > maxCursorLength) return Option.none()
  const match = grammar.exec(text)
  return match === null ? Option.none() : Option.some({ epoch: match[1]!, seq: Number(match[2]) })
}
