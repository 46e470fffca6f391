/** The kind `opencode`: the sessions of an opencode server (`opencode serve`, opencode.ai) as workers. */
import { Effect, Schema } from "effect"
import { EgressClient } from "../../adapters/egress/EgressClient.ts"
import * as OpencodeSource from "../../adapters/opencode/OpencodeSource.ts"
import { capabilities } from "../../adapters/opencode/SessionWorker.ts"
import * as Reach from "../../adapters/remote-http/Reach.ts"
import * as RemoteFailure from "../../adapters/remote-http/RemoteFailure.ts"
import { apiVersion, defineRuntimeSource } from "../../domain/plugin/Definition.ts"

/** The user that an opencode server knows unless it is told another. */
const defaultUser = "opencode"

const Options = Schema.Struct({
  directory: Schema.optionalKey(
    Schema.String.check(Schema.isPattern(/^(?:\/|[A-Za-z]:[\\/])[^\p{C}]{0,1023}$/u)).annotate({
      title: "Project folder",
      description: "Absolute path on the server's machine; the folder that the server was started in when absent."
    })
  ),
  username: Schema.optionalKey(
    Schema.String.check(Schema.isPattern(/^[\x21-\x39\x3b-\x7e]{1,64}$/)).annotate({
      title: "User name",
      description: `What goes with the password in token_ref; ${defaultUser} when absent.`
    })
  )
})

export const opencode = defineRuntimeSource({
  kind: "opencode",
  apiVersion,
  label: "opencode server",
  description:
    "The sessions of an opencode server as workers. Events can be resumed only while the connection holds, and stopping a worker archives its session.",
  endpoint: "required",
  options: Options,
  secretFields: ["token_ref"],
  capabilities,
  connect: Effect.fnUntraced(function* ({ endpoint = "", id, options, token }) {
    const client = yield* EgressClient
    const target = yield* Effect.mapError(client.target(endpoint), RemoteFailure.ofEgress)
    return yield* OpencodeSource.make(id, {
      client,
      target,
      username: options.username ?? defaultUser,
      password: token,
      directory: options.directory,
      problemOf: RemoteFailure.ofEgress,
      uncertain: RemoteFailure.uncertain
    })
  }),
  reach: ({ endpoint = "", token }, steps) => Reach.reach({ endpoint, token }, steps)
})
