/** The failure table: whatever a runtime's address does or answers becomes exactly one problem, without a word of the peer. */
import { Option, Schema } from "effect"
import { ErrorBody } from "../../domain/api/RuntimeWire.ts"
import * as Problem from "../../domain/Problem.ts"
import { isCode, rowOf } from "../../domain/ProblemCatalogue.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"
import type { EgressFailure } from "../egress/EgressFailure.ts"
import type { SocketClosed } from "../egress/EgressSocket.ts"
import * as Json from "./Json.ts"

/** Longest time to wait that a runtime is believed, in milliseconds. */
export const maxRetryAfterMs = 3_600_000

export const ofEgress = ({ reason }: EgressFailure): Problem.Problem => {
  switch (reason._tag) {
    case "policy":
      return RuntimeFault.problem("policy", {
        reason: reason.refusal.kind === "address_refused" ? reason.refusal.network : reason.refusal.kind
      })
    case "dns":
    case "refused":
    case "connect_timeout":
    case "reset":
    case "deadline":
    case "redirect":
    case "encoded":
    case "saturated":
    case "closed":
      return RuntimeFault.problem(reason._tag)
    case "unreachable":
      return RuntimeFault.problem("no_route")
    case "tls":
      return RuntimeFault.problem(`tls_${reason.fault}`)
    case "headers_timeout":
      return RuntimeFault.problem("no_answer")
    case "body_idle":
      return RuntimeFault.problem("stalled")
    case "too_large":
      return RuntimeFault.problem("too_large", { max: reason.limit })
    case "protocol":
      return RuntimeFault.problem("not_http")
    case "header_invalid":
      return reason.header === "authorization" ? RuntimeFault.problem("token") : Problem.make("internal")
    case "carrier":
      return reason.problem
    case "path_invalid":
    case "internal":
      return Problem.make("internal")
  }
}

/** Codes that are the runtime's to say, with the status it says them with. Any other is judged by its status. */
const theirs: ReadonlySet<Problem.Code> = new Set([
  "invalid_json",
  "invalid_query",
  "invalid_worker_id",
  "invalid_request",
  "invalid_initial_input_kind",
  "limit_too_large",
  "config_bundle_digest_mismatch",
  "invalid_profile_selector",
  "unsupported_config_declaration",
  "invalid_cursor",
  "worker_not_found",
  "config_bundle_missing",
  "payload_too_large",
  "idempotency_key_reused",
  "idempotency_in_flight",
  "worker_execution_unavailable",
  "execution_backend_unavailable",
  "worker_execution_rejected",
  "worker_busy",
  "input_queue_full",
  "queued_input_not_found",
  "permission_not_found",
  "worker_not_running",
  "worker_id_taken",
  "worker_limit_reached",
  "config_bundle_limit_reached",
  "store_io",
  "store_missing",
  "store_corrupt",
  "runtime_unavailable"
])

const decodeError = Schema.decodeUnknownOption(ErrorBody)

/** What is known about an answer that is no success. */
export interface Refusal {
  readonly status: number
  readonly body: Uint8Array
  readonly retryAfter?: string | Array<string> | undefined
}

const wholeSeconds = /^[0-9]{1,6}$/

/** Only the form in seconds: a date would be one of the peer's clock. */
const retryAfterMs = (header: Refusal["retryAfter"]): number | undefined =>
  typeof header === "string" && wholeSeconds.test(header)
    ? Math.min(maxRetryAfterMs, Number(header) * 1_000)
    : undefined

const byStatus = (status: number, isRuntime: boolean): RuntimeFault.RuntimeFault | Problem.Code => {
  if (status === 401) return "unauthorized"
  if (status === 403) return "forbidden"
  if (status === 404) return isRuntime ? "no_route_in_api" : "not_a_runtime"
  if (status === 405) return "no_method"
  if (status === 501) return "unsupported"
  if (status === 503 || status === 429) return "unavailable"
  if (status === 408 || status === 504) return "no_answer"
  if (status >= 500) return "failed"
  if (!isRuntime) return "not_a_runtime"
  if (status === 400 || status === 422) return "invalid_request"
  if (status === 409) return "worker_execution_rejected"
  if (status === 413) return "payload_too_large"
  return "not_a_runtime"
}

const byCode = (code: string, status: number): RuntimeFault.RuntimeFault | Problem.Code | undefined => {
  if (code === "runtime_stopped") return "stopped"
  if (code === "wrong_runtime") return "wrong_runtime"
  if (code === "operation_unsupported") return "unsupported"
  return isCode(code) && theirs.has(code) && rowOf(code).status === status ? code : undefined
}

const isFault = (name: string): name is RuntimeFault.RuntimeFault => Object.hasOwn(RuntimeFault.faults, name)

/** A complete answer that is no success. */
export const ofAnswer = ({ body, retryAfter, status }: Refusal): Problem.Problem => {
  const said = Option.flatMap(Json.parse(body), decodeError)
  const error = Option.isSome(said) ? said.value.error : undefined
  const named = error === undefined ? undefined : byCode(error.code, status)
  const name = named ?? byStatus(status, error !== undefined)
  const wait = retryAfterMs(retryAfter)
  const max = error?.details?.max
  const context = {
    ...(wait === undefined ? undefined : { retry_after_ms: wait }),
    ...(typeof max === "number" && Number.isSafeInteger(max) && max >= 0 ? { max } : undefined)
  }
  return isFault(name) ? RuntimeFault.problem(name, context) : Problem.make(name, undefined, context)
}

/** Why the runtime closed an event stream. 4400, 4401, 4404 and 4406 are final; after any other it is worth coming back. */
export const ofClose = ({ code }: SocketClosed): Problem.Problem => {
  switch (code) {
    case 1001:
    case 1012:
    case 1013:
    case 4429:
      return RuntimeFault.problem("unavailable")
    case 1002:
    case 1003:
    case 1007:
    case 1008:
    case 1009:
    case 1010:
      return RuntimeFault.problem("stream")
    case 4400:
      return Problem.make("invalid_cursor")
    case 4401:
      return RuntimeFault.problem("unauthorized")
    case 4404:
      return Problem.make("worker_not_found")
    case 4406:
      return RuntimeFault.problem("unsupported", { capability: "events.ws" })
    default:
      return RuntimeFault.problem("closed")
  }
}

/** A command that left without a key: what was lost is more than an answer. */
export const uncertain = (problem: Problem.Problem, sent: boolean): Problem.Problem => {
  if (!sent) return problem
  switch (problem._tag) {
    case "runtime_unreachable":
      return RuntimeFault.problem("answer_lost")
    case "runtime_timeout":
      return RuntimeFault.problem("answer_late")
    case "runtime_failed":
      return RuntimeFault.problem("failed_midway")
    default:
      return problem
  }
}
