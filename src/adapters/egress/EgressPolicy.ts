/** Decides where the backend may connect to. Pure: it parses, compares networks and never resolves a name. */
import * as Data from "effect/Data"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as EgressNetworks from "./EgressNetworks.ts"

/** Longest endpoint that is looked at, in characters. */
export const MAX_URL_LENGTH = 2048

/** RFC 1035: longest name, in characters of its ASCII form. */
export const MAX_NAME_LENGTH = 253

/** Most entries that `allow` and `deny` may each have. */
export const MAX_NETWORKS = 1024

/**
 * The configuration. Networks are CIDR (`10.0.0.0/8`) or one address.
 *
 * 1. Link-local, metadata, multicast, broadcast and unspecified addresses are refused, whatever is listed.
 * 2. What `deny` lists is refused.
 * 3. With `allow`, what it lists is permitted and nothing else; `allow_private` then has no say.
 * 4. Without `allow`, everything is permitted, private networks and loopback only while `allow_private` is not false.
 *
 * `ports`, when given, is the complete list of ports; else every port but those of the Fetch standard's block list.
 */
export interface Options {
  readonly allow_private?: boolean
  readonly allow?: ReadonlyArray<string>
  readonly deny?: ReadonlyArray<string>
  readonly ports?: ReadonlyArray<number>
}

export type PolicyRefusal =
  | {
      readonly kind:
        | "url_invalid"
        | "scheme_refused"
        | "port_refused"
        | "userinfo_refused"
        | "name_invalid"
        | "address_invalid"
    }
  | {
      readonly kind: "address_refused"
      readonly network: EgressNetworks.RefusedNetwork | "denied" | "not_allowed" | "private_not_allowed"
    }

/** The options cannot be a policy. `pointer` says which entry (`/deny/2`). */
export class EgressPolicyInvalid extends Data.TaggedError("EgressPolicyInvalid")<{ readonly pointer: string }> {
  override get message(): string {
    return `The egress policy is not valid at ${this.pointer}`
  }
}

/** An endpoint that passed. `host` has no brackets; `literal` is its canonical address when it is not a name. */
export interface CheckedUrl {
  readonly secure: boolean
  readonly host: string
  readonly port: number
  readonly literal: string | undefined
  /** Scheme, host and port as WHATWG writes them. */
  readonly origin: string
  /** The path without its final slash: empty, or a prefix for every request path. */
  readonly base_path: string
}

export interface EgressPolicy {
  /** @param own_port a port that may be blocked for HTTP, but belongs to the protocol that will be spoken */
  readonly check: (url: string, own_port?: number) => Result.Result<CheckedUrl, PolicyRefusal>
  /** Returns the address in its canonical form. */
  readonly checkAddress: (address: string) => Result.Result<string, PolicyRefusal>
}

/** https://fetch.spec.whatwg.org/#port-blocking: ports of services that text in a request could talk to. */
const BLOCKED_PORTS: ReadonlySet<number> = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
  111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
  6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080
])

/** Names by which clouds offer metadata; also refused below them, whatever they resolve to. */
const METADATA_NAMES: ReadonlyArray<string> = [
  "metadata",
  "instance-data",
  "instance-data.ec2.internal",
  "metadata.google.internal",
  "metadata.goog",
  "metadata.azure.internal",
  "metadata.azure.com",
  "metadata.tencentyun.com",
  "metadata.platformequinix.com",
  "metadata.packet.net"
]

const isMetadataName = (host: string) => METADATA_NAMES.some((name) => host === name || host.endsWith(`.${name}`))

/** Letters, digits, hyphens and, for container names, underscores. No empty label, so no trailing dot. */
const NAME = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/** WHATWG drops tabs and newlines, reads `\` as `/` and folds look-alike digits: none of it is let in. */
const PLAIN = /^[\x21-\x5b\x5d-\x7e]+$/

const refuse = (kind: Exclude<PolicyRefusal["kind"], "address_refused">) => Result.fail({ kind } as const)

const refuseAddress = (network: Extract<PolicyRefusal, { kind: "address_refused" }>["network"]) =>
  Result.fail({ kind: "address_refused", network } as const)

