/** Decides which request headers may leave: no injection, no credential that was not meant for this peer. */
import * as Redacted from "effect/Redacted"
import { type EgressFailure, failure } from "./EgressFailure.ts"

/** Most headers of one request. */
export const MAX_HEADERS = 64

/** Longest header value or bearer token, in characters. */
export const MAX_HEADER_VALUE_LENGTH = 8_192

/** RFC 9110 token. */
const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/

/** Printable ASCII; CR, LF, NUL and every other control character would begin something else. */
const VALUE = /^[\x20-\x7e]*$/

/** Without spaces, so that a token cannot become two. */
const TOKEN = /^[\x21-\x7e]+$/

/**
 * Headers that a caller cannot set: the client's own (host, lengths, codings), hop-by-hop ones (RFC 9110 7.6.1), what
 * a browser sent about its user, and credentials, which are given as `bearer`.
 */
const OWN = new Set([
  "accept-encoding",
  "authorization",
  "connection",
  "content-length",
  "cookie",
  "cookie2",
  "expect",
  "forwarded",
  "host",
  "http2-settings",
  "keep-alive",
  "origin",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "referer",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip"
])

const isOwn = (name: string) => OWN.has(name) || name.startsWith("sec-websocket-")

/** Lower-case names; one value each. */
export type RequestHeaders = Readonly<Record<string, string>>

/**
 * A user and a password (RFC 7617), for peers that know no bearer token. They are UTF-8; the user has no colon.
 */
export interface Basic {
  readonly user: string
  readonly password: Redacted.Redacted<string>
}

/**
 * The headers as they go out, with the token unwrapped: call it only where they are written. A returned failure is
 * `header_invalid`, naming the header and never its value.
 */
export const write = (
  headers: RequestHeaders | undefined,
  bearer: Redacted.Redacted<string> | undefined,
  basic?: Basic
): Record<string, string> | EgressFailure => {
  const written: Record<string, string> = { "accept-encoding": "identity" }
  if (headers !== undefined) {
    let count = 0
    for (const name in headers) {
      const value = headers[name]
      if (!NAME.test(name)) return failure({ _tag: "header_invalid", header: "?" }, false)
      if (isOwn(name) || ++count > MAX_HEADERS || !isValue(value)) {
        return failure({ _tag: "header_invalid", header: name }, false)
      }
      written[name] = value
    }
  }
  if (bearer !== undefined) {
    const token = Redacted.value(bearer)
    if (token.length > MAX_HEADER_VALUE_LENGTH || !TOKEN.test(token)) {
      return failure({ _tag: "header_invalid", header: "authorization" }, false)
    }
    written["authorization"] = `Bearer ${token}`
  } else if (basic !== undefined) {
    const pair = Buffer.from(`${basic.user}:${Redacted.value(basic.password)}`).toString("base64")
    if (pair.length > MAX_HEADER_VALUE_LENGTH || basic.user.includes(":")) {
      return failure({ _tag: "header_invalid", header: "authorization" }, false)
    }
    written["authorization"] = `Basic ${pair}`
  }
  return written
}

const isValue = (value: string | undefined): value is string =>
  typeof value === "string" && value.length <= MAX_HEADER_VALUE_LENGTH && VALUE.test(value)
