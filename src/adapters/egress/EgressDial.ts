/** The one way from a checked peer to a connected socket: resolve, check, dial exactly what was checked, secure. */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { connect as connectTcp, isIPv6, type LookupFunction, type Socket } from "node:net"
import { connect as connectTls, type TLSSocket } from "node:tls"
import { codeOf, type EgressFailure, type EgressReason, failure, type TlsFault } from "./EgressFailure.ts"
import type { PolicyRefusal } from "./EgressPolicy.ts"
import type { Address, Held, Peer } from "./EgressTarget.ts"

/** Longest time for each of the three steps, in milliseconds. */
export const STEP_TIMEOUT_MS = 3_000

/** Most addresses of one name that are tried; a resolver's answer can be of any length. */
export const MAX_ADDRESSES = 16

/** Idle time after which TCP begins to ask whether the peer is still there, in milliseconds. */
const TCP_KEEP_ALIVE_MS = 60_000

/** An address in its canonical form that the policy has passed. */
export type CheckedAddress = string

const within = <A>(step: Effect.Effect<A, EgressFailure>, reason: EgressReason) =>
  Effect.timeoutOrElse(step, { duration: STEP_TIMEOUT_MS, orElse: () => Effect.fail(failure(reason, false)) })

/**
 * Every address of the peer that the policy passes. Refused ones are left out; when none is left, the first refusal
 * is the failure. Fails with `dns` or `policy`.
 */
export const resolve = (address: Address): Effect.Effect<Arr.NonEmptyReadonlyArray<CheckedAddress>, EgressFailure> =>
  Effect.suspend(() => {
    const peer = Redacted.value(address.peer)
    if (peer.literal !== undefined) return Effect.succeed(Arr.of(peer.literal))
    return Effect.flatMap(within(peer.resolver.lookup(peer.host), { _tag: "dns" }), (answers) => {
      const passed: Array<CheckedAddress> = []
      let refusal: PolicyRefusal | undefined
      for (const answer of answers.slice(0, MAX_ADDRESSES)) {
        const checked = peer.policy.checkAddress(answer)
        if (Result.isSuccess(checked)) passed.push(checked.success)
        else refusal ??= checked.failure
      }
      if (Arr.isReadonlyArrayNonEmpty(passed)) return Effect.succeed(passed)
      return Effect.fail(failure(refusal === undefined ? { _tag: "dns" } : { _tag: "policy", refusal }, false))
    })
  })

const tcpReason = (cause: unknown): EgressReason => {
  const causes: ReadonlyArray<unknown> = cause instanceof AggregateError ? cause.errors : [cause]
  const codes = causes.map(codeOf)
  if (codes.includes("ECONNREFUSED")) return { _tag: "refused" }
  if (codes.includes("ETIMEDOUT")) return { _tag: "connect_timeout" }
  if (codes.some((code) => code === "ECONNRESET" || code === "EPIPE")) return { _tag: "reset" }
  if (codes.some((code) => code === "EMFILE" || code === "ENFILE" || code === "ENOBUFS")) return { _tag: "internal" }
  return { _tag: "unreachable" }
}

/** The socket must be connected to one of the checked addresses, whatever stood between the check and the dial. */
const isPinned = (peer: Peer, addresses: ReadonlyArray<CheckedAddress>, socket: Socket) => {
  const reached = socket.remoteAddress === undefined ? undefined : peer.policy.checkAddress(socket.remoteAddress)
  return reached !== undefined && Result.isSuccess(reached) && addresses.includes(reached.success)
}

/**
 * Connects to the first of the checked addresses that answers (RFC 8305 when there are several).
 * Fails with `refused`, `unreachable`, `connect_timeout` or `reset`.
 */
