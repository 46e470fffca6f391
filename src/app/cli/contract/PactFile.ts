/** A pact file (specification 4), decoded as far as a verifier needs it. */
import { Schema } from "effect"

/** Largest pact file that is read, in bytes: ours has about a tenth of a megabyte. */
export const maxPactBytes = 4_194_304

const Matcher = Schema.Struct({
  match: Schema.String,
  regex: Schema.optionalKey(Schema.String),
  min: Schema.optionalKey(Schema.Int),
  max: Schema.optionalKey(Schema.Int)
})
export type Matcher = typeof Matcher.Type

const Rule = Schema.Struct({ matchers: Schema.Array(Matcher) })
const Rules = Schema.Record(Schema.String, Rule)
/** By the path of the member, for instance `$.worker.status`. */
export type Rules = typeof Rules.Type

const Generator = Schema.Struct({ type: Schema.String, expression: Schema.optionalKey(Schema.String) })
export type Generator = typeof Generator.Type

const Values = Schema.Record(Schema.String, Schema.Array(Schema.String))
const Body = Schema.Struct({ content: Schema.Unknown })

const Request = Schema.Struct({
  method: Schema.Literals(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]),
  path: Schema.String,
  query: Schema.optionalKey(Values),
  headers: Schema.optionalKey(Values),
  body: Schema.optionalKey(Body),
  matchingRules: Schema.optionalKey(Schema.Struct({ header: Schema.optionalKey(Rules) })),
  generators: Schema.optionalKey(
    Schema.Struct({
      path: Schema.optionalKey(Generator),
      body: Schema.optionalKey(Schema.Record(Schema.String, Generator)),
      header: Schema.optionalKey(Schema.Record(Schema.String, Generator))
    })
  )
})
export type Request = typeof Request.Type

const Response = Schema.Struct({
  status: Schema.Int,
  headers: Schema.optionalKey(Values),
  body: Schema.optionalKey(Body),
  matchingRules: Schema.optionalKey(
    Schema.Struct({ header: Schema.optionalKey(Rules), body: Schema.optionalKey(Rules) })
  )
})
export type Response = typeof Response.Type

const named = {
  description: Schema.String,
  providerStates: Schema.optionalKey(Schema.Array(Schema.Struct({ name: Schema.String })))
}

const Http = Schema.Struct({
  type: Schema.Literal("Synchronous/HTTP"),
  ...named,
  request: Request,
  response: Response
})
const Message = Schema.Struct({
  type: Schema.Literal("Asynchronous/Messages"),
  ...named,
  contents: Body,
  matchingRules: Schema.optionalKey(Schema.Struct({ body: Schema.optionalKey(Rules) }))
})
export type Http = typeof Http.Type
export type Message = typeof Message.Type
export type Interaction = Http | Message

export const PactFile = Schema.Struct({
  consumer: Schema.Struct({ name: Schema.String }),
  provider: Schema.Struct({ name: Schema.String }),
  interactions: Schema.Array(Schema.Union([Http, Message]))
})
export type PactFile = typeof PactFile.Type
