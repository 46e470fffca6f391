/** Why something that left the backend did not come back: one typed failure for HTTP, WebSocket and probes. */
import * as Data from "effect/Data"
import * as Redacted from "effect/Redacted"
import type * as Problem from "../../domain/Problem.ts"
import type { PolicyRefusal } from "./EgressPolicy.ts"

/** What was wrong with the peer's certificate; `handshake` is everything that is not the certificate. */
export type TlsFault = "expired" | "not_yet_valid" | "name_mismatch" | "self_signed" | "untrusted" | "handshake"

/** One tag per thing a caller can tell apart. A member never holds an address, a name, a path or an upstream text. */
export type EgressReason =
  /** The policy said no before anything was dialled. */
  | { readonly _tag: "policy"; readonly refusal: PolicyRefusal }
  /** The name has no address, or the resolver did not answer in time. */
  | { readonly _tag: "dns" }
  /** Nobody listens there. */
  | { readonly _tag: "refused" }
  /** The network says that there is no way to the address. */
  | { readonly _tag: "unreachable" }
  | { readonly _tag: "connect_timeout" }
  | { readonly _tag: "tls"; readonly fault: TlsFault }
  /** The connection ended before the answer was complete. */
  | { readonly _tag: "reset" }
  /** The total time of the call is used up. */
  | { readonly _tag: "deadline" }
  /** No complete response head in time. */
  | { readonly _tag: "headers_timeout" }
  /** The peer went quiet in the middle of an answer or of a stream. */
  | { readonly _tag: "body_idle" }
  /** More bytes, headers or frames than `limit` (bytes or a count, as the cap that was passed). */
  | { readonly _tag: "too_large"; readonly limit: number }
  /** A 3xx status; redirects are never followed. */
  | { readonly _tag: "redirect"; readonly status: number }
  /** The answer has a content or transfer coding although none was accepted. */
  | { readonly _tag: "encoded" }
  /** The peer does not speak the protocol. */
  | { readonly _tag: "protocol" }
  /** A header or bearer token of ours may not be sent; `header` is its name, never its value. */
  | { readonly _tag: "header_invalid"; readonly header: string }
  | { readonly _tag: "path_invalid" }
  /** More calls at once to one target than it may have. */
  | { readonly _tag: "saturated"; readonly limit: number }
  /** The target's scope or the socket has been closed. */
  | { readonly _tag: "closed" }
  /** What carries connections to this peer (a process, a tunnel) is down; the problem is its own to say. */
  | { readonly _tag: "carrier"; readonly problem: Problem.Problem }
  /** A local limit (file descriptors, memory) or a defect of this client. */
  | { readonly _tag: "internal" }

const sentences: { readonly [Tag in EgressReason["_tag"]]: string } = {
  policy: "The egress policy does not allow this address",
  dns: "The name could not be resolved",
  refused: "The peer refused the connection",
  unreachable: "There is no route to the peer",
  connect_timeout: "The connection was not established in time",
  tls: "The TLS connection could not be established",
  reset: "The peer ended the connection before the answer was complete",
  deadline: "The call did not finish before its deadline",
  headers_timeout: "The peer did not begin its answer in time",
  body_idle: "The peer stopped sending",
  too_large: "The peer sent more than is accepted",
  redirect: "The peer answered with a redirect, which is never followed",
  encoded: "The peer answered with a coding that was not accepted",
  protocol: "The peer broke the protocol",
  header_invalid: "A request header may not be sent",
  path_invalid: "The request path may not be sent",
  saturated: "Too many calls to this peer are in progress",
  closed: "The connection has been closed",
  carrier: "What carries connections to this peer is down",
  internal: "The call failed inside the backend"
}

/**
 * A failed call. Stays inside the adapters, which map it to a `Problem`.
 *
 * `sent`: request bytes may have reached the peer, so an unkeyed command must not be repeated.
 * `code`: the code of the operating system or library (`ECONNREFUSED`), which is safe to log.
 * `cause`: the original error for a debugger. It holds addresses, so it is redacted from every log and encoding.
 */
export class EgressFailure extends Data.TaggedError("EgressFailure")<{
  readonly reason: EgressReason
  readonly sent: boolean
  readonly code?: string
  readonly cause?: Redacted.Redacted<unknown>
}> {
  override get message(): string {
    return sentences[this.reason._tag]
  }
}

const SAFE_CODE = /^[A-Z][A-Z0-9_]{1,63}$/

/** The `code` of a thrown value when it is a constant, as those of Node, OpenSSL, undici and ws are. */
export const codeOf = (cause: unknown): string | undefined => {
  if (typeof cause !== "object" || cause === null) return undefined
  const code = "code" in cause ? cause.code : undefined
  return typeof code === "string" && SAFE_CODE.test(code) ? code : undefined
}

export const failure = (reason: EgressReason, sent: boolean, cause?: unknown): EgressFailure => {
  const code = codeOf(cause)
  return new EgressFailure({
    reason,
    sent,
    ...(code === undefined ? undefined : { code }),
    ...(cause === undefined ? undefined : { cause: Redacted.make(cause) })
  })
}