export const tcp = (
  address: Address,
  addresses: Arr.NonEmptyReadonlyArray<CheckedAddress>,
  held: Held
): Effect.Effect<Socket, EgressFailure> =>
  within(
    Effect.callback<Socket, EgressFailure>((resume) => {
      const peer = Redacted.value(address.peer)
      const pinned = addresses.map((found) => ({ address: found, family: isIPv6(found) ? 6 : 4 }))
      // Node asks `lookup` only about names, and this one knows nothing but the checked addresses.
      const lookup: LookupFunction = (_name, _options, callback) => callback(null, pinned)
      const socket = connectTcp({
        host: addresses.length === 1 ? addresses[0] : peer.host,
        port: peer.port,
        lookup,
        autoSelectFamily: true,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: TCP_KEEP_ALIVE_MS
      })
      held.socket = socket
      const onError = (cause: Error) => resume(Effect.fail(failure(tcpReason(cause), false, cause)))
      socket.once("error", onError)
      socket.once("connect", () => {
        socket.off("error", onError)
        resume(
          isPinned(peer, addresses, socket) ? Effect.succeed(socket) : Effect.fail(failure({ _tag: "reset" }, false))
        )
      })
      return Effect.sync(() => discard(socket))
    }),
    { _tag: "connect_timeout" }
  )

const tlsFaults: { readonly [code: string]: TlsFault } = {
  CERT_HAS_EXPIRED: "expired",
  CERT_NOT_YET_VALID: "not_yet_valid",
  ERR_TLS_CERT_ALTNAME_INVALID: "name_mismatch",
  DEPTH_ZERO_SELF_SIGNED_CERT: "self_signed",
  SELF_SIGNED_CERT_IN_CHAIN: "self_signed",
  UNABLE_TO_GET_ISSUER_CERT: "untrusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "untrusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "untrusted",
  CERT_UNTRUSTED: "untrusted",
  CERT_REVOKED: "untrusted",
  INVALID_CA: "untrusted"
}

/** Secures a connection, checking the certificate against the peer's name. Fails with `tls`. */
export const tls = (address: Address, socket: Socket, held: Held): Effect.Effect<TLSSocket, EgressFailure> =>
  within(
    Effect.callback<TLSSocket, EgressFailure>((resume) => {
      const peer = Redacted.value(address.peer)
      const secured = connectTls({
        socket,
        host: peer.host,
        servername: peer.servername,
        ALPNProtocols: ["http/1.1"],
        minVersion: "TLSv1.2",
        // Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED has no say.
        rejectUnauthorized: true,
        ...(peer.ca === undefined ? undefined : { ca: peer.ca })
      })
      held.socket = secured
      const onError = (cause: Error) => {
        const fault = tlsFaults[codeOf(cause) ?? ""] ?? "handshake"
        resume(Effect.fail(failure({ _tag: "tls", fault }, false, cause)))
      }
      secured.once("error", onError)
      secured.once("secureConnect", () => {
        secured.off("error", onError)
        resume(Effect.succeed(secured))
      })
      return Effect.sync(() => discard(secured))
    }),
    { _tag: "tls", fault: "handshake" }
  )

/** Destroys a socket that nobody listens to any more. */
export const discard = (socket: Socket): void => {
  socket.on("error", () => undefined)
  socket.destroy()
}

/** A connected, and for https secured, socket. The caller owns it; on failure and interruption none is left open. */
export const dial = (address: Address, held: Held = { socket: undefined }): Effect.Effect<Socket, EgressFailure> =>
  Effect.suspend(() => {
    const { dialer, secure } = Redacted.value(address.peer)
    const connected =
      dialer === undefined
        ? Effect.flatMap(resolve(address), (addresses) => tcp(address, addresses, held))
        : dialer(held)
    const secured = secure ? Effect.flatMap(connected, (socket) => tls(address, socket, held)) : connected
    return Effect.onExit(secured, (exit) =>
      Exit.isFailure(exit) && held.socket !== undefined
        ? Effect.sync(() => discard(held.socket as Socket))
        : Effect.void
    )
  })
