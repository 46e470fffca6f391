/**
 * Everything that can go wrong on the way to a runtime, and the one problem that each becomes. Sources map what they meet
 * to a fault of this list, so that all of them say the same about the same.
 */
import * as Problem from "./Problem.ts"

const fault = <C extends Problem.Code>(code: C, detail: string) => ({ code, detail })

/** By the word that becomes the problem's `reason`. */
export const faults = {
  // Nothing came back
  refused: fault("runtime_unreachable", "The connection was refused: nothing listens there."),
  dns: fault("runtime_unreachable", "The runtime's host name could not be resolved."),
  no_route: fault("runtime_unreachable", "There is no network route to the runtime."),
  reset: fault("runtime_unreachable", "The connection broke off before the answer was complete."),
  closed: fault("runtime_unreachable", "The connection to the runtime has been closed."),
  tls_expired: fault("runtime_unreachable", "The runtime's certificate has expired."),
  tls_not_yet_valid: fault("runtime_unreachable", "The runtime's certificate is not valid yet."),
  tls_name_mismatch: fault("runtime_unreachable", "The runtime's certificate is for another name."),
  tls_self_signed: fault("runtime_unreachable", "The runtime's certificate is self-signed."),
  tls_untrusted: fault("runtime_unreachable", "The runtime's certificate comes from an unknown authority."),
  tls_handshake: fault("runtime_unreachable", "No TLS connection to the runtime could be made."),
  host_lost: fault("runtime_unreachable", "The process that hosts the plugin has ended and is being started again."),
  connect_timeout: fault("runtime_timeout", "The connection to the runtime was not made in time."),
  no_answer: fault("runtime_timeout", "The runtime took the request and did not begin to answer."),
  stalled: fault("runtime_timeout", "The runtime stopped in the middle of its answer."),
  deadline: fault("runtime_timeout", "The runtime's answer was not complete in time."),
  saturated: fault("runtime_timeout", "Too many calls to the runtime are still without an answer."),

  // A command left, and its answer did not come: it may have been carried out
  answer_lost: fault(
    "runtime_unreachable",
    "The connection broke off after the command was sent. Look whether it was carried out before you repeat it."
  ),
  answer_late: fault(
    "runtime_timeout",
    "The command was sent and not answered in time. Look whether it was carried out before you repeat it."
  ),
  failed_midway: fault(
    "runtime_failed",
    "The runtime failed while it handled the command. Look whether it was carried out before you repeat it."
  ),

  // Something came back that no runtime sends
  redirect: fault("runtime_protocol_error", "The answer is a redirect, which is never followed."),
  encoded: fault("runtime_protocol_error", "The answer is compressed although nothing was asked to be."),
  too_large: fault("runtime_protocol_error", "The answer is larger than any answer of a runtime."),
  not_http: fault("runtime_protocol_error", "What answered does not speak HTTP."),
  not_json: fault("runtime_protocol_error", "The answer is not JSON."),
  invalid_json: fault("runtime_protocol_error", "The answer is broken JSON."),
  wrong_shape: fault("runtime_protocol_error", "The answer does not have the shape that the runtime API defines."),
  not_a_runtime: fault("runtime_protocol_error", "What answered does not know the runtime API."),
  wrong_runtime: fault("runtime_protocol_error", "Another runtime answered than the one that was there before."),
  wrong_worker: fault("runtime_protocol_error", "The answer is about another worker."),
  stream: fault("runtime_protocol_error", "The event stream broke the rules of the runtime API."),

  // The runtime said no
  unauthorized: fault("runtime_auth_failed", "The runtime says that the token is missing or wrong."),
  forbidden: fault("runtime_auth_failed", "The runtime says that the token may not do this."),
  unsupported: fault("operation_unsupported", "The runtime says that it does not support this operation."),
  no_method: fault("operation_unsupported", "The runtime's API does not have this operation."),
  no_route_in_api: fault("operation_unsupported", "The runtime's API does not have this path."),
  failed: fault("runtime_failed", "The runtime failed while it handled the request."),
  unavailable: fault("runtime_unavailable", "The runtime is not ready for work."),
  stopped: fault("runtime_unavailable", "The runtime is stopped."),

  // It never left
  policy: fault("egress_refused", "The egress policy does not allow the runtime's address."),
  token: fault(
    "secret_unresolvable",
    "The token cannot be sent: it is empty, too long or holds other than printable characters."
  )
} as const satisfies Record<string, { readonly code: Problem.Code; readonly detail: string }>

export type RuntimeFault = keyof typeof faults

export const runtimeFaults = Object.keys(faults) as ReadonlyArray<RuntimeFault>

/** The problem that a fault is. Its `reason` is the fault's name. */
export const problem = (name: RuntimeFault, context: Problem.Context = {}): Problem.Problem => {
  const { code, detail } = faults[name]
  return Problem.make(code, detail, { reason: name, ...context })
}

/** Failures of a command that no key protects: to repeat it could do it twice. */
const uncertain: ReadonlySet<string | undefined> = new Set<RuntimeFault>([
  "answer_lost",
  "answer_late",
  "failed_midway"
])

export const isUncertain = (problem: Problem.Problem): boolean => uncertain.has(problem.context.reason)
