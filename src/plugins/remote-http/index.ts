/** The kind `remote_http`: a worker-runtime in another process or on another machine, reached over the runtime API. */
import { Schema } from "effect"
import * as Reach from "../../adapters/remote-http/Reach.ts"
import * as RemoteSource from "../../adapters/remote-http/RemoteSource.ts"
import { REMOTE_HTTP } from "../../domain/Connection.ts"
import { apiVersion, defineRuntimeSource } from "../../domain/plugin/Definition.ts"

/** A certificate is about 2 KiB; a chain with its roots fits ten times. */
const maxPemLength = 65_536

const Options = Schema.Struct({
  expected_runtime_id: Schema.optionalKey(
    Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200)).annotate({
      title: "Runtime id",
      description: "The runtime's own id. Another runtime behind the endpoint is then refused from the first call on."
    })
  ),
  ca: Schema.optionalKey(
    Schema.String.check(Schema.isMaxLength(maxPemLength)).annotate({
      title: "Certificate authority",
      description: "PEM certificates that may have signed the runtime's certificate, instead of the system's."
    })
  )
})

export const remoteHttp = defineRuntimeSource({
  kind: REMOTE_HTTP,
  apiVersion,
  label: "Remote runtime (HTTP)",
  description: "A worker-runtime on this or another machine, reached over its HTTP API.",
  endpoint: "required",
  options: Options,
  secretFields: ["token_ref"],
  connect: ({ display_name, endpoint, id, options, token }) =>
    RemoteSource.make({ id, display_name, endpoint: endpoint ?? "", token, ...options }),
  reach: ({ endpoint, options: { ca }, token }, steps) =>
    Reach.reach({ endpoint: endpoint ?? "", token, ...(ca === undefined ? undefined : { ca }) }, steps)
})
