/**
 * What may stand in the options of an SSH connection. Every text that reaches `ssh` is one of these, written into a config
 * file of its own: none is an argument, none passes a shell, and none can end its line or its quotes.
 */
import { Schema } from "effect"

/** A name, an IPv4 or an IPv6 address without brackets. Never starts with `-`. */
const name = "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?"
const ipv6 = "[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}"
const user = "[A-Za-z_][A-Za-z0-9_.-]{0,31}"

export const Host = Schema.String.check(Schema.isPattern(new RegExp(`^(?:${name}|${ipv6})$`)))

export const User = Schema.String.check(Schema.isPattern(new RegExp(`^${user}$`)))

export const Port = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_535 }))

/** `[user@]host[:port]`: one hop. */
const jump = new RegExp(`^(?:(${user})@)?(${name})(?::([0-9]{1,5}))?$`)
export const Jump = Schema.String.check(Schema.isPattern(jump))

/** `file:` and an absolute path without anything that ssh would expand or that could end the quotes around it. */
export const IdentityRef = Schema.String.check(
  Schema.isMaxLength(512),
  Schema.isPattern(/^file:\/[A-Za-z0-9._@+=, /-]*[A-Za-z0-9._@+=-]$/)
)

/** Host keys of a large site fit; a line is about 100 bytes. */
export const maxKnownHostsLength = 65_536

/** Lines of a known_hosts file: printable ASCII, and not only comments. */
export const KnownHosts = Schema.String.check(
  Schema.isMaxLength(maxKnownHostsLength),
  Schema.isPattern(/^(?:[\t ]*(?:#[\t\x20-\x7e]*)?\r?\n)*[\t ]*[\x21\x22\x24-\x7e][\t\r\n\x20-\x7e]*$/)
)

export const defaultPort = 22

/** A place that SSH is spoken to. */
export interface Place {
  readonly host: string
  readonly port: number
  /** Absent = the name of the user that the backend runs as. */
  readonly user?: string
}

export const placeOfJump = (text: string): Place => {
  const [, user, host = "", port] = jump.exec(text) ?? []
  return { host, port: port === undefined ? defaultPort : Number(port), ...(user === undefined ? undefined : { user }) }
}

/** As host and port stand in a known_hosts file. */
export const knownAs = ({ host, port }: Place): string => (port === defaultPort ? host : `[${host}]:${port}`)

/** As a URL and ssh's forwardings have it. */
export const bracketed = (host: string): string => (host.includes(":") ? `[${host}]` : host)
