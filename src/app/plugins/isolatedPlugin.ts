/** A plugin inside its host: loaded once, with a source on a channel for each connection that the backend opens. */
import { Effect, Exit, Layer, Redacted, Scope } from "effect"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import * as EgressClient from "../../adapters/egress/EgressClient.ts"
import type { Facts, HostRpcs, Opening } from "../../adapters/rpc/HostRpcs.ts"
import type { Pipe } from "../../adapters/rpc/Pipe.ts"
import * as PipeServer from "../../adapters/rpc/PipeServer.ts"
import * as SourceHost from "../../adapters/rpc/SourceHost.ts"
import type { ConnectionEntry } from "../../domain/Connection.ts"
import { RuntimeId } from "../../domain/Identifiers.ts"
import { mark, type PluginDefinition, type SecretLookup } from "../../domain/plugin/Definition.ts"
import * as FormSchema from "../../domain/plugin/FormSchema.ts"
import * as Grant from "../../domain/plugin/Grant.ts"
import { OutboundFactory } from "../../domain/plugin/PluginHost.ts"
import * as Problem from "../../domain/Problem.ts"
import * as SecretResolver from "../../domain/SecretResolver.ts"
import { SourceKinds } from "../../domain/SourceKind.ts"
import * as IsolatedReach from "./isolatedReach.ts"
import * as Outbound from "./Outbound.ts"
import * as PluginFile from "./PluginFile.ts"
import * as PluginSettings from "./PluginSettings.ts"

/** How long a host that has lost its backend has for its finalizers, in milliseconds. */
export const closeMs = 500

/** Stands for the token of a connection, whose reference stays in the backend. */
const tokenRef = "connection:token"

/** How the backend is asked for secrets. It answers only what it granted to the connection on that channel. */
export interface Secrets {
  readonly token: (channel: number) => Asked
  readonly secret: (channel: number, ref: string) => Asked
}

type Asked = Effect.Effect<Redacted.Redacted<string>, Problem.Problem | RpcClientError>

/** What is unresolvable stays so, and nothing else is told. */
const unresolvable = (failure: Problem.Problem | RpcClientError): SecretResolver.Unresolvable =>
  Problem.isProblem(failure) && failure._tag === "secret_unresolvable"
    ? (failure as SecretResolver.Unresolvable)
    : SecretResolver.unresolvable("unreadable")

/** Resolves nothing itself: every reference is the backend's to look up, anew each time. */
const resolverOf = (secrets: Secrets, channel: number) =>
  Effect.map(SecretResolver.make, (own) => {
    const resolve = (ref: string) =>
      Effect.mapError(ref === tokenRef ? secrets.token(channel) : secrets.secret(channel, ref), unresolvable)
    return SecretResolver.SecretResolver.of({ ...own, resolve, refresh: resolve, admit: () => Effect.void })
  })

const factsOf = (definition: PluginDefinition): Facts => {
  if (definition[mark] === "secret_scheme") {
    const { description, scheme, secretFields } = definition
    return { type: "secret_scheme", scheme, description, secretFields }
  }
  const { capabilities, description, endpoint, kind, label, options, reach, reasons, secretFields } = definition
  return {
    type: "runtime_source",
    kind,
    label,
    description,
    endpoint,
    options: FormSchema.of(options),
    secretFields,
    ...(capabilities === undefined ? undefined : { capabilities }),
    ...(reasons === undefined ? undefined : { reasons }),
    reach: reach !== undefined
  }
}

const unknown = (what: string) => Problem.make("plugin_failed", `The plugin does not have this ${what}.`)

const entryOf = ({ display_name, endpoint, has_token, id, kind, options }: Opening): ConnectionEntry => ({
  id: RuntimeId.make(id),
  kind,
  display_name,
  options,
  ...(endpoint === undefined ? undefined : { endpoint }),
  ...(has_token ? { token_ref: tokenRef } : undefined)
})

