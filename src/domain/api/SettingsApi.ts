/** The settings API: runtime connections as they are persisted, as they are live, and as they were observed. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { TestReport } from "../ConnectionTest.ts"
import { problems } from "./ProblemDetails.ts"
import * as Wire from "./SettingsWire.ts"

const base = "/settings/runtime-connections"

const anyone = ["invalid_request", "session_required", "origin_refused", "internal"] as const
const body = ["invalid_json", "payload_too_large", "unsupported_media_type", "request_timeout"] as const
const entry = ["invalid_request", "invalid_runtime_id", "invalid_endpoint"] as const
const writing = ["config_changed", "config_unwritable", "config_io"] as const

/** What is no id names no connection. */
const params = { id: Schema.String }

/** An entity tag, or several; `*` means whatever is there. */
const headers = { "if-match": Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1_000))) }

const Flag = Schema.Literals(["true", "false"])
const apply = { apply: Schema.optionalKey(Flag) }
const force = { force: Schema.optionalKey(Flag) }

/** `true`: `application/x-ndjson`, a line `{"kind":"step","step"}` as each step ends, and `{"kind":"report","report"}` last. */
const stream = { stream: Schema.optionalKey(Flag) }

/** With the entity tag of the config that it shows. */
const tagged = <S extends Schema.Top>(schema: S) => HttpApiSchema.WithHeaders(schema, { etag: Schema.String })

const group = HttpApiGroup.make("connections")
  .add(
    HttpApiEndpoint.get("list", base, { success: tagged(Wire.ConnectionList), error: problems(...anyone) }),
    HttpApiEndpoint.post("add", base, {
      headers,
      query: { ...apply, ...force },
      payload: Wire.ConnectionBody,
      success: tagged(Wire.Written.pipe(HttpApiSchema.status(201))),
      error: problems(
        ...anyone,
        ...body,
        ...entry,
        ...writing,
        "runtime_id_taken",
        "runtime_built_in",
        "runtime_in_use"
      )
    }),
    HttpApiEndpoint.get("kinds", `${base}/kinds`, {
      success: Schema.Struct({ kinds: Schema.Array(Wire.KindView) }),
      error: problems(...anyone)
    }),
    HttpApiEndpoint.get("export", `${base}/export`, {
      success: Schema.String.pipe(HttpApiSchema.asText({ contentType: "application/toml" })),
      error: problems(...anyone)
    }),
    HttpApiEndpoint.post("testDraft", `${base}/test`, {
      query: stream,
      payload: Wire.ConnectionBody,
      success: TestReport,
      error: problems(...anyone, ...body, ...entry)
    }),
    HttpApiEndpoint.post("apply", `${base}/apply`, {
      headers,
      query: force,
      success: tagged(Wire.Applied),
      error: problems(...anyone, "config_changed", "config_unwritable", "runtime_in_use")
    }),
    HttpApiEndpoint.patch("edit", `${base}/:id`, {
      params,
      headers,
      query: { ...apply, ...force },
      payload: Wire.PatchBody,
      success: tagged(Wire.Written),
      error: problems(
        ...anyone,
        ...body,
        ...entry,
        ...writing,
        "connection_not_found",
        "runtime_built_in",
        "runtime_in_use"
      )
    }),
    HttpApiEndpoint.delete("remove", `${base}/:id`, {
      params,
      headers,
      query: { ...apply, ...force },
      success: tagged(Wire.Deleted),
      error: problems(...anyone, ...writing, "connection_not_found", "runtime_built_in", "runtime_in_use")
    }),
    HttpApiEndpoint.post("test", `${base}/:id/test`, {
      params,
      query: stream,
      success: TestReport,
      error: problems(...anyone, "connection_not_found", "runtime_built_in")
    })
  )
  .prefix("/api")

export class ConnectionsGroup extends group {}
