/**
 * The kinds of runtime source that there are. Form, validation, API and connection are made from their definitions;
 * nothing else in the product names a kind.
 */
import { Context, Duration, Effect, Layer, Schema, type Scope } from "effect"
import { fieldErrors } from "./api/FieldErrors.ts"
import { type ConnectionEntry, EMBEDDED, RAW_SECRET_SENTENCE } from "./Connection.ts"
import type { Steps } from "./ConnectionTest.ts"
import type { Connecting, RuntimeSourceDefinition } from "./plugin/Definition.ts"
import * as FormSchema from "./plugin/FormSchema.ts"
import * as Grant from "./plugin/Grant.ts"
import * as Guard from "./plugin/Guard.ts"
import { OutboundFactory } from "./plugin/PluginHost.ts"
import * as Problem from "./Problem.ts"
import type { Capabilities } from "./Runtime.ts"
import * as RuntimeSource from "./RuntimeSource.ts"
import { isSecretRef, SecretResolver, unresolvable } from "./SecretResolver.ts"

type Source = RuntimeSource.RuntimeSource["Service"]

/** How long a kind may take to open a connection. It does not call the runtime then, so it takes no time. */
export const connectDeadline = Duration.seconds(10)

/** A kind that is ready to connect: its options and services are settled. */
export interface Installed {
  readonly kind: string
  readonly label: string
  readonly description: string
  readonly endpoint: "required" | "none"
  /** JSON Schema (draft 2020-12) of `options`. */
  readonly options_schema: Schema.JsonObject
  readonly secretFields: ReadonlyArray<string>
  /** What every runtime of the kind can do at most; undefined where each says so itself. */
  readonly capabilities: Capabilities | undefined
  /** Whether it comes with the product. */
  readonly built_in: boolean
  /** Whether the entry fits the kind; opens nothing. */
  readonly check: (entry: ConnectionEntry) => Effect.Effect<void, EntryProblem>
  /** The secrets that the entry names, by the pointer to each. */
  readonly references: (entry: ConnectionEntry) => ReadonlyMap<string, string>
  readonly connect: (entry: ConnectionEntry) => Effect.Effect<Source, Problem.Problem, Scope.Scope>
  /** As the kind's own; `false` when it has none. */
  readonly reach: (entry: ConnectionEntry, steps: Steps) => Effect.Effect<boolean, Problem.Problem, Scope.Scope>
}

type EntryProblem = Problem.Problem<"invalid_request" | "invalid_endpoint">

export interface Installing<Settings> {
  /** The plugin's own options, decoded. */
  readonly settings: Settings
  /** The secrets that `settings` names. */
  readonly references?: ReadonlyArray<string>
  /** Comes with the product. Other kinds are guarded: their answers are checked, and their words shown to nobody. */
  readonly built_in?: boolean
}

