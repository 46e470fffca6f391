/** What may be repeated of a failure that a plugin came up with: a code of the catalogue and words that were fixed before. */
import * as Problem from "../Problem.ts"
import { isCode } from "../ProblemCatalogue.ts"
import { capability } from "../Runtime.ts"
import * as RuntimeFault from "../RuntimeFault.ts"

/** Longest time to wait that a plugin is believed, in milliseconds. */
export const maxRetryAfterMs = 3_600_000

/** Codes that are a source's to say. Others, for instance those of a login, would be about the caller and this backend. */
const sayable: ReadonlySet<Problem.Code> = new Set([
  "invalid_query",
  "invalid_request",
  "invalid_worker_id",
  "invalid_cursor",
  "invalid_initial_input_kind",
  "invalid_profile_selector",
  "unsupported_config_declaration",
  "config_bundle_digest_mismatch",
  "config_bundle_missing",
  "config_bundle_limit_reached",
  "limit_too_large",
  "payload_too_large",
  "idempotency_key_reused",
  "idempotency_in_flight",
  "worker_not_found",
  "worker_id_taken",
  "worker_busy",
  "worker_not_running",
  "worker_limit_reached",
  "worker_execution_unavailable",
  "worker_execution_rejected",
  "execution_backend_unavailable",
  "input_queue_full",
  "queued_input_not_found",
  "permission_not_found",
  "store_io",
  "store_missing",
  "store_corrupt",
  "operation_unsupported",
  "plugin_failed",
  "runtime_stopped",
  "runtime_unreachable",
  "runtime_protocol_error",
  "runtime_incompatible",
  "host_key_refused",
  "runtime_failed",
  "runtime_auth_failed",
  "runtime_unavailable",
  "runtime_timeout",
  "secret_unresolvable",
  "egress_refused"
])

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

const amount = (value: unknown, most: number): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? Math.min(value, most) : undefined

const isFault = (name: string): name is RuntimeFault.RuntimeFault => Object.hasOwn(RuntimeFault.faults, name)

const sentenceOf = (
  code: Problem.Code,
  reason: string | undefined,
  reasons: Readonly<Record<string, string>>
): string | undefined => {
  if (reason === undefined) return undefined
  if (Object.hasOwn(reasons, reason)) return reasons[reason]
  return isFault(reason) && RuntimeFault.faults[reason].code === code ? RuntimeFault.faults[reason].detail : undefined
}

/** How a plugin can fail without naming a problem, in this product's words. */
export const failures = {
  failed: "The plugin failed without saying how.",
  defect: "The plugin broke off with an error of its program.",
  answer: "The plugin's answer does not have the shape that the plugin API defines.",
  code_refused: "The plugin answered with a problem that is not a plugin's to have."
} as const

export const failed = (reason: keyof typeof failures): Problem.Problem<"plugin_failed"> =>
  Problem.make("plugin_failed", failures[reason], { reason })

const isOwn = (reason: unknown): reason is keyof typeof failures =>
  typeof reason === "string" && Object.hasOwn(failures, reason)

/** Whether a failure claims to be a problem; also one that another copy of this package made. */
const saidOf = (failure: unknown): { readonly code: Problem.Code; readonly context: object } | undefined => {
  if (!isRecord(failure)) return undefined
  const { _tag, context, detail } = failure
  if (typeof _tag !== "string" || !isCode(_tag) || typeof detail !== "string" || !isRecord(context)) return undefined
  return { code: _tag, context }
}

const statusFault = (status: number): RuntimeFault.RuntimeFault => {
  if (status === 401) return "unauthorized"
  if (status === 403) return "forbidden"
  if (status === 408 || status === 504) return "no_answer"
  if (status === 429 || status === 503) return "unavailable"
  if (status === 501) return "unsupported"
  return status >= 500 ? "failed" : "wrong_shape"
}

/** Failures of Effect's HTTP client, of decoding and of time-outs, by their tags. */
const ofLibrary = (failure: unknown): Problem.Problem | undefined => {
  if (!isRecord(failure)) return undefined
  if (failure._tag === "SchemaError") return RuntimeFault.problem("wrong_shape")
  if (failure._tag === "TimeoutError") return RuntimeFault.problem("deadline")
  if (failure._tag !== "HttpClientError" || !isRecord(failure.reason)) return undefined
  const { _tag, cause, response } = failure.reason
  if (_tag === "TransportError") return Problem.isProblem(cause) ? cause : RuntimeFault.problem("closed")
  if (_tag === "StatusCodeError" && isRecord(response) && typeof response.status === "number") {
    return RuntimeFault.problem(statusFault(response.status))
  }
  return _tag === "DecodeError" || _tag === "EmptyBodyError" ? RuntimeFault.problem("wrong_shape") : undefined
}

