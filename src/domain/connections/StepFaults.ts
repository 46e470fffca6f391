/** Where on the way to a runtime a problem shows, and what the person who sees it there can do. */
import type { StepName } from "../ConnectionTest.ts"
import type * as Problem from "../Problem.ts"
import { rowOf } from "../ProblemCatalogue.ts"

/** Reasons that are found out before an answer can be read as one of a runtime. */
const ofHttp: ReadonlySet<string | undefined> = new Set(["redirect", "encoded", "too_large", "not_http"])

/** The step at which a problem of the first call shows. */
export const stepOf = ({ _tag, context: { reason } }: Problem.Problem): StepName => {
  switch (_tag) {
    case "egress_refused":
      return "policy"
    case "invalid_request":
    case "invalid_endpoint":
      return "url"
    case "secret_unresolvable":
    case "runtime_auth_failed":
      return "auth"
    case "host_key_refused":
      return "tls"
    case "runtime_unreachable":
      if (reason === "dns") return "dns"
      if (reason?.startsWith("tls") === true) return "tls"
      return reason === "refused" || reason === "no_route" ? "tcp" : "http"
    case "runtime_timeout":
      return reason === "connect_timeout" ? "tcp" : "http"
    case "runtime_protocol_error":
      return ofHttp.has(reason) ? "http" : "protocol"
    case "runtime_incompatible":
    case "operation_unsupported":
      return "protocol"
    default:
      return "http"
  }
}

/** The catalogue's code, with the reason that tells apart cases of one code. */
export const codeOf = ({ _tag, context: { reason } }: Problem.Problem): string =>
  reason === undefined ? _tag : `${_tag}.${reason}`

/** By reason; what is not here is mended as the catalogue says. */
const fixes: Readonly<Record<string, string>> = {
  refused: "Start the runtime, and check that the port in the endpoint is the one it listens on.",
  dns: "Check the spelling of the host in the endpoint, and that this machine can resolve it.",
  no_route: "Check the network between this machine and the runtime.",
  connect_timeout: "Check that the address is right and that no firewall drops the connection.",
  reset: "Check what stands between this machine and the runtime, for instance a proxy, and the runtime's log.",
  tls_expired: "Renew the runtime's certificate.",
  tls_not_yet_valid: "Check the clocks of both machines.",
  tls_name_mismatch: "Use the host name that the certificate is for, or get a certificate for this one.",
  tls_self_signed: "Put the certificate into the connection's option ca, or use one of a known authority.",
  tls_untrusted: "Put the authority's certificate into the connection's option ca.",
  tls_handshake: "Check that the port speaks TLS; for a runtime without TLS the endpoint starts with http://.",
  no_answer: "Look at the runtime: it takes connections and does not answer.",
  stalled: "Look at the runtime: it stops in the middle of an answer.",
  redirect: "Use the endpoint that the redirect leads to, if it is the runtime's.",
  encoded: "Turn off compression in what stands before the runtime.",
  not_http: "Check the port; for a runtime behind TLS the endpoint starts with https://.",
  not_json: "Check the endpoint: a web page or a proxy answers there.",
  not_a_runtime: "Check the endpoint: another service answers there.",
  wrong_runtime: "Check which runtime listens there now; restart the backend if the change was meant.",
  unauthorized: "Store the runtime's current token under the name in token_ref.",
  no_token: "The runtime asks for a token: name it in token_ref.",
  forbidden: "Use a token that may do this.",
  host_key_unknown:
    "Ask the host's administrator for its key, and put that line into the known hosts of the connection.",
  login_refused:
    "Check the user name, and that the host knows the identity: its public key belongs into authorized_keys.",
  forward_refused: "Allow the forwarding on the host: AllowTcpForwarding and PermitOpen in its sshd_config.",
  not_set: "Store the secret under the name in token_ref, for instance with: secret set local:NAME.",
  readable_by_others: "Take the access of others away: chmod 600.",
  unknown_scheme: "Use env:NAME, file:PATH or local:NAME in token_ref."
}

export const fixOf = ({ _tag, context: { reason } }: Problem.Problem): string =>
  (reason !== undefined && Object.hasOwn(fixes, reason) ? fixes[reason] : undefined) ?? rowOf(_tag).fix