const parseNetworks = (
  member: "allow" | "deny",
  entries: ReadonlyArray<string>
): Result.Result<ReadonlyArray<IpNetwork.IpNetwork>, EgressPolicyInvalid> => {
  if (entries.length > MAX_NETWORKS) return Result.fail(new EgressPolicyInvalid({ pointer: `/${member}` }))
  const parsed: Array<IpNetwork.IpNetwork> = []
  for (const [index, entry] of entries.entries()) {
    const network = IpNetwork.fromString(entry.includes("/") ? entry : `${entry}/${entry.includes(":") ? "128" : "32"}`)
    if (Result.isFailure(network)) return Result.fail(new EgressPolicyInvalid({ pointer: `/${member}/${index}` }))
    parsed.push(network.success)
  }
  return Result.succeed(parsed)
}

/** Builds the policy, or says which option cannot be read. */
export const make = (options: Options = {}): Result.Result<EgressPolicy, EgressPolicyInvalid> => {
  const allow = options.allow === undefined ? undefined : parseNetworks("allow", options.allow)
  if (allow !== undefined && Result.isFailure(allow)) return Result.fail(allow.failure)
  const deny = parseNetworks("deny", options.deny ?? [])
  if (Result.isFailure(deny)) return Result.fail(deny.failure)
  const badPort = options.ports?.findIndex((port) => !Number.isInteger(port) || port < 1 || port > 65_535) ?? -1
  if (badPort >= 0) return Result.fail(new EgressPolicyInvalid({ pointer: `/ports/${badPort}` }))

  const isListed = (list: ReadonlyArray<IpNetwork.IpNetwork>, address: NetAddress.IpAddress) =>
    list.some((network) => IpNetwork.contains(network, address))

  const checkAddress: EgressPolicy["checkAddress"] = (input) => {
    const parsed = NetAddress.ipFromString(input)
    // Zone identifiers, brackets and every spelling that is not canonical decimal end here.
    if (Result.isFailure(parsed)) return refuse("address_invalid")
    const address = EgressNetworks.mapped(parsed.success) ?? parsed.success
    const reached = [address, ...EgressNetworks.embedded(address)]
    const kinds = reached.map(EgressNetworks.kindOf)
    for (const kind of kinds) if (kind !== "public" && kind !== "private") return refuseAddress(kind)
    if (reached.some((one) => isListed(deny.success, one))) return refuseAddress("denied")
    if (allow !== undefined) {
      if (!isListed(allow.success, address)) return refuseAddress("not_allowed")
    } else if (options.allow_private === false && kinds.includes("private")) {
      return refuseAddress("private_not_allowed")
    }
    return Result.succeed(NetAddress.formatIp(address))
  }

  const checkPort = (port: number, own: number | undefined) =>
    options.ports === undefined ? port === own || !BLOCKED_PORTS.has(port) : options.ports.includes(port)

  const check: EgressPolicy["check"] = (input, own_port) => {
    if (input.length > MAX_URL_LENGTH || !PLAIN.test(input) || !URL.canParse(input)) return refuse("url_invalid")
    const url = new URL(input)
    if (url.protocol !== "http:" && url.protocol !== "https:") return refuse("scheme_refused")
    // `http:host` and `http:/host` also parse; an endpoint is written one way.
    if (!/^https?:\/\/[^/]/i.test(input)) return refuse("url_invalid")
    if (url.username !== "" || url.password !== "" || /^[^/]*\/\/[^/?#]*@/.test(input))
      return refuse("userinfo_refused")
    if (/[?#]/.test(input)) return refuse("url_invalid")
    const secure = url.protocol === "https:"
    const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port)
    if (!checkPort(port, own_port)) return refuse("port_refused")
    const host = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname
    const endpoint = { secure, host, port, origin: url.origin, base_path: url.pathname.replace(/\/+$/, "") }
    // WHATWG has turned decimal, octal, hexadecimal and short forms into dotted decimal by now.
    if (Result.isSuccess(NetAddress.ipFromString(host))) {
      return Result.map(checkAddress(host), (literal) => ({ ...endpoint, literal }))
    }
    if (host.length > MAX_NAME_LENGTH || !NAME.test(host)) return refuse("name_invalid")
    if (isMetadataName(host)) return refuseAddress("metadata")
    return Result.succeed({ ...endpoint, literal: undefined })
  }

  return Result.succeed({ check, checkAddress })
}
