/** Which network an address belongs to, seen through every IPv6 form that carries an IPv4 address. */
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"

/** Networks that nothing may be sent to, whatever the configuration says. */
export type RefusedNetwork = "metadata" | "link_local" | "multicast" | "broadcast" | "unspecified"

/** `private` is every other network that is not globally reachable: loopback, RFC 1918, ULA, CGNAT, reserved. */
export type NetworkKind = RefusedNetwork | "private" | "public"

const networks = (...cidrs: ReadonlyArray<string>) => cidrs.map((cidr) => IpNetwork.fromStringUnsafe(cidr))

/** First match wins, so the services inside larger networks come first. */
const table: ReadonlyArray<readonly [Exclude<NetworkKind, "public">, ReadonlyArray<IpNetwork.IpNetwork>]> = [
  [
    "metadata",
    networks(
      // AWS, GCP, Azure, OCI, DigitalOcean; ECS and EKS credentials; Tencent
      "169.254.169.254/32",
      "169.254.170.2/32",
      "169.254.170.23/32",
      "169.254.0.23/32",
      // Alibaba; Azure's host agent; Oracle classic
      "100.100.100.200/32",
      "168.63.129.16/32",
      "192.0.0.192/32",
      // AWS over IPv6: instance metadata and EKS; GCP over IPv6; OCI over IPv6
      "fd00:ec2::254/128",
      "fd00:ec2::23/128",
      "fd20:ce::254/128",
      "fd00:c1::a9fe:a9fe/128"
    )
  ],
  ["broadcast", networks("255.255.255.255/32")],
  // 0.0.0.0 and :: reach the local host; the rest of 0/8 is "this network" (RFC 1122) and no destination.
  ["unspecified", networks("0.0.0.0/8", "::/128")],
  ["link_local", networks("169.254.0.0/16", "fe80::/10")],
  ["multicast", networks("224.0.0.0/4", "ff00::/8")],
  [
    "private",
    // IANA special-purpose registries: entries that are not globally reachable.
    networks(
      "10.0.0.0/8",
      "100.64.0.0/10",
      "127.0.0.0/8",
      "172.16.0.0/12",
      "192.0.0.0/24",
      "192.0.2.0/24",
      "192.88.99.0/24",
      "192.168.0.0/16",
      "198.18.0.0/15",
      "198.51.100.0/24",
      "203.0.113.0/24",
      "240.0.0.0/4",
      "::1/128",
      "64:ff9b:1::/48",
      "100::/64",
      "2001:2::/48",
      "2001:db8::/32",
      "3fff::/20",
      "5f00::/16",
      "fc00::/7",
      "fec0::/10"
    )
  ]
]

/** The kind of the address itself, without what it may carry. */
export const kindOf = (address: NetAddress.IpAddress): NetworkKind => {
  for (const [kind, members] of table) {
    if (members.some((network) => IpNetwork.contains(network, address))) return kind
  }
  return "public"
}

const within = (cidr: string) => {
  const network = IpNetwork.fromStringUnsafe(cidr)
  return (address: NetAddress.IpAddress) => IpNetwork.contains(network, address)
}

const isCompatible = within("::/96")
const isTranslated = within("::ffff:0:0:0/96")
const isNat64 = within("64:ff9b::/96")
const isLocalNat64 = within("64:ff9b:1::/48")
const is6to4 = within("2002::/16")
const isTeredo = within("2001::/32")

type Bytes = ReadonlyArray<number>

/** The four bytes from `from`, stepping over byte 8, which RFC 6052 keeps zero. */
const rfc6052 = (bytes: Bytes, from: number): Bytes => {
  const taken: Array<number> = []
  for (let i = from; taken.length < 4; i++) if (i !== 8) taken.push(bytes[i] ?? 0)
  return taken
}

/** An IPv4 address inside 5efe, the interface identifier of ISATAP (RFC 5214). */
const isIsatap = (bytes: Bytes) =>
  (bytes[8] === 0 || bytes[8] === 2) && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe

/** The IPv4 address that an IPv4-mapped address is: the same destination in another spelling. */
export const mapped = (address: NetAddress.IpAddress): NetAddress.Ipv4Address | undefined =>
  NetAddress.isIpv6Address(address) && NetAddress.isIpv4Mapped(address)
    ? NetAddress.ipv4FromBytesUnsafe(Uint8Array.from(NetAddress.ipv6ToOctets(address).slice(12)))
    : undefined

/** Every IPv4 address that a translator or tunnel could make of this IPv6 address. */
export const embedded = (address: NetAddress.IpAddress): ReadonlyArray<NetAddress.Ipv4Address> => {
  if (!NetAddress.isIpv6Address(address)) return []
  const bytes: Bytes = NetAddress.ipv6ToOctets(address)
  const found: Array<Bytes> = []
  if (NetAddress.isIpv4Mapped(address) || isTranslated(address) || isNat64(address) || isIsatap(bytes)) {
    found.push(bytes.slice(12))
  }
  if (isCompatible(address) && !NetAddress.isUnspecified(address) && !NetAddress.isLoopback(address)) {
    found.push(bytes.slice(12))
  }
  // The length of a local NAT64 prefix is not in the address, so every place that RFC 6052 allows is looked at; zeros
  // before the last place are padding, not 0.0.0.0.
  if (isLocalNat64(address)) {
    for (const from of [6, 7, 9]) if (rfc6052(bytes, from)[0] !== 0) found.push(rfc6052(bytes, from))
    found.push(bytes.slice(12))
  }
  if (is6to4(address)) found.push(bytes.slice(2, 6))
  // Teredo: the server in the clear and the client inverted (RFC 4380).
  if (isTeredo(address)) {
    found.push(bytes.slice(4, 8))
    found.push(bytes.slice(12).map((byte) => byte ^ 0xff))
  }
  return found.map((four) => NetAddress.ipv4FromBytesUnsafe(Uint8Array.from(four)))
}
