/** What `ssh` says on standard error, as problems. Its words choose one; they are never repeated. */
import * as Problem from "../../domain/Problem.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"
import { unresolvable } from "../../domain/SecretResolver.ts"

const unreachable = (reason: string, detail: string) => Problem.make("runtime_unreachable", detail, { reason })

const ended = unreachable("tunnel_ended", "The SSH connection to the host has ended.")

export const missing = unreachable("ssh_missing", "The program ssh is not installed on the backend's machine.")

export const noFolder = unreachable("folder_unwritable", "The backend cannot write to its temporary folder.")

/** The first that fits; the order is that of a login. */
const said: ReadonlyArray<readonly [words: RegExp, problem: Problem.Problem]> = [
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed|revoked host key/i,
    Problem.make(
      "host_key_refused",
      "The host has shown another key than the one that is known. Somebody may be in between, or the host was set up anew.",
      { reason: "host_key_changed" }
    )
  ],
  [
    /No \S+ host key is known for|Host key verification failed/,
    Problem.make("host_key_refused", "The known hosts of the connection have no key of this host.", {
      reason: "host_key_unknown"
    })
  ],
  [/UNPROTECTED PRIVATE KEY FILE/, unresolvable("readable_by_others")],
  [/Load key .*: (?:invalid format|error in libcrypto)|no such identity/, unresolvable("unreadable")],
  [
    /Permission denied|Too many authentication failures|no mutual signature/,
    Problem.make("runtime_auth_failed", "The host does not let this user in with this identity.", {
      reason: "login_refused"
    })
  ],
  [
    /Unable to negotiate|Bad protocol version|banner line|kex_exchange_identification: .*(?:invalid|protocol)/i,
    Problem.make("runtime_protocol_error", "What answered does not speak SSH in a way that this machine accepts.", {
      reason: "not_ssh"
    })
  ],
  [
    /open failed: administratively prohibited|Stdio forwarding request failed/,
    Problem.make("operation_unsupported", "The host does not allow the forwarding to the runtime.", {
      reason: "forward_refused"
    })
  ],
  [/open failed: connect failed/, RuntimeFault.problem("refused")],
  [/Timeout, server .* not responding|timed out/i, RuntimeFault.problem("connect_timeout")]
]

/** A connection through the tunnel that the host did not make. */
const notMade = /open failed: (?:administratively prohibited|connect failed)/

export const isNotMade = (line: string): boolean => notMade.test(line)

/** @param words what was said on standard error, or the last of it */
export const problemOf = (words: string): Problem.Problem => said.find(([it]) => it.test(words))?.[1] ?? ended
