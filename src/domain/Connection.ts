/** A configured way to a runtime: what a person may write about it, by one set of rules for the API, the CLI and the file. */
import { Result, Schema } from "effect"
import { fieldErrors } from "./api/FieldErrors.ts"
import { normalise } from "./Endpoint.ts"
import { DisplayName, RuntimeId } from "./Identifiers.ts"
import type { FieldError } from "./Problem.ts"

/** The kind that `[[runtimes.remote]]` declares. */
export const REMOTE_HTTP = "remote_http"

/** Made by the backend itself; nobody configures one. */
export const EMBEDDED = "embedded"

/** Characters of a token reference. */
export const MAX_TOKEN_REF_LENGTH = 512

/** Name of a source kind: a built-in one or a plugin's. */
export const Kind = Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9_.-]{0,63}$/))

/** `scheme:name`, for instance `env:NAME`, `file:path` or `local:name`. A name of a secret, never the secret. */
export const TokenRef = Schema.String.check(
  Schema.isMaxLength(MAX_TOKEN_REF_LENGTH),
  Schema.isPattern(/^[a-z][a-z0-9-]{0,31}:[^\p{C}]+$/u)
)

const Options = Schema.Record(Schema.String, Schema.Json)

export const ConnectionEntry = Schema.Struct({
  id: RuntimeId,
  kind: Kind,
  /** In the normal form of `Endpoint.normalise`. Required for `remote_http`. */
  endpoint: Schema.optionalKey(Schema.String),
  display_name: Schema.optionalKey(DisplayName),
  token_ref: Schema.optionalKey(TokenRef),
  /** What the kind's own schema decodes. */
  options: Schema.optionalKey(Options)
})
export type ConnectionEntry = typeof ConnectionEntry.Type

const Draft = Schema.Struct({ ...ConnectionEntry.fields, kind: Schema.optionalKey(Kind) })

/** Members that are absent stay as they are; `null` removes one. Id and kind never change. */
export const ConnectionPatch = Schema.Struct({
  endpoint: Schema.optionalKey(Schema.NullOr(Schema.String)),
  display_name: Schema.optionalKey(Schema.NullOr(DisplayName)),
  token_ref: Schema.optionalKey(Schema.NullOr(TokenRef)),
  options: Schema.optionalKey(Schema.NullOr(Options))
})
export type ConnectionPatch = typeof ConnectionPatch.Type

type Checked<A> = Result.Result<A, ReadonlyArray<FieldError>>

const strict = { onExcessProperty: "error", errors: "all" } as const
const decodeDraftShape = Schema.decodeUnknownResult(Draft, strict)
const decodePatchShape = Schema.decodeUnknownResult(ConnectionPatch, strict)

const secretNames = new Set(
  "token password passwd passphrase secret bearer bearertoken accesstoken authtoken refreshtoken apikey apitoken clientsecret privatekey authorization credential credentials".split(
    " "
  )
)

/** Whether a member's name says that its value is a secret. Names of references (`token_ref`) do not. */
export const isSecretName = (name: string): boolean => secretNames.has(name.toLowerCase().replace(/[^a-z0-9]/g, ""))

/** Said wherever a raw secret turns up. */
export const RAW_SECRET_SENTENCE = "Secrets are not stored here. Name the secret in token_ref, for instance env:NAME."

/** Levels of options that are searched; deeper ones cannot be stored. */
const MAX_OPTIONS_DEPTH = 32

/** Pointers to the members that hold a raw secret, options included. */
export const rawSecrets = (value: unknown, pointer = "", depth = 0): ReadonlyArray<string> => {
  if (typeof value !== "object" || value === null || depth > MAX_OPTIONS_DEPTH) return []
  return Object.entries(value).flatMap(([name, member]) => {
    const here = `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`
    return !Array.isArray(value) && isSecretName(name) ? [here] : rawSecrets(member, here, depth + 1)
  })
}

const refuseSecrets = (input: unknown): Checked<unknown> => {
  const found = rawSecrets(input)
  if (found.length === 0) return Result.succeed(input)
  return Result.fail(found.map((pointer) => ({ pointer, code: "raw_secret", message: RAW_SECRET_SENTENCE })))
}

const checkEndpoint = (endpoint: string): Checked<string> =>
  Result.mapError(normalise(endpoint), (code) => [{ pointer: "/endpoint", code }])

const withEndpoint = <A extends { readonly endpoint?: string | null }>(value: A): Checked<A> =>
  typeof value.endpoint === "string"
    ? Result.map(checkEndpoint(value.endpoint), (endpoint) => ({ ...value, endpoint }))
    : Result.succeed(value)

const kindRules = (entry: ConnectionEntry): Checked<ConnectionEntry> => {
  if (entry.kind === EMBEDDED) return Result.fail([{ pointer: "/kind", code: "reserved" }])
  if (entry.kind === REMOTE_HTTP && entry.endpoint === undefined) {
    return Result.fail([{ pointer: "/endpoint", code: "missing" }])
  }
  return Result.succeed(entry)
}

/** A new connection from untrusted input, normalised; `kind` defaults to `remote_http`. */
export const decodeEntry = (input: unknown): Checked<ConnectionEntry> =>
  Result.gen(function* () {
    yield* refuseSecrets(input)
    const draft = yield* Result.mapError(decodeDraftShape(input), (error) => fieldErrors(error.issue))
    return yield* kindRules(yield* withEndpoint({ ...draft, kind: draft.kind ?? REMOTE_HTTP }))
  })

/** A change to a connection from untrusted input, normalised. */
export const decodePatch = (input: unknown): Checked<ConnectionPatch> =>
  Result.gen(function* () {
    yield* refuseSecrets(input)
    return yield* withEndpoint(yield* Result.mapError(decodePatchShape(input), (error) => fieldErrors(error.issue)))
  })

/** The entry after the change; refused when it would not be a valid entry any more. */
export const applyPatch = (entry: ConnectionEntry, patch: ConnectionPatch): Checked<ConnectionEntry> => {
  const { endpoint, display_name, token_ref, options } = patch
  const kept = <A>(change: A | null | undefined, current: A | undefined) => (change === undefined ? current : change)
  const defined = Object.entries({
    endpoint: kept(endpoint, entry.endpoint),
    display_name: kept(display_name, entry.display_name),
    token_ref: kept(token_ref, entry.token_ref),
    options: kept(options, entry.options)
  }).filter(([, value]) => value !== undefined && value !== null)
  return decodeEntry({ id: entry.id, kind: entry.kind, ...Object.fromEntries(defined) })
}
