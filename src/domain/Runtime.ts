/** A runtime as it describes itself, and what the backend has observed about reaching it. */
import { Schema } from "effect"
import { type Profile } from "./Profile.ts"

/** Absent = unsupported; the value is an object so that limits fit. Adding a capability never breaks anyone. */
export const Capabilities = Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Unknown))
export type Capabilities = typeof Capabilities.Type

export const capability = {
  create: "workers.create",
  input: "workers.input",
  stop: "workers.stop",
  cancel: "workers.cancel",
  interrupt: "workers.interrupt",
  permissions: "workers.permissions",
  transcript: "workers.transcript",
  eventsWs: "events.ws",
  eventsSse: "events.sse",
  configBundles: "config_bundles",
  idempotency: "idempotency"
} as const

/** What a runtime answers about itself. `runtime_id` is the runtime's own name, not the backend's alias. */
export interface RuntimeDescription {
  readonly runtime_id: string
  readonly display_name: string | null
  readonly status: "running" | "stopped"
  /** Undefined when the runtime does not say (field v1): then it is judged by what it answers. */
  readonly capabilities: Capabilities | undefined
  readonly worker_count: number
  readonly worker_creation_available: boolean
  readonly profiles: ReadonlyArray<Profile>
  readonly max_transcript_items: number
  readonly version?: string
  readonly epoch?: string
}

/** One thing known about reaching a runtime. */
export const Fact = Schema.Struct({
  value: Schema.Literals(["yes", "no", "unknown"]),
  since: Schema.String,
  /** The problem's code when the value is no. */
  code: Schema.optionalKey(Schema.String)
})
export type Fact = typeof Fact.Type

export const Facts = Schema.Struct({ reachable: Fact, authenticated: Fact, compatible: Fact })
export type Facts = typeof Facts.Type

export const RuntimeStatus = Schema.Literals([
  "running",
  "stopped",
  "unreachable",
  "auth_failed",
  "incompatible",
  "unknown"
])
export type RuntimeStatus = typeof RuntimeStatus.Type