/** Checks the entry against the kind and connects it. */
const install = Effect.fnUntraced(function* <Options, Settings, R>(
  definition: RuntimeSourceDefinition<Options, Settings, R>,
  { built_in = false, references: own = [], settings }: Installing<Settings>
) {
  const services = yield* Effect.context<R | SecretResolver>()
  const secrets = yield* SecretResolver
  const outbound = yield* OutboundFactory
  const { kind } = definition
  const resolve = (ref: string) =>
    isSecretRef(ref) ? secrets.resolve(ref) : Effect.fail(unresolvable("unknown_scheme"))
  const decode = Schema.decodeUnknownEffect(FormSchema.strict(definition.options), {
    onExcessProperty: "error",
    errors: "all"
  })
  const references = (entry: ConnectionEntry) => Grant.references(entry, definition.secretFields)
  const optionsOf = Effect.fnUntraced(function* (entry: ConnectionEntry) {
    if (definition.endpoint === "required" && entry.endpoint === undefined) {
      return yield* Problem.make("invalid_endpoint", "This kind needs an endpoint.", {
        errors: [{ pointer: "/endpoint", code: "missing" }]
      })
    }
    const raw = Grant.raw(entry.options ?? {}, definition.secretFields)
    if (raw.length > 0) {
      return yield* Problem.make("invalid_request", RAW_SECRET_SENTENCE, {
        errors: raw.map((name) => ({ pointer: `/options/${name}`, code: "raw_secret", message: RAW_SECRET_SENTENCE }))
      })
    }
    return yield* decode(entry.options ?? {}).pipe(
      Effect.mapError(({ issue }) =>
        Problem.make("invalid_request", "The options do not fit the kind.", {
          errors: fieldErrors(issue).map((error) => ({ ...error, pointer: `/options${error.pointer}` }))
        })
      )
    )
  })
  const guarding = (entry: ConnectionEntry): Guard.Guarding => ({
    kind,
    runtime_id: entry.id,
    capabilities: definition.capabilities,
    reasons: definition.reasons ?? {},
    trusted: built_in,
    services: services as Context.Context<never>
  })
  const withServices = <A, E>(effect: Effect.Effect<A, E, R | Scope.Scope>) =>
    Effect.updateContext(effect, (scoped: Context.Context<Scope.Scope>) => Context.merge(services, scoped))
  const opening = Effect.fnUntraced(function* (entry: ConnectionEntry) {
    const ref = entry.token_ref
    const connecting: Connecting<Options, Settings> = {
      id: entry.id,
      display_name: entry.display_name ?? entry.id,
      endpoint: entry.endpoint,
      token: ref === undefined ? undefined : resolve(ref),
      options: yield* optionsOf(entry),
      settings
    }
    const host = { ...(yield* outbound), secret: Grant.secret(secrets, [...references(entry).values(), ...own]) }
    return { connecting, host }
  })
  /** What the author wrote, under the rules for somebody else's program. */
  const bounded = <A>(
    effect: Effect.Effect<A, Problem.Problem, R | Scope.Scope>,
    entry: ConnectionEntry,
    operation: string
  ) => {
    const running = withServices(effect)
    return built_in ? running : Guard.contained(running, guarding(entry), operation)
  }
  const connect: Installed["connect"] = Effect.fnUntraced(function* (entry) {
    const { connecting, host } = yield* opening(entry)
    const primitives = yield* bounded(
      Effect.suspend(() => definition.connect(connecting, host)),
      entry,
      "runtime.connect"
    ).pipe(
      Effect.timeoutOrElse({
        duration: connectDeadline,
        orElse: () =>
          Problem.fail("runtime_timeout", `The connection was not open within ${Duration.format(connectDeadline)}.`)
      })
    )
    const { display_name, id } = connecting
    return RuntimeSource.make({ id, kind, display_name, built_in: false }, Guard.guard(primitives, guarding(entry)))
  })
  const reach: Installed["reach"] = Effect.fnUntraced(function* (entry, steps) {
    const { connecting, host } = yield* opening(entry)
    const go = definition.reach
    if (go === undefined) return false
    yield* bounded(
      Effect.suspend(() => go(connecting, steps, host)),
      entry,
      "runtime.reach"
    )
    return true
  })
  return {
    kind,
    label: definition.label,
    description: definition.description,
    endpoint: definition.endpoint,
    options_schema: FormSchema.of(definition.options),
    secretFields: definition.secretFields,
    capabilities: definition.capabilities,
    built_in,
    check: (entry) => Effect.asVoid(optionsOf(entry)),
    references,
    connect,
    reach
  } satisfies Installed
})

export class SourceKinds extends Context.Service<
  SourceKinds,
  {
    /** Adds a kind until the scope closes; a name that is taken is refused. */
    readonly add: <Options, Settings, R>(
      definition: RuntimeSourceDefinition<Options, Settings, R>,
      ...installing: undefined extends Settings ? [Partial<Installing<Settings>>?] : [Installing<Settings>]
    ) => Effect.Effect<void, Problem.Problem<"kind_taken">, R | SecretResolver | Scope.Scope>
    readonly list: Effect.Effect<ReadonlyArray<Installed>>
    readonly check: (entry: ConnectionEntry) => Effect.Effect<void, EntryProblem>
    /** The secrets that an entry names, by the pointer to each. */
    readonly references: (entry: ConnectionEntry) => Effect.Effect<ReadonlyMap<string, string>>
    /** The entry as it may be shown: secret members hold a reference or nothing. */
    readonly shown: (entry: ConnectionEntry) => ConnectionEntry
    readonly connect: Installed["connect"]
    readonly reach: Installed["reach"]
  }
>()("yoi-workspace/domain/SourceKinds") {
  static readonly layer = Layer.sync(SourceKinds, () => {
    const kinds = new Map<string, Installed>()
    const find = ({ kind }: ConnectionEntry) => {
      const found = kinds.get(kind)
      return found === undefined
        ? Problem.fail("invalid_request", "No plugin knows this kind of runtime.", {
            errors: [{ pointer: "/kind", code: "unknown" }]
          })
        : Effect.succeed(found)
    }
    return {
      add: (definition, ...[installing]) =>
        Effect.gen(function* () {
          const { kind } = definition
          const installed = yield* install(definition, { settings: undefined as never, ...installing })
          yield* Effect.acquireRelease(
            Effect.suspend(() => {
              if (kinds.has(kind) || kind === EMBEDDED) {
                return Problem.fail("kind_taken", `The kind ${kind} exists already.`)
              }
              kinds.set(kind, installed)
              return Effect.void
            }),
            () => Effect.sync(() => kinds.delete(kind))
          )
        }),
      list: Effect.sync(() => [...kinds.values()]),
      check: (entry) => Effect.flatMap(find(entry), (kind) => kind.check(entry)),
      references: (entry) =>
        Effect.sync(() => kinds.get(entry.kind)?.references(entry) ?? Grant.references(entry, ["token_ref"])),
      shown: (entry) => Grant.shown(entry, kinds.get(entry.kind)?.secretFields),
      connect: (entry) => Effect.flatMap(find(entry), (kind) => kind.connect(entry)),
      reach: (entry, steps) => Effect.flatMap(find(entry), (kind) => kind.reach(entry, steps))
    }
  })
}
