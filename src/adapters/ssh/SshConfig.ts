/** The config file of one `ssh`: everything that it is to do, and nothing of what the user or the system has configured. */
import { knownAs, type Place } from "./SshText.ts"

export interface Options {
  readonly place: Place
  /** File of the private key; absent = the agent of the environment. */
  readonly identity: string | undefined
  readonly knownHosts: string
  /** Path of the local socket. */
  readonly socket: string
  /** Host and port as the SSH server sees them. */
  readonly forward: string
}

/** Seconds between two questions whether the host is still there, and how many may stay without an answer. */
const keepAlive = { seconds: 10, unanswered: 3 }

/** The name by which ssh is told to connect; where it really goes is what its standard input is connected to. */
export const alias = "runtime"

export const text = ({ forward, identity, knownHosts, place, socket }: Options): string =>
  [
    `Host ${alias}`,
    // The connection is dialled by the backend, under its egress policy, and handed over.
    "ProxyCommand -",
    `HostKeyAlias "${knownAs(place)}"`,
    ...(place.user === undefined ? [] : [`User "${place.user}"`]),
    `LocalForward "${socket}" "${forward}"`,
    "ExitOnForwardFailure yes",
    "StreamLocalBindMask 0177",

    "StrictHostKeyChecking yes",
    `UserKnownHostsFile "${knownHosts}"`,
    "GlobalKnownHostsFile /dev/null",
    "UpdateHostKeys no",
    "VerifyHostKeyDNS no",

    "BatchMode yes",
    "PreferredAuthentications publickey",
    ...(identity === undefined
      ? []
      : [`IdentityFile "${identity}"`, "IdentitiesOnly yes", "IdentityAgent none", "AddKeysToAgent no"]),

    "ForwardAgent no",
    "ForwardX11 no",
    "Tunnel no",
    "PermitLocalCommand no",
    "ControlMaster no",
    "ControlPath none",
    "EscapeChar none",
    "RequestTTY no",

    `ServerAliveInterval ${keepAlive.seconds}`,
    `ServerAliveCountMax ${keepAlive.unanswered}`,
    "LogLevel INFO",
    ""
  ].join("\n")
