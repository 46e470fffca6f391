/** What a plugin is tried on: a runtime that its author starts, and what the conformance kit may know about it. */
import { createServer } from "node:net"
import { Context, Data, Effect, Layer, Redacted, type Schema, type Scope } from "effect"
import * as EgressClient from "../../adapters/egress/EgressClient.ts"
import type { ConnectionEntry } from "../../domain/Connection.ts"
import type { Connect, Hidden, Subject } from "../../domain/conformance/Conformance.ts"
import { RuntimeId } from "../../domain/Identifiers.ts"
import type { RuntimeSourceDefinition } from "../../domain/plugin/Definition.ts"
import type * as Problem from "../../domain/Problem.ts"
import { make as makeSecrets, SecretResolver, unresolvable } from "../../domain/SecretResolver.ts"
import { SourceKinds } from "../../domain/SourceKind.ts"
import * as Outbound from "../plugins/Outbound.ts"
import type { Ready } from "../plugins/PluginSettings.ts"

/** A runtime to try a kind on, started for one run. */
export interface Stage {
  /** Where it is; absent for a kind without an endpoint. */
  readonly endpoint?: string
  /** The token that it takes. The kit also tries a wrong one. Absent = it takes none, or takes it some other way. */
  readonly token?: string
  /** Options of the connection. Members that name a secret say `test:NAME`. */
  readonly options?: Readonly<Record<string, Schema.Json>>
  /** Secrets by the NAME that `test:NAME` resolves. */
  readonly secrets?: Readonly<Record<string, string>>
  /** The plugin's own options, as `[[plugins]]` would have them. `plugin check` passes them on. */
  readonly settings?: Readonly<Record<string, Schema.Json>>
  /** User text that keeps a worker busy for a minute unless it is ended. Absent = the cases about busy workers are left out. */
  readonly hold?: string
  /** User text that makes a worker ask for a permission and wait for the answer. */
  readonly ask?: string
  /** Ends the runtime. Called once. */
  readonly close?: () => Promise<void> | void
}

/** The scheme of the stage's secrets. */
const scheme = "test"
const token = "token"
const wrongToken = "wrong-token"
const wrongTokenText = "not-the-token-of-this-stage"

type Kind = RuntimeSourceDefinition<unknown, unknown>

/** Kinds as a backend installs them, with the stage's secrets and the backend's egress policy of a new workspace. */
export const install = Effect.fnUntraced(function* (
  ready: ReadonlyArray<Pick<Ready, "definition" | "references" | "settings">>,
  stage: Stage
) {
  const { endpoint, options, secrets = {} } = stage
  const known: Readonly<Record<string, string | undefined>> = {
    ...secrets,
    [token]: stage.token,
    [wrongToken]: wrongTokenText
  }
  const services = yield* Layer.build(
    SourceKinds.layer.pipe(
      Layer.provideMerge(Layer.effect(SecretResolver, makeSecrets)),
      Layer.provideMerge(Layer.orDie(Layer.provide(Outbound.layer, EgressClient.layer())))
    )
  )
  const kinds = Context.get(services, SourceKinds)
  yield* Context.get(services, SecretResolver).register({
    scheme,
    resolve: (name) => {
      const text = known[name]
      return text === undefined ? Effect.fail(unresolvable("not_set")) : Effect.succeed(Redacted.make(text))
    }
  })
  for (const { definition, references, settings } of ready) {
    yield* Effect.provideContext(kinds.add(definition as Kind, { settings, references }), services)
  }
  const entry = ({ kind, endpoint: wanted }: Kind): ConnectionEntry => ({
    id: RuntimeId.make("stage"),
    kind,
    ...(wanted === "none" || endpoint === undefined ? undefined : { endpoint }),
    ...(options === undefined ? undefined : { options }),
    ...(stage.token === undefined ? undefined : { token_ref: `${scheme}:${token}` })
  })
  return { kinds, entry }
})

/** An endpoint on this machine where nothing listens any more. */
const nowhere = Effect.callback<string>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(`http://127.0.0.1:${port}`)))
  })
})

const hidden = (name: string, text: string): Hidden => ({ name, text: Redacted.make(text) })

/** What the kit runs on. Everything ends with the scope, the stage excepted. Fails when the options do not fit the kind. */
export const subjectOf = Effect.fnUntraced(function* (
  ready: ReadonlyArray<Pick<Ready, "definition" | "references" | "settings">>,
  kind: Kind,
  stage: Stage
): Effect.fn.Return<Subject, Problem.Problem, Scope.Scope> {
  const { entry: entryOf, kinds } = yield* install(ready, stage)
  const entry = entryOf(kind)
  yield* kinds.check(entry)
  const dead = entry.endpoint === undefined ? undefined : yield* nowhere
  // What has no endpoint may be a runtime of its own for every connection, so there is one.
  const connect: Connect =
    entry.endpoint === undefined ? Effect.succeed(yield* kinds.connect(entry)) : kinds.connect(entry)
  return {
    name: `the kind ${kind.kind}`,
    connect,
    credential:
      entry.token_ref === undefined
        ? { kind: "none", reason: "The stage has no token, so it was not tried whether a wrong one is refused." }
        : { kind: "token", bad: kinds.connect({ ...entry, token_ref: `${scheme}:${wrongToken}` }) },
    hidden: [
      ...(entry.endpoint === undefined
        ? []
        : [hidden("the endpoint", entry.endpoint), hidden("the address", new URL(entry.endpoint).host)]),
      ...(stage.token === undefined
        ? []
        : [hidden("the token", stage.token), hidden("the wrong token", wrongTokenText)]),
      ...Object.entries(stage.secrets ?? {}).map(([name, text]) => hidden(`the secret ${name}`, text))
    ],
    ...(dead === undefined ? undefined : { unreachable: kinds.connect({ ...entry, endpoint: dead }) }),
    ...(stage.hold === undefined ? undefined : { hold: stage.hold }),
    ...(stage.ask === undefined ? undefined : { ask: stage.ask })
  }
})

/** The stage of an author broke off; the sentence has the author's own words. */
export class StageFailed extends Data.TaggedError("StageFailed")<{ readonly sentence: string }> {
  override get message(): string {
    return this.sentence
  }
}

/** The stage until the scope closes. */
export const started = (start: () => Promise<Stage> | Stage) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => start(),
      catch: (thrown) =>
        new StageFailed({
          sentence: `The stage could not be started: ${thrown instanceof Error ? thrown.message : String(thrown)}`
        })
    }),
    ({ close }) => Effect.ignore(Effect.tryPromise(async () => close?.()))
  )
