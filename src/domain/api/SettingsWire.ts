/** What the settings API shows of connections. The one place where an endpoint is shown, to the admin who configured it. */
import { Schema } from "effect"
import { ConnectionEntry } from "../Connection.ts"
import { Diagnostic } from "../Diagnostic.ts"
import { Facts, RuntimeStatus } from "../Runtime.ts"

export const ConnectionView = Schema.Struct({
  id: Schema.String,
  display_name: Schema.String,
  kind: Schema.String,
  origin: Schema.Literals(["built_in", "file"]),
  endpoint: Schema.optionalKey(Schema.String),
  /** A name, never a value. */
  token_ref: Schema.optionalKey(Schema.String),
  options: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
  editable: Schema.Boolean,
  deletable: Schema.Boolean,
  credential: Schema.Literals(["none", "resolvable", "unresolvable", "rejected"]),
  /** Whether it is in the live set. */
  active: Schema.Boolean,
  /** Whether what is live differs from what is written. */
  restart_required: Schema.Boolean,
  status: RuntimeStatus,
  facts: Schema.NullOr(Facts),
  diagnostics: Schema.Array(Diagnostic)
}).annotate({ identifier: "Connection" })
export type ConnectionView = typeof ConnectionView.Type

export const Pending = Schema.Struct({
  added: Schema.Array(Schema.String),
  removed: Schema.Array(Schema.String),
  changed: Schema.Array(Schema.String)
})

export const ConnectionList = Schema.Struct({
  connections: Schema.Array(ConnectionView),
  restart_required: Schema.Boolean,
  pending: Pending,
  /** Whether the file can be changed, and if not, why. */
  writable: Schema.Boolean,
  diagnostics: Schema.Array(Diagnostic)
})

export const Written = Schema.Struct({
  connection: ConnectionView,
  restart_required: Schema.Boolean,
  diagnostics: Schema.Array(Diagnostic)
})

export const Deleted = Schema.Struct({ restart_required: Schema.Boolean, diagnostics: Schema.Array(Diagnostic) })

export const Applied = Schema.Struct({
  applied: Pending,
  restart_required: Schema.Boolean,
  /** Entries of the file that could not be made live. */
  diagnostics: Schema.Array(Diagnostic)
})

export const KindView = Schema.Struct({
  kind: Schema.String,
  label: Schema.String,
  description: Schema.String,
  endpoint: Schema.Literals(["required", "none"]),
  /** JSON Schema of `options`. */
  options_schema: Schema.Record(Schema.String, Schema.Unknown),
  secret_fields: Schema.Array(Schema.String)
}).annotate({ identifier: "Kind" })

/** Members beyond the known ones are let through to the rules of a connection, which refuse them by name: one may be a secret. */
const further = [Schema.Record(Schema.String, Schema.Json)] as const

const Draft = Schema.Struct({
  ...ConnectionEntry.fields,
  id: Schema.String,
  kind: Schema.optionalKey(Schema.String),
  display_name: Schema.optionalKey(Schema.String),
  token_ref: Schema.optionalKey(Schema.String)
})

/** A new connection or a draft; `kind` defaults to `remote_http`. */
export const ConnectionBody = Schema.StructWithRest(Draft, further).annotate({ identifier: "ConnectionDraft" })

const Patch = Schema.Struct({
  endpoint: Schema.optionalKey(Schema.NullOr(Schema.String)),
  display_name: Schema.optionalKey(Schema.NullOr(Schema.String)),
  token_ref: Schema.optionalKey(Schema.NullOr(Schema.String)),
  options: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Json)))
})

/** Members that are absent stay; `null` removes one. */
export const PatchBody = Schema.StructWithRest(Patch, further).annotate({ identifier: "ConnectionPatch" })