/**
 * The problem that a failure is: one of the host's HTTP client, of a schema or of a time-out becomes what a runtime's own
 * client would say; a problem stays; everything else is `plugin_failed`.
 */
export const problemOf = (failure: unknown): Problem.Problem =>
  Problem.isProblem(failure) ? failure : (ofLibrary(failure) ?? failed("failed"))

/** A failure of somebody else's plugin, without a word of its own. */
export const ofPlugin = (failure: unknown, reasons: Readonly<Record<string, string>>): Problem.Problem => {
  const said = saidOf(failure) ?? saidOf(ofLibrary(failure))
  if (said === undefined) return failed("failed")
  if (!sayable.has(said.code)) return failed("code_refused")
  const { capability: lacking, errors, max, reason, retry_after_ms } = said.context as Readonly<Record<string, unknown>>
  if (said.code === "plugin_failed" && isOwn(reason)) return failed(reason)
  const known = {
    // A free word could be a value: only words that were fixed before are repeated.
    reason: typeof reason === "string" && (isFault(reason) || Object.hasOwn(reasons, reason)) ? reason : undefined,
    capability: capabilities.has(lacking) ? lacking : undefined,
    errors: errorsOf(errors),
    max: amount(max, Number.MAX_SAFE_INTEGER),
    retry_after_ms: amount(retry_after_ms, maxRetryAfterMs)
  }
  const context = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined))
  return Problem.make(said.code, sentenceOf(said.code, known.reason, reasons), context)
}

/** Members of a request, and words for what is wrong with one; a value of the caller's can be neither. */
const members: ReadonlySet<unknown> = new Set(
  "option_id permission_id input_id worker_id profile limit cursor state content kind mode reason display_name config_bundle initial_input"
    .split(" ")
    .map((name) => `/${name}`)
)
const flaws: ReadonlySet<unknown> = new Set(
  "missing unexpected invalid unknown too_small too_large too_long too_short wrong_type".split(" ")
)

/** Errors at members, without their words. */
const errorsOf = (errors: unknown): ReadonlyArray<Problem.FieldError> | undefined => {
  if (!Array.isArray(errors)) return undefined
  const known = errors.flatMap((one: unknown) =>
    isRecord(one) && members.has(one.pointer) && flaws.has(one.code)
      ? [{ pointer: one.pointer as string, code: one.code as string }]
      : []
  )
  return known.length === 0 ? undefined : known.slice(0, members.size)
}

const capabilities: ReadonlySet<unknown> = new Set(Object.values(capability))

/** Names that say what kind of mistake it was, and nothing else. Any other name could be a value. */
const names: ReadonlySet<unknown> = new Set([
  "Error",
  "AggregateError",
  "EvalError",
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "TypeError",
  "URIError",
  "AbortError",
  "TimeoutError",
  "HttpClientError",
  "PlatformError",
  "SchemaError"
])

/** The kind of a thrown thing, for a log: a well-known name, and never what it says. */
export const nameOf = (thrown: unknown): string => {
  if (!isRecord(thrown)) return typeof thrown
  return [thrown._tag, thrown.name].find((name): name is string => names.has(name)) ?? "object"
}

/** File, line and column of a stack frame, without its folders. */
const frame = /([A-Za-z0-9_.-]{1,60}\.[cm]?[jt]s):([0-9]{1,7}):([0-9]{1,7})\)?$/

/** Where in its program something was thrown, for its author: `index.mjs:12:5`, or nothing. */
export const whereOf = (thrown: unknown): string => {
  if (!isRecord(thrown) || typeof thrown.stack !== "string" || typeof thrown.message !== "string") return ""
  const end = thrown.stack.indexOf(thrown.message)
  const frames = end < 0 ? "" : thrown.stack.slice(end + thrown.message.length)
  const found = frame.exec(frames.split("\n").find((line) => /^ {4}at /.test(line)) ?? "")
  return found === null ? "" : `${found[1]}:${found[2]}:${found[3]}`
}
