/** What an opencode server sends, as far as it is used. Everything else passes unseen. */
import { Option, Schema } from "effect"

const optional = Schema.optionalKey

/** Milliseconds since 1970, as far as a date can be. */
const Time = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 8_640_000_000_000_000 }))

export const Session = Schema.Struct({
  id: Schema.String,
  title: Schema.String,
  /** Set for a session that another one has started for itself. */
  parentID: optional(Schema.String),
  agent: optional(Schema.String),
  time: Schema.Struct({ created: Time, updated: Time, archived: optional(Schema.Finite) })
})
export type Session = typeof Session.Type
export const Sessions = Schema.Array(Session)

export const Part = Schema.Struct({
  id: Schema.String,
  messageID: Schema.String,
  type: Schema.String,
  /** Of a text or a reasoning. */
  text: optional(Schema.String),
  /** Added by opencode itself, and not said by anybody. */
  synthetic: optional(Schema.Boolean),
  ignored: optional(Schema.Boolean),
  time: optional(Schema.Struct({ end: optional(Schema.Finite) })),
  /** Of a tool call. */
  callID: optional(Schema.String),
  tool: optional(Schema.String),
  state: optional(
    Schema.Struct({
      status: Schema.String,
      input: optional(Schema.Unknown),
      title: optional(Schema.String),
      output: optional(Schema.Unknown),
      error: optional(Schema.String)
    })
  ),
  /** Of the end of a step. */
  tokens: optional(Schema.Struct({ input: Schema.Int, output: Schema.Int }))
})
export type Part = typeof Part.Type

const Info = Schema.Struct({ id: Schema.String, role: Schema.Literals(["user", "assistant"]) })

export const Messages = Schema.Array(Schema.Struct({ info: Info, parts: Schema.Array(Part) }))
export type Messages = typeof Messages.Type

/** A session that is not named is idle. */
export const Statuses = Schema.Record(Schema.String, Schema.Struct({ type: Schema.String }))

export const Health = Schema.Struct({ version: Schema.String })

export const Agents = Schema.Array(
  Schema.Struct({
    name: Schema.String,
    description: optional(Schema.NullOr(Schema.String)),
    mode: Schema.String,
    hidden: optional(Schema.NullOr(Schema.Boolean))
  })
)

/** The events of `/event` that are used. */
const Event = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("message.updated"),
    properties: Schema.Struct({ sessionID: Schema.String, info: Info })
  }),
  Schema.Struct({
    type: Schema.Literal("message.part.updated"),
    properties: Schema.Struct({ sessionID: Schema.String, part: Part })
  }),
  Schema.Struct({
    type: Schema.Literal("message.part.delta"),
    properties: Schema.Struct({
      sessionID: Schema.String,
      partID: Schema.String,
      field: Schema.String,
      delta: Schema.String
    })
  }),
  Schema.Struct({
    type: Schema.Literal("session.status"),
    properties: Schema.Struct({ sessionID: Schema.String, status: Schema.Struct({ type: Schema.String }) })
  }),
  Schema.Struct({
    type: Schema.Literal("session.error"),
    properties: Schema.Struct({ sessionID: Schema.String, error: optional(Schema.Struct({ name: Schema.String })) })
  }),
  Schema.Struct({
    type: Schema.Literals(["session.updated", "session.deleted"]),
    properties: Schema.Struct({ sessionID: Schema.String, info: Session })
  })
])
export type Event = typeof Event.Type

const decodeEvent = Schema.decodeUnknownOption(Schema.fromJsonString(Event))

/** Undefined for what is of no use here. */
export const eventOf = (data: string): Event | undefined => Option.getOrUndefined(decodeEvent(data))

/** Whether a part is something that was said, and is complete. */
export const isSaid = (part: Part, role: "user" | "assistant"): boolean =>
  part.type === "text" &&
  part.synthetic !== true &&
  part.ignored !== true &&
  part.text !== undefined &&
  part.text !== "" &&
  (role === "user" || part.time?.end !== undefined)

/** What was said in a session, in order. */
export const saidIn = (messages: Messages) =>
  messages.flatMap(({ info: { role }, parts }) =>
    parts.flatMap((part) => (isSaid(part, role) ? [{ part_id: part.id, role, content: part.text ?? "" }] : []))
  )
