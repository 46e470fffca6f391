/** What a runtime sends on an event stream, decoded as far as it is used. Unknown kinds and members pass unharmed. */
import { Option, Schema } from "effect"
import type { ResyncReason } from "../../domain/EventLog.ts"
import { Snapshot } from "../../domain/Snapshot.ts"
import type { TerminalState } from "../../domain/Worker.ts"
import type { WorkerEvent } from "../../domain/WorkerEvent.ts"
import * as Json from "./Json.ts"

/** The longest cursor or event id that is taken from a runtime, in UTF-16 units. */
export const maxCursorLength = 1_024

/** Opaque; some runtimes write a number. */
const Opaque = Schema.Union([Schema.String.check(Schema.isMaxLength(maxCursorLength)), Schema.Int])

const Kind = Schema.Struct({ kind: Schema.String })

const Envelope = Schema.Struct({
  envelope: Schema.Struct({
    cursor: Opaque,
    event_id: Opaque,
    worker_id: Schema.String,
    payload: Schema.Struct({
      event: Schema.String.check(Schema.isMaxLength(maxCursorLength)),
      data: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown)))
    })
  })
})

const Bookmark = Schema.Struct({ cursor: Opaque })
const Resync = Schema.Struct({ reason: Schema.String })
const End = Schema.Struct({ status: Schema.Literals(["stopped", "cancelled"]) })

const decodeKind = Schema.decodeUnknownOption(Kind)
const decodeEnvelope = Schema.decodeUnknownOption(Envelope)
const decodeBookmark = Schema.decodeUnknownOption(Bookmark)
const decodeResync = Schema.decodeUnknownOption(Resync)
const decodeEnd = Schema.decodeUnknownOption(End)
const decodeSnapshot = Schema.decodeUnknownOption(Snapshot)

export type WireFrame =
  | { readonly kind: "hello" }
  | {
      readonly kind: "event"
      readonly cursor: string
      readonly event_id: string
      readonly worker_id: string
      readonly event: WorkerEvent
    }
  | { readonly kind: "bookmark"; readonly cursor: string }
  | { readonly kind: "resync"; readonly reason: ResyncReason }
  | { readonly kind: "end"; readonly state: TerminalState }
  /** Nothing that a consumer needs to know: a diagnostic, or a kind that is newer than this. */
  | { readonly kind: "other" }

const reasons: ReadonlySet<string> = new Set(["expired", "epoch_changed", "overflow", "invalid"])
const isReason = (reason: string): reason is ResyncReason => reasons.has(reason)

const other: Option.Option<WireFrame> = Option.some({ kind: "other" })

/** None for a frame that breaks the rules. */
export const decode = (text: string): Option.Option<WireFrame> => {
  const parsed = Json.parseText(text)
  if (Option.isNone(parsed)) return Option.none()
  const { value } = parsed
  const kind = decodeKind(value)
  if (Option.isNone(kind)) return Option.none()
  switch (kind.value.kind) {
    case "event":
      return Option.map(decodeEnvelope(value), ({ envelope: { cursor, event_id, payload, worker_id } }) => ({
        kind: "event",
        cursor: String(cursor),
        event_id: String(event_id),
        worker_id,
        event: { event: payload.event, data: payload.data ?? {} }
      }))
    case "hello":
      return Option.some({ kind: "hello" })
    case "bookmark":
      return Option.map(decodeBookmark(value), ({ cursor }) => ({ kind: "bookmark", cursor: String(cursor) }))
    case "resync":
      return Option.map(decodeResync(value), ({ reason }) => ({
        kind: "resync",
        reason: isReason(reason) ? reason : "expired"
      }))
    case "end":
      return Option.map(decodeEnd(value), ({ status }) => ({ kind: "end", state: status }))
    default:
      return other
  }
}

/** The snapshot in a `snapshot` event of the current dialect. */
export const snapshotOf = (event: WorkerEvent): Option.Option<Snapshot> => decodeSnapshot(event.data)
