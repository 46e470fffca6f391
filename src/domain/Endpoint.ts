/**
 * The one written form of an endpoint. What could be read in two ways is refused instead of guessed:
 *
 * 1. Visible ASCII only, at most 2048 characters, no backslash, starting with `http://` or `https://`. An
 *    internationalised name is written in its ASCII form (`xn--…`), so that look-alike letters cannot hide.
 * 2. No user name, query or fragment, not even empty ones.
 * 3. The host is a name, a dotted IPv4 address or a bracketed IPv6 address. Decimal, octal, hexadecimal and shortened
 *    IPv4 spellings, zones, percent-encoding and a trailing dot are refused. Names follow RFC 1035: labels of 1 to 63
 *    letters, digits, `-` and `_`, together at most 253.
 * 4. The port is 1 to 65535.
 * 5. The path has no `.` or `..` segments and no percent-encoded ones.
 *
 * Normalised: scheme and host in lower case, IPv6 in its shortest form, no default port, no slash at the end.
 */
import { Result } from "effect"

/** Characters. */
export const MAX_ENDPOINT_LENGTH = 2048
const MAX_NAME_LENGTH = 253

export type EndpointFault =
  | "too_long"
  | "invalid_character"
  | "not_http"
  | "userinfo"
  | "query"
  | "fragment"
  | "invalid_host"
  | "invalid_port"
  | "invalid_path"

const parts = /^(https?):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/i
const authority = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::([0-9]*))?$/i
const dottedIpv4 = /^(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})$/
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/** WHATWG reads a name as an IPv4 number when its last label looks like one. */
const looksNumeric = (name: string) => /^(?:[0-9]+|0x[0-9a-f]*)$/.test(name.slice(name.lastIndexOf(".") + 1))

const isHost = (host: string): boolean => {
  if (host.startsWith("[")) return true
  if (looksNumeric(host)) return dottedIpv4.test(host)
  return host.length <= MAX_NAME_LENGTH && host.split(".").every((part) => label.test(part))
}

/** The normal form of an endpoint, or what is wrong with it. */
export const normalise = (text: string): Result.Result<string, EndpointFault> => {
  if (text.length > MAX_ENDPOINT_LENGTH) return Result.fail("too_long")
  if (!/^[\x21-\x7e]*$/.test(text) || text.includes("\\")) return Result.fail("invalid_character")
  const match = parts.exec(text)
  if (match === null) return Result.fail("not_http")
  const [, , site = "", path = "", query, fragment] = match
  if (site.includes("@")) return Result.fail("userinfo")
  if (query !== undefined) return Result.fail("query")
  if (fragment !== undefined) return Result.fail("fragment")
  const [, host, port] = authority.exec(site) ?? []
  if (host === undefined || !isHost(host.toLowerCase())) return Result.fail("invalid_host")
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535)) return Result.fail("invalid_port")
  if (/(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(path)) return Result.fail("invalid_path")
  const url = URL.parse(text)
  if (url === null) return Result.fail("invalid_host")
  return Result.succeed(url.origin + url.pathname.replace(/\/+$/, ""))
}
