/**
 * A kind of runtime source: one definition from which the form in the settings page, the validation of the file, the API
 * and the connection itself are made. Nothing else in the product names a kind.
 */
import { Context, Effect, Layer, type Redacted, Schema, type Scope } from "effect"
import { fieldErrors } from "./api/FieldErrors.ts"
import type { ConnectionEntry } from "./Connection.ts"
import type { Steps } from "./ConnectionTest.ts"
import * as Problem from "./Problem.ts"
import type { RuntimeSource } from "./RuntimeSource.ts"
import { isSecretRef, SecretResolver, type Unresolvable, unresolvable } from "./SecretResolver.ts"

/** What a kind gets to work with. */
export interface Connecting<Options> {
  readonly id: ConnectionEntry["id"]
  readonly display_name: string
  /** Present when the kind asks for one. */
  readonly endpoint: string | undefined
  /** Resolves the connection's secret anew each time, so that a rotated one is picked up; undefined without `token_ref`. */
  readonly token: Effect.Effect<Redacted.Redacted, Unresolvable> | undefined
  readonly options: Options
}

export interface SourceKind<Options = never, R = never> {
  readonly kind: string
  readonly label: string
  readonly description: string
  readonly endpoint: "required" | "none"
  /** Shape of the connection's `options`. */
  readonly options: Schema.Codec<Options, unknown>
  /** Members that name a secret. */
  readonly secretFields: ReadonlyArray<string>
  /** Opens the connection for as long as the scope lives. Must not call the runtime yet: a dead one is still connected. */
  readonly connect: (
    connecting: Connecting<Options>
  ) => Effect.Effect<RuntimeSource["Service"], Problem.Problem, R | Scope.Scope>
  /**
   * Goes the way to the runtime step by step, from `policy` to `tls`, for a test of the connection: by the same rules and
   * to the same place as `connect`, and without a credential. Absent where there is no such way.
   */
  readonly reach?: (
    connecting: Connecting<Options>,
    steps: Steps
  ) => Effect.Effect<void, Problem.Problem, R | Scope.Scope>
}

/** A kind that is ready to connect: its options and services are settled. */
export interface Installed {
  readonly kind: string
  readonly label: string
  readonly description: string
  readonly endpoint: "required" | "none"
  /** JSON Schema (draft 2020-12) of `options`. */
  readonly options_schema: Schema.JsonObject
  readonly secretFields: ReadonlyArray<string>
  /** Whether the entry fits the kind; opens nothing. */
  readonly check: (entry: ConnectionEntry) => Effect.Effect<void, EntryProblem>
  readonly connect: (entry: ConnectionEntry) => Effect.Effect<RuntimeSource["Service"], Problem.Problem, Scope.Scope>
  /** As the kind's own; `false` when it has none. */
  readonly reach: (entry: ConnectionEntry, steps: Steps) => Effect.Effect<boolean, Problem.Problem, Scope.Scope>
}

type EntryProblem = Problem.Problem<"invalid_request" | "invalid_endpoint">

/** Checks the entry against the kind and connects it. */
const install = Effect.fnUntraced(function* <Options, R>(kind: SourceKind<Options, R>) {
  const services = yield* Effect.context<R | SecretResolver>()
  const secrets = yield* SecretResolver
  const resolve = (ref: string) =>
    isSecretRef(ref) ? secrets.resolve(ref) : Effect.fail(unresolvable("unknown_scheme"))
  const decode = Schema.decodeUnknownEffect(kind.options, { onExcessProperty: "error", errors: "all" })
  const optionsOf = Effect.fnUntraced(function* (entry: ConnectionEntry) {
    if (kind.endpoint === "required" && entry.endpoint === undefined) {
      return yield* Problem.make("invalid_endpoint", "This kind needs an endpoint.", {
        errors: [{ pointer: "/endpoint", code: "missing" }]
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
  const connecting = Effect.fnUntraced(function* (entry: ConnectionEntry) {
    const ref = entry.token_ref
    return {
      id: entry.id,
      display_name: entry.display_name ?? entry.id,
      endpoint: entry.endpoint,
      token: ref === undefined ? undefined : resolve(ref),
      options: yield* optionsOf(entry)
    } satisfies Connecting<Options>
  })
  const withServices = <A>(effect: Effect.Effect<A, Problem.Problem, R | Scope.Scope>) =>
    Effect.updateContext(effect, (scoped: Context.Context<Scope.Scope>) => Context.merge(services, scoped))
  const connect: Installed["connect"] = (entry) => withServices(Effect.flatMap(connecting(entry), kind.connect))
  const reach: Installed["reach"] = Effect.fnUntraced(function* (entry, steps) {
    const it = yield* connecting(entry)
    if (kind.reach === undefined) return false
    yield* withServices(kind.reach(it, steps))
    return true
  })
  return {
    kind: kind.kind,
    label: kind.label,
    description: kind.description,
    endpoint: kind.endpoint,
    options_schema: Schema.toJsonSchemaDocument(kind.options).schema as Schema.JsonObject,
    secretFields: kind.secretFields,
    check: (entry) => Effect.asVoid(optionsOf(entry)),
    connect,
    reach
  } satisfies Installed
})

export class SourceKinds extends Context.Service<
  SourceKinds,
  {
    /** Adds a kind until the scope closes; a name that is taken is refused. */
    readonly add: <Options, R>(
      kind: SourceKind<Options, R>
    ) => Effect.Effect<void, Problem.Problem<"kind_taken">, R | SecretResolver | Scope.Scope>
    readonly list: Effect.Effect<ReadonlyArray<Installed>>
    readonly check: (entry: ConnectionEntry) => Effect.Effect<void, EntryProblem>
    readonly connect: (entry: ConnectionEntry) => Effect.Effect<RuntimeSource["Service"], Problem.Problem, Scope.Scope>
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
      add: (kind) =>
        Effect.gen(function* () {
          const installed = yield* install(kind)
          yield* Effect.acquireRelease(
            Effect.suspend(() => {
              if (kinds.has(kind.kind)) return Problem.fail("kind_taken", `The kind ${kind.kind} exists already.`)
              kinds.set(kind.kind, installed)
              return Effect.void
            }),
            () => Effect.sync(() => kinds.delete(kind.kind))
          )
        }),
      list: Effect.sync(() => [...kinds.values()]),
      check: (entry) => Effect.flatMap(find(entry), (kind) => kind.check(entry)),
      connect: (entry) => Effect.flatMap(find(entry), (kind) => kind.connect(entry)),
      reach: (entry, steps) => Effect.flatMap(find(entry), (kind) => kind.reach(entry, steps))
    }
  })
}
