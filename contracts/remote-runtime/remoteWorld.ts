/** What every test of the remote source needs: a source over the guarded client, on loopback. */
import { Effect } from "effect"
import * as RemoteSource from "../../src/adapters/remote-http/RemoteSource.ts"
import { RuntimeId } from "../../src/domain/Identifiers.ts"
import { client } from "../egress/egressWorld.ts"

export const alias = RuntimeId.make("alias-1")

export const egress = client()

/** The same with short waits, where silence is what is tested. */
export const impatient = client({ timeouts: { headers_timeout_ms: 80, body_idle_timeout_ms: 80 } })

export const remote = (endpoint: string, options: Partial<RemoteSource.Options> = {}) =>
  RemoteSource.make({ id: alias, display_name: "Remote", token: undefined, endpoint, ...options })

export const onPort = (port: number, options: Parameters<typeof remote>[1] = {}) =>
  remote(`http://127.0.0.1:${port}`, options)

/** Nobody listens there: below the ports that systems hand out, so that no other test gets it meanwhile. */
export const closedPort = 30_471

/** How a call went, in one word. */
export const word = <A, R>(call: Effect.Effect<A, { readonly _tag: string }, R>) =>
  Effect.match(call, { onSuccess: () => "ok", onFailure: (problem) => problem._tag })