/** What the backend may ask of the host. Everything ends with the scope. */
export const make = Effect.fnUntraced(function* (pipe: Pipe, secrets: Secrets) {
  const scope = yield* Effect.scope
  let ready: ReadonlyArray<PluginSettings.Ready> = []
  let outbound = Layer.empty as Layer.Layer<never>
  const channels = new Map<number, Scope.Closeable>()
  const schemes = new Map<number, SecretLookup>()

  const close = Effect.fnUntraced(function* (channel: number) {
    const one = channels.get(channel)
    channels.delete(channel)
    schemes.delete(channel)
    if (one !== undefined) yield* Scope.close(one, Exit.void)
  })
  /** Something that lives on the channel until it is closed, and is gone at once when it cannot be opened. */
  const on = <A>(channel: number, opening: Effect.Effect<A, Problem.Problem, Scope.Scope>) =>
    Effect.gen(function* () {
      const own = yield* Scope.fork(scope)
      channels.set(channel, own)
      return yield* Effect.onError(Scope.provide(opening, own), () => close(channel))
    })

  /** With the plugin's kinds, whose secrets are those that the backend granted to the channel. */
  const withKinds = <A>(channel: number, use: Effect.Effect<A, Problem.Problem, SourceKinds | Scope.Scope>) =>
    Effect.gen(function* () {
      const kinds = yield* SourceKinds
      for (const { definition, references, settings } of ready) {
        if (definition[mark] === "runtime_source") yield* kinds.add(definition, { settings, references })
      }
      return yield* use
    }).pipe(
      Effect.provide([
        SourceKinds.layer,
        Layer.effect(SecretResolver.SecretResolver, resolverOf(secrets, channel)),
        outbound
      ])
    )

  return {
    load: Effect.fnUntraced(
      function* ({ file, policy, settings }) {
        // It was read by the backend, which would not have started otherwise.
        outbound = Layer.orDie(Layer.provide(Outbound.layer, EgressClient.layer({ policy })))
        ready = yield* Effect.flatMap(PluginFile.load(file), (all) => PluginSettings.decode(all, settings ?? {}))
        return ready.map(({ definition }) => factsOf(definition))
      },
      Effect.mapError(({ reason, sentence }) => ({ reason, sentence }))
    ),
    open: ({ channel, opening }) =>
      on(
        channel,
        withKinds(
          channel,
          Effect.gen(function* () {
            const source = yield* Effect.flatMap(SourceKinds, (kinds) => kinds.connect(entryOf(opening)))
            yield* Layer.build(Layer.provide(SourceHost.layer(source), PipeServer.layer(pipe, channel)))
          })
        )
      ),
    reach: ({ channel, opening }) =>
      IsolatedReach.told((steps) =>
        Effect.scoped(
          withKinds(
            channel,
            Effect.flatMap(SourceKinds, (kinds) => kinds.reach(entryOf(opening), steps))
          )
        )
      ),
    openScheme: ({ channel, scheme }) =>
      on(
        channel,
        Effect.gen(function* () {
          const found = ready.find(({ definition: it }) => it[mark] === "secret_scheme" && it.scheme === scheme)
          if (found === undefined || found.definition[mark] !== "secret_scheme") return yield* unknown("scheme")
          const resolver = yield* resolverOf(secrets, channel)
          const outbound = yield* Effect.flatten(OutboundFactory)
          const host = { ...outbound, secret: Grant.secret(resolver, found.references) }
          const lookup = yield* found.definition
            .open(found.settings, host)
            .pipe(Effect.catchCause(() => Problem.fail("plugin_failed")))
          schemes.set(channel, lookup)
          return { selective: lookup.admits !== undefined }
        }).pipe(Effect.provide(outbound))
      ),
    resolve: ({ channel, rest }) =>
      Effect.suspend(() => schemes.get(channel)?.resolve(rest) ?? Effect.fail(unknown("scheme"))).pipe(
        Effect.map(Redacted.value),
        Effect.catchCause(() => Effect.fail(SecretResolver.unresolvable("unreadable")))
      ),
    close: ({ channel }) => close(channel),
    ping: () => Effect.void
  } satisfies Parameters<typeof HostRpcs.toLayer>[0]
})
