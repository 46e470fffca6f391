/** The identifiers that callers may name, and the one grammar they share. */
import { Schema } from "effect"

/**
 * One grammar for every id: 1–96 characters, ASCII letters and digits, `_` and `-`, starting with a letter or digit.
 * ASCII only, so that look-alike characters cannot name a different runtime.
 */
export const idPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,95}$/

/** The backend's own alias of a runtime; the only name of it that a caller ever sees. */
export const RuntimeId = Schema.String.check(Schema.isPattern(idPattern)).pipe(Schema.brand("RuntimeId"))
export type RuntimeId = typeof RuntimeId.Type

/** A worker within one runtime. Authority over a worker is always `runtime_id` + `worker_id`. */
export const WorkerId = Schema.String.check(Schema.isPattern(idPattern)).pipe(Schema.brand("WorkerId"))
export type WorkerId = typeof WorkerId.Type

/** The id of the runtime that lives inside the backend. */
export const embeddedRuntimeId = RuntimeId.make("backend-internal")

/** `Idempotency-Key`: 1–255 visible ASCII characters. */
export const IdempotencyKey = Schema.String.check(Schema.isPattern(/^[\x21-\x7e]{1,255}$/)).pipe(
  Schema.brand("IdempotencyKey")
)
export type IdempotencyKey = typeof IdempotencyKey.Type

/**
 * 1–80 characters without control characters, and without the invisible characters that reorder or hide text, so that
 * two names cannot be made to look alike.
 */
export const DisplayName = Schema.String.check(
  Schema.isPattern(
    // eslint-disable-next-line no-control-regex -- control characters are what this pattern is about
    /^[^\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]{1,80}$/u
  )
)
