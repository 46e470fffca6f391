/** What the backend asks of a plugin's host, and what the host asks of the backend. Connections have channels of their own. */
import { Schema } from "effect"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import { StepName } from "../../domain/ConnectionTest.ts"
import { Capabilities } from "../../domain/Runtime.ts"
import { ProblemSchema } from "./ProblemSchema.ts"

/** The backend asks on this channel … */
export const hostChannel = 0

/** … and answers on this one. */
export const backendChannel = 1

/** Channels from here on belong to connections and to secret schemes; the backend gives them out. */
export const firstChannel = 2

const Networks = Schema.Array(Schema.String)

/** As the config file has it. */
export const Policy = Schema.Struct({
  allow_private: Schema.optionalKey(Schema.Boolean),
  allow: Schema.optionalKey(Networks),
  deny: Schema.optionalKey(Networks),
  ports: Schema.optionalKey(Schema.Array(Schema.Int))
})

/** Everything that is said of a kind, beside its program. */
export const SourceFacts = Schema.Struct({
  type: Schema.Literal("runtime_source"),
  kind: Schema.String,
  label: Schema.String,
  description: Schema.String,
  endpoint: Schema.Literals(["required", "none"]),
  /** JSON Schema (draft 2020-12) of a connection's `options`. */
  options: Schema.Record(Schema.String, Schema.Json),
  secretFields: Schema.Array(Schema.String),
  capabilities: Schema.optionalKey(Capabilities),
  reasons: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  reach: Schema.Boolean
})
export type SourceFacts = typeof SourceFacts.Type

export const SchemeFacts = Schema.Struct({
  type: Schema.Literal("secret_scheme"),
  scheme: Schema.String,
  description: Schema.String,
  secretFields: Schema.Array(Schema.String)
})
export type SchemeFacts = typeof SchemeFacts.Type

export const Facts = Schema.Union([SourceFacts, SchemeFacts])
export type Facts = typeof Facts.Type

const Remark = Schema.Struct({ code: Schema.String, summary: Schema.String, fix: Schema.String })

/** What happens on the way to a runtime, in order: a step begins, ends well with something to say, fails, or is left out. */
export const ReachNews = Schema.Union([
  Schema.Struct({ news: Schema.Literal("begun"), step: StepName }),
  Schema.Struct({ news: Schema.Literal("passed"), said: Schema.Union([Schema.String, Remark]) }),
  Schema.Struct({ news: Schema.Literal("failed"), problem: ProblemSchema }),
  Schema.Struct({ news: Schema.Literal("skipped"), step: StepName, code: Schema.String, summary: Schema.String })
])
export type ReachNews = typeof ReachNews.Type

/** Why a plugin is not there; the sentence names no place. */
export const Refusal = Schema.Struct({ reason: Schema.String, sentence: Schema.String })

const Settings = Schema.optionalKey(Schema.Record(Schema.String, Schema.Json))

/** A connection as configured, without the reference to its token: whether it has one is all that the host learns. */
export const Opening = Schema.Struct({
  kind: Schema.String,
  id: Schema.String,
  display_name: Schema.String,
  endpoint: Schema.optionalKey(Schema.String),
  has_token: Schema.Boolean,
  options: Schema.Record(Schema.String, Schema.Json)
})
export type Opening = typeof Opening.Type

const channel = Schema.Int
const error = ProblemSchema

export const HostRpcs = RpcGroup.make(
  /** Once, first of all. */
  Rpc.make("load", {
    payload: { file: Schema.String, settings: Settings, policy: Policy },
    success: Schema.Array(Facts),
    error: Refusal
  }),
  /** Serves the connection's source on the channel. */
  Rpc.make("open", { payload: { channel, opening: Opening }, error }),
  /** Goes the way to the runtime; a failure that was a step's is told as its news only. */
  Rpc.make("reach", { payload: { channel, opening: Opening }, success: ReachNews, error, stream: true }),
  /** `selective`: the plugin itself says what the API may name. It is not asked over this distance: then nothing is. */
  Rpc.make("openScheme", {
    payload: { channel, scheme: Schema.String },
    success: Schema.Struct({ selective: Schema.Boolean }),
    error
  }),
  Rpc.make("resolve", { payload: { channel, rest: Schema.String }, success: Schema.String, error }),
  Rpc.make("close", { payload: { channel } }),
  /** Answered at once by a host whose event loop turns. */
  Rpc.make("ping")
)

export const BackendRpcs = RpcGroup.make(
  Rpc.make("token", { payload: { channel }, success: Schema.String, error }),
  Rpc.make("secret", { payload: { channel, ref: Schema.String }, success: Schema.String, error })
)
