/** The kind `ssh`: a worker-runtime on another host, which nobody can reach but who may log in there. */
import { Effect, Schema } from "effect"
import { EgressClient } from "../../adapters/egress/EgressClient.ts"
import * as RemoteFailure from "../../adapters/remote-http/RemoteFailure.ts"
import * as RemoteSource from "../../adapters/remote-http/RemoteSource.ts"
import * as SshSource from "../../adapters/ssh/SshSource.ts"
import * as SshText from "../../adapters/ssh/SshText.ts"
import { apiVersion, defineRuntimeSource } from "../../domain/plugin/Definition.ts"

/** Where `runtime serve` listens when it is not told otherwise. */
const runtimePort = 38_800

const Options = Schema.Struct({
  host: SshText.Host.annotate({ title: "Host", description: "Name or address of the host that is logged in to." }),
  port: Schema.optionalKey(
    SshText.Port.annotate({
      title: "SSH port",
      description: `Port of its SSH server; ${SshText.defaultPort} when absent.`
    })
  ),
  user: Schema.optionalKey(
    SshText.User.annotate({ title: "User", description: "Who logs in; the backend's own user name when absent." })
  ),
  identity_ref: Schema.optionalKey(
    SshText.IdentityRef.annotate({
      title: "Identity",
      description:
        "file: and the absolute path of a private key without a passphrase that only the backend's user can read. Without one the SSH agent of the backend's environment is asked."
    })
  ),
  known_hosts: SshText.KnownHosts.annotate({
    title: "Known hosts",
    description:
      "Lines of a known_hosts file with the keys of the host, and of the jump host. A host that shows no such key is refused. Nothing is ever added."
  }),
  jump: Schema.optionalKey(
    SshText.Jump.annotate({
      title: "Jump host",
      description: "[user@]host[:port] of a host that is logged in to first, with the same identity."
    })
  ),
  runtime_host: Schema.optionalKey(
    SshText.Host.annotate({
      title: "Runtime host",
      description: "Where the runtime listens, as the host sees it; 127.0.0.1 when absent."
    })
  ),
  runtime_port: Schema.optionalKey(
    SshText.Port.annotate({ title: "Runtime port", description: `Port of the runtime; ${runtimePort} when absent.` })
  ),
  expected_runtime_id: Schema.optionalKey(
    Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200)).annotate({
      title: "Runtime id",
      description: "The runtime's own id. Another runtime behind the tunnel is then refused from the first call on."
    })
  )
})

const wayOf = (options: typeof Options.Type): SshSource.Options => ({
  place: {
    host: options.host,
    port: options.port ?? SshText.defaultPort,
    ...(options.user === undefined ? undefined : { user: options.user })
  },
  ...(options.jump === undefined ? undefined : { jump: SshText.placeOfJump(options.jump) }),
  ...(options.identity_ref === undefined ? undefined : { identity: options.identity_ref.slice("file:".length) }),
  knownHosts: options.known_hosts,
  runtime: { host: options.runtime_host ?? "127.0.0.1", port: options.runtime_port ?? runtimePort },
  problemOf: RemoteFailure.ofEgress
})

export const ssh = defineRuntimeSource({
  kind: "ssh",
  apiVersion,
  label: "Remote runtime (SSH)",
  description: "A worker-runtime on another host that listens to that host alone, reached through the system's ssh.",
  endpoint: "none",
  options: Options,
  secretFields: ["token_ref", "identity_ref"],
  connect: Effect.fnUntraced(function* ({ display_name, id, options, token }) {
    const { client, endpoint } = yield* SshSource.make(wayOf(options))
    const { expected_runtime_id } = options
    const source = yield* RemoteSource.make({
      id,
      display_name,
      endpoint,
      token,
      ...(expected_runtime_id === undefined ? undefined : { expected_runtime_id })
    }).pipe(Effect.provideService(EgressClient, client))
    return { ...source, kind: "ssh" }
  }),
  reach: ({ options }, steps) => SshSource.reach(wayOf(options), steps)
})
