/**
 * What a plugin is made of: definitions of kinds of runtime and of secret schemes, marked so that they are recognised
 * across two copies of this package.
 */
import type { Effect, Redacted, Schema, Scope } from "effect"
import type { RuntimeId } from "../Identifiers.ts"
import type { Steps } from "../ConnectionTest.ts"
import type * as Problem from "../Problem.ts"
import type { Capabilities, RuntimeDescription } from "../Runtime.ts"
import type { Primitives } from "../RuntimeSource.ts"
import type { Unresolvable } from "../SecretResolver.ts"
import type { PluginHost } from "./PluginHost.ts"

/** The version of everything that `yoi-workspace/plugin` exports. A definition of another version is refused at load. */
export const apiVersion = 1

/** Registered, so that every copy of this package has the same mark. */
export const mark: unique symbol = Symbol.for("yoi-workspace/plugin/definition")

/** A connection of the kind as somebody configured it, checked. */
export interface Connecting<Options, Settings = undefined> {
  /** The backend's name of the runtime. */
  readonly id: RuntimeId
  /** For people. */
  readonly display_name: string
  /** Absolute http(s) URL without user name, query or fragment. Present when the kind asks for one. */
  readonly endpoint: string | undefined
  /** Resolves the connection's `token_ref` anew each time, so that a rotated one is picked up; undefined without one. */
  readonly token: Effect.Effect<Redacted.Redacted, Unresolvable> | undefined
  /** The connection's `options`, decoded. */
  readonly options: Options
  /** The plugin's own `options` of the config file, decoded by `settings`; undefined where the definition has none. */
  readonly settings: Settings
}

/** What is left out of a description is filled in: the connection's id, running, no profiles, the declared capabilities. */
export type SourceDescription = Partial<RuntimeDescription>

/**
 * What `connect` returns: the operations of `RuntimeSource`. An operation that is left out, or whose capability the
 * definition does not declare, answers `operation_unsupported`.
 */
export interface SourcePrimitives
  extends Pick<Primitives, "list" | "get">, Partial<Omit<Primitives, "describe" | "list" | "get">> {
  readonly describe: Effect.Effect<SourceDescription, Problem.Problem>
}

/** What is said of a kind of runtime, beside how it is reached. */
export interface RuntimeSourceFacts<Options, Settings = undefined> {
  /** 1 to 64 characters: a lower-case letter, then letters, digits, `_`, `.` and `-`. Connections name it. */
  readonly kind: string
  /** The version of the plugin API that the definition was written for. */
  readonly apiVersion: number
  /** Name of the kind in the settings page, at most 80 characters. */
  readonly label: string
  /** A sentence or two for whoever chooses the kind, at most 500 characters. */
  readonly description: string
  /** Whether a connection of this kind has an address. */
  readonly endpoint: "required" | "none"
  /** Shape of the connection's `options`: form, validation and document are made from it. Give members title and description. */
  readonly options: Schema.Codec<Options, unknown>
  /**
   * Members that name a secret by reference: `token_ref`, or members of `options` (and of `settings`). Other values in
   * them are refused, and never shown.
   */
  readonly secretFields: ReadonlyArray<string>
  /**
   * What runtimes of this kind can do, with their limits. An operation that is not among it is never asked of the plugin.
   * Absent = every runtime says so itself.
   */
  readonly capabilities?: Capabilities
  /** Shape of the plugin's own `options` in `[[plugins]]`; absent = none. */
  readonly settings?: Schema.Codec<Settings, unknown>
  /**
   * A sentence for each `reason` that the kind's failures may have. The words of a failure itself are shown to nobody,
   * since they may repeat what a foreign system said.
   */
  readonly reasons?: Readonly<Record<string, string>>
}

/** A kind of runtime: one definition from which form, validation, file, API and connection are made. */
export interface RuntimeSourceDefinition<Options = never, Settings = never, R = never> extends RuntimeSourceFacts<
  Options,
  Settings
> {
  readonly [mark]: "runtime_source"
  /** Opens the connection for as long as the scope lives. Must not call the runtime yet: a dead one is still connected. */
  readonly connect: (
    connecting: Connecting<Options, Settings>,
    host: PluginHost
  ) => Effect.Effect<SourcePrimitives, Problem.Problem, R | Scope.Scope>
  /**
   * Goes the way to the runtime step by step, from `policy` to `tls`, for a test of the connection: by the same rules and
   * to the same place as `connect`, and without a credential. Absent where there is no such way.
   */
  readonly reach?: (
    connecting: Connecting<Options, Settings>,
    steps: Steps,
    host: PluginHost
  ) => Effect.Effect<void, Problem.Problem, R | Scope.Scope>
}

/** A scheme of secret references, for instance `vault:path/to/secret`. */
export interface SecretSchemeDefinition<Settings = never, R = never> {
  readonly [mark]: "secret_scheme"
  /** What stands before the colon: a lower-case letter, then at most 31 lower-case letters, digits and `-`. */
  readonly scheme: string
  /** The version of the plugin API that the definition was written for. */
  readonly apiVersion: number
  /** A sentence or two for whoever chooses the scheme, at most 500 characters. */
  readonly description: string
  /** Shape of the plugin's own `options` in `[[plugins]]`; absent = none. */
  readonly settings?: Schema.Codec<Settings, unknown>
  /** Members of `settings` that name a secret of another scheme by reference. */
  readonly secretFields: ReadonlyArray<string>
  /** Opens what resolving needs, once, for as long as the scope lives. */
  readonly open: (settings: Settings, host: PluginHost) => Effect.Effect<SecretLookup, Problem.Problem, R | Scope.Scope>
}

export interface SecretLookup {
  /**
   * @param rest what follows the colon
   * @returns the secret; a failure of any kind is told as `secret_unresolvable` without a word of it
   */
  readonly resolve: (rest: string) => Effect.Effect<Redacted.Redacted<string>, unknown>
  /**
   * Whether somebody who can only reach the API may name this secret; false = only the config file may. Absent = everything.
   */
  readonly admits?: (rest: string) => boolean
}

/** Anything that a plugin's module may export by default, alone or in a list. */
export type PluginDefinition = RuntimeSourceDefinition<unknown, unknown> | SecretSchemeDefinition<unknown>

/** Defines a kind of runtime. Export it by default from the plugin's module. */
export const defineRuntimeSource = <Options, Settings = undefined, R = never>(
  definition: Omit<RuntimeSourceDefinition<Options, Settings, R>, typeof mark>
): RuntimeSourceDefinition<Options, Settings, R> => ({ ...definition, [mark]: "runtime_source" })

/** Defines a scheme of secret references. Export it by default from the plugin's module. */
export const defineSecretScheme = <Settings = undefined, R = never>(
  definition: Omit<SecretSchemeDefinition<Settings, R>, typeof mark>
): SecretSchemeDefinition<Settings, R> => ({ ...definition, [mark]: "secret_scheme" })
