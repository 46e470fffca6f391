/** Definitions whose program runs elsewhere: what is said of a kind is the plugin's, and its connections lead to the host. */
import { Effect, SchemaRepresentation, type Schema, Stream } from "effect"
import type { Facts, SchemeFacts, SourceFacts } from "../../adapters/rpc/HostRpcs.ts"
import {
  apiVersion,
  type Connecting,
  defineRuntimeSource,
  defineSecretScheme,
  type PluginDefinition
} from "../../domain/plugin/Definition.ts"
import type { PluginHost } from "../../domain/plugin/PluginHost.ts"
import type { Steps } from "../../domain/ConnectionTest.ts"
import type * as Problem from "../../domain/Problem.ts"
import type { Primitives } from "../../domain/RuntimeSource.ts"
import { NotLoaded } from "./PluginFile.ts"
import * as IsolatedReach from "./isolatedReach.ts"
import type { Supervisor } from "./isolatedSupervisor.ts"

type Options = Readonly<Record<string, Schema.Json>>

/**
 * Checks what JSON Schema can say; what the plugin checks beyond that, it checks when the connection is opened. Nothing is
 * decoded here.
 */
const shapeOf = ({ $defs, ...schema }: SourceFacts["options"]) =>
  SchemaRepresentation.fromJsonSchemaDocument(
    { dialect: "draft-2020-12", schema, definitions: { ...($defs as object | undefined) } },
    { patterns: "apply" }
  ) as unknown as Schema.Codec<Options, unknown>

type Source = Effect.Effect<Required<Primitives>, Problem.Problem>

/** Each call goes to the source of the host's present life. */
const primitives = (source: Source): Required<Primitives> => {
  const via = <A>(call: (it: Required<Primitives>) => Effect.Effect<A, Problem.Problem>) => Effect.flatMap(source, call)
  return {
    describe: via((it) => it.describe),
    list: (...asked) => via((it) => it.list(...asked)),
    get: (...asked) => via((it) => it.get(...asked)),
    create: (...asked) => via((it) => it.create(...asked)),
    input: (...asked) => via((it) => it.input(...asked)),
    stop: (...asked) => via((it) => it.stop(...asked)),
    cancel: (...asked) => via((it) => it.cancel(...asked)),
    interrupt: (...asked) => via((it) => it.interrupt(...asked)),
    permit: (...asked) => via((it) => it.permit(...asked)),
    unqueue: (...asked) => via((it) => it.unqueue(...asked)),
    transcript: (...asked) => via((it) => it.transcript(...asked)),
    events: (...asked) => Stream.unwrap(Effect.map(source, (it) => it.events(...asked))),
    bundles: via((it) => it.bundles),
    putBundle: (...asked) => via((it) => it.putBundle(...asked)),
    bundleAvailability: (...asked) => via((it) => it.bundleAvailability(...asked))
  }
}

type Chosen = Connecting<Options, undefined>

const openingOf = (kind: string, { display_name, endpoint, id, options, token }: Chosen) => ({
  kind,
  id,
  display_name,
  has_token: token !== undefined,
  options,
  ...(endpoint === undefined ? undefined : { endpoint })
})

const grantedOf = ({ token }: Chosen, { secret }: PluginHost) => ({ token, secret })

const sourceOf = (
  { capabilities, description, endpoint, kind, label, options, reach, reasons, secretFields }: SourceFacts,
  supervisor: Supervisor
) =>
  defineRuntimeSource({
    kind,
    apiVersion,
    label,
    description,
    endpoint,
    options: shapeOf(options),
    secretFields,
    ...(capabilities === undefined ? undefined : { capabilities }),
    ...(reasons === undefined ? undefined : { reasons }),
    connect: (connecting, host) =>
      Effect.map(supervisor.connect(openingOf(kind, connecting), grantedOf(connecting, host)), primitives),
    ...(reach
      ? {
          reach: (connecting: Chosen, steps: Steps, host: PluginHost) =>
            IsolatedReach.shown(supervisor.reach(openingOf(kind, connecting), grantedOf(connecting, host)), steps)
        }
      : undefined)
  })

const schemeOf = ({ description, scheme, secretFields }: SchemeFacts, supervisor: Supervisor) =>
  defineSecretScheme({
    scheme,
    apiVersion,
    description,
    secretFields,
    open: Effect.fnUntraced(function* (_, { secret }) {
      const { resolve, selective } = yield* supervisor.scheme(scheme, { token: undefined, secret })
      return { resolve, ...(selective ? { admits: () => false } : undefined) }
    })
  })

/** Fails when what a host says of a kind is not something that a form can be made of. */
export const of = (
  facts: ReadonlyArray<Facts>,
  supervisor: Supervisor
): Effect.Effect<ReadonlyArray<PluginDefinition>, NotLoaded> =>
  Effect.try({
    try: () =>
      facts.map((one): PluginDefinition =>
        one.type === "runtime_source"
          ? (sourceOf(one, supervisor) as unknown as PluginDefinition)
          : (schemeOf(one, supervisor) as unknown as PluginDefinition)
      ),
    catch: () =>
      new NotLoaded({
        reason: "definition_invalid",
        sentence: "Its options use words of JSON Schema that cannot be checked outside of the plugin."
      })
  })
