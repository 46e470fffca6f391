/** The kind `ssh` before an SSH server, with a proxy on the way that can break, and a runtime behind it. */
import { execFileSync } from "node:child_process"
import { userInfo } from "node:os"
import { Effect, type Schema } from "effect"
import { RuntimeId } from "../../src/domain/Identifiers.ts"
import { ssh } from "../../src/plugins/ssh/index.ts"
import { client } from "../egress/egressWorld.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import { install } from "../support/InstalledKind.ts"
import * as SshServers from "../support/SshServers.ts"

export const token = "ssh-conformance-token-5a0be1"
export const wrongToken = "ssh-conformance-wrong-token-11"

type Options = Readonly<Record<string, Schema.Json>>

/** @param policy of the egress client */
export const world = Effect.fnUntraced(function* (
  make: SshServers.Make,
  runtimePort: number,
  policy: Parameters<typeof client>[0] = {}
) {
  const identity = yield* SshServers.identity
  const server = yield* make(identity.public)
  const proxy = yield* FaultProxy.make(server.port)
  const kind = yield* Effect.provide(install(ssh, { right: token, wrong: wrongToken }), client(policy))
  const knownHosts = (port = proxy.port, key = server.hostKey) => `[127.0.0.1]:${port} ${key}`
  const entry = (options: Options = {}, token_ref = "test:right") => ({
    id: RuntimeId.make("ssh-1"),
    display_name: "Over SSH",
    token_ref,
    options: {
      host: "127.0.0.1",
      port: proxy.port,
      user: userInfo().username,
      identity_ref: `file:${identity.path}`,
      known_hosts: knownHosts(),
      runtime_port: runtimePort,
      ...options
    }
  })
  const connect = (options?: Options, token_ref?: string) => kind.connect(entry(options, token_ref))
  return { identity, server, proxy, kind, knownHosts, entry, connect }
})

/** Process ids of the tunnels of this process, or of another one. */
export const tunnelsOf = (parent = process.pid): ReadonlyArray<number> =>
  execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, ppid, program, flag]) => Number(ppid) === parent && program?.endsWith("ssh") === true && flag === "-F")
    .map(([pid]) => Number(pid))
