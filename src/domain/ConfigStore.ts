/** The port to the workspace's config file. Adapters read and change one entry; `make` adds the rules every store shares. */
import { Context, Duration, Effect, Schedule, Stream } from "effect"
import * as Connection from "./Connection.ts"
import type { ConnectionEntry, ConnectionPatch } from "./Connection.ts"
import type { Diagnostic } from "./Diagnostic.ts"
import { embeddedRuntimeId } from "./Identifiers.ts"
import type { PlacedPlugin } from "./plugin/PluginEntry.ts"
import * as Problem from "./Problem.ts"

export interface ServerSection {
  /** `host:port` as written. */
  readonly listen?: string
  readonly access_token_ref?: string
  readonly allowed_hosts?: ReadonlyArray<string>
}

/** Networks are CIDR or one address. When the section is invalid this is an empty `allow`: nothing may be reached. */
export interface EgressSection {
  readonly allow_private?: boolean
  readonly allow?: ReadonlyArray<string>
  readonly deny?: ReadonlyArray<string>
  readonly ports?: ReadonlyArray<number>
}

/** Why a config cannot be read or changed: a word, and a sentence without path or content. */
export interface Refusal {
  readonly reason: string
  readonly sentence: string
}

/** What is persisted. Never what is active, and never what was observed. */
export interface WorkspaceConfig {
  readonly server: ServerSection
  readonly data: { readonly root?: string }
  /** Positive integers by name, for instance `max_records`. */
  readonly limits: Readonly<Record<string, number>>
  readonly egress: EgressSection
  /** Loaded once, at start, in file order. */
  readonly plugins: ReadonlyArray<PlacedPlugin>
  /** The valid entries, in file order; ids are unique. */
  readonly connections: ReadonlyArray<ConnectionEntry>
  /** Ids of entries that were left out. They are taken, and can be removed. */
  readonly rejected_ids: ReadonlyArray<string>
  readonly diagnostics: ReadonlyArray<Diagnostic>
  /** Opaque; equal revisions mean equal content. */
  readonly revision: string
  /** False when there is something that could not be read: an empty `connections` then says nothing about what is meant. */
  readonly readable: boolean
  /** False when the store refuses every change, with the reason in `refusal`. */
  readonly writable: boolean
  readonly refusal?: Refusal
}

export type WriteProblem = Problem.Problem<
  | "config_changed"
  | "config_unwritable"
  | "config_io"
  | "connection_not_found"
  | "invalid_request"
  | "runtime_built_in"
  | "runtime_id_taken"
>

/** Keys of an entry to set; `undefined` removes one. */
export type EntryChange = { readonly [K in keyof ConnectionPatch]: Exclude<ConnectionPatch[K], null> | undefined }

type Write = Effect.Effect<
  WorkspaceConfig,
  Problem.Problem<"config_changed" | "config_unwritable" | "config_io" | "invalid_request">
>

/** Writes fail with `config_changed` unless `revision` is the stored one, and then change nothing. */
export interface Primitives {
  readonly read: Effect.Effect<WorkspaceConfig>
  readonly insert: (entry: ConnectionEntry, revision: string) => Write
  readonly change: (id: string, change: EntryChange, revision: string) => Write
  readonly drop: (id: string, revision: string) => Write
  /** The commented file that `config default` prints. */
  readonly defaultTemplate: string
}

/** Time between two looks for changes made by hand. */
const POLL_INTERVAL = Duration.seconds(1)

export class ConfigStore extends Context.Service<
  ConfigStore,
  {
    /** Never fails: what is wrong with the file is part of the answer. */
    readonly read: Effect.Effect<WorkspaceConfig>
    /** `expected` is the revision the caller saw; without it the change applies to what is there now. */
    readonly add: (entry: ConnectionEntry, expected?: string) => Effect.Effect<WorkspaceConfig, WriteProblem>
    /** The patched entry must be valid; keys that this version does not know are kept. */
    readonly update: (
      id: string,
      patch: ConnectionPatch,
      expected?: string
    ) => Effect.Effect<WorkspaceConfig, WriteProblem>
    readonly remove: (id: string, expected?: string) => Effect.Effect<WorkspaceConfig, WriteProblem>
    /** The config now, and again whenever its revision has changed, by whomever. Looks once a second. */
    readonly changes: Stream.Stream<WorkspaceConfig>
    readonly defaultTemplate: string
  }
>()("yoi-workspace/domain/ConfigStore") {}

const current = Effect.fnUntraced(function* (primitives: Primitives, id: string, expected: string | undefined) {
  if (id === embeddedRuntimeId) return yield* Problem.fail("runtime_built_in")
  const config = yield* primitives.read
  if (expected !== undefined && expected !== config.revision) return yield* Problem.fail("config_changed")
  if (config.writable) return config
  return yield* Problem.fail("config_unwritable", config.refusal?.sentence, { reason: config.refusal?.reason ?? "" })
})

const invalid = (errors: ReadonlyArray<Problem.FieldError>) => Problem.make("invalid_request", undefined, { errors })

/** The keys that the patch names, with their normalised values; absent values are removed. */
const change = (patch: ConnectionPatch, patched: ConnectionEntry): EntryChange =>
  Object.fromEntries(Object.keys(patch).map((key) => [key, patched[key as keyof ConnectionPatch]]))

export const make = (primitives: Primitives): ConfigStore["Service"] =>
  ConfigStore.of({
    read: primitives.read,
    defaultTemplate: primitives.defaultTemplate,
    add: Effect.fn("ConfigStore.add")(function* (entry, expected) {
      const config = yield* current(primitives, entry.id, expected)
      const taken = config.connections.some(({ id }) => id === entry.id) || config.rejected_ids.includes(entry.id)
      if (taken) return yield* Problem.fail("runtime_id_taken", undefined, { runtime_id: entry.id })
      const checked = yield* Effect.mapError(Effect.fromResult(Connection.decodeEntry(entry)), invalid)
      return yield* primitives.insert(checked, config.revision)
    }),
    update: Effect.fn("ConfigStore.update")(function* (id, patch, expected) {
      const config = yield* current(primitives, id, expected)
      const entry = config.connections.find((connection) => connection.id === id)
      if (entry === undefined) return yield* Problem.fail("connection_not_found")
      const patched = yield* Effect.mapError(Effect.fromResult(Connection.applyPatch(entry, patch)), invalid)
      return yield* primitives.change(id, change(patch, patched), config.revision)
    }),
    remove: Effect.fn("ConfigStore.remove")(function* (id, expected) {
      const config = yield* current(primitives, id, expected)
      const exists = config.connections.some((entry) => entry.id === id) || config.rejected_ids.includes(id)
      return exists ? yield* primitives.drop(id, config.revision) : yield* Problem.fail("connection_not_found")
    }),
    changes: Stream.fromEffectSchedule(primitives.read, Schedule.spaced(POLL_INTERVAL)).pipe(
      Stream.changesWith((left, right) => left.revision === right.revision)
    )
  })
