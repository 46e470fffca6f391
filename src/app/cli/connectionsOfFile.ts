/** The `connections` commands on the config file itself. A backend that runs notices, and shows the change as pending. */
import { Effect, Layer } from "effect"
import { toDetails } from "../../domain/api/ProblemDetails.ts"
import { ConfigStore, type WorkspaceConfig } from "../../domain/ConfigStore.ts"
import * as Connection from "../../domain/Connection.ts"
import type { ConnectionEntry } from "../../domain/Connection.ts"
import * as Negotiation from "../../domain/connections/Negotiation.ts"
import { ConnectionTest } from "../../domain/ConnectionTest.ts"
import { embeddedRuntimeId } from "../../domain/Identifiers.ts"
import * as Problem from "../../domain/Problem.ts"
import { RuntimeRegistry } from "../../domain/RuntimeRegistry.ts"
import { SecretRef, SecretResolver } from "../../domain/SecretResolver.ts"
import { SourceKinds } from "../../domain/SourceKind.ts"
import { checked } from "../backend/ConnectionInput.ts"
import { toToml } from "../backend/ExportToml.ts"
import * as Kinds from "../Kinds.ts"
import { Plugins } from "../plugins/Plugins.ts"
import { Refused, type Target, type WriteOptions } from "./ConnectionsTarget.ts"
import { usage } from "./Failure.ts"
import * as Workspace from "./Workspace.ts"

/** Nothing is live here: a test connects, asks and disconnects. */
const services = (folder: string) =>
  Negotiation.layer.pipe(
    Layer.provideMerge(Layer.orDie(Kinds.layer)),
    Layer.provideMerge(RuntimeRegistry.layer),
    Layer.provideMerge(Workspace.layer(folder))
  )

const refused = (problem: Problem.Problem) => new Refused({ details: toDetails(problem) })

const needsBackend = usage("This needs a backend that runs: add --url http://HOST:PORT.")

const make = Effect.gen(function* () {
  const store = yield* ConfigStore
  const installed = yield* SourceKinds
  const secrets = yield* SecretResolver
  const tester = yield* ConnectionTest
  const plugins = yield* Plugins

  const credentialOf = Effect.fnUntraced(function* ({ token_ref }: ConnectionEntry) {
    if (token_ref === undefined) return "none"
    const secret = yield* Effect.option(secrets.resolve(SecretRef.make(token_ref)))
    return secret._tag === "Some" ? "resolvable" : "unresolvable"
  })

  /** Whoever may write the file may name any secret of theirs, but not one that no provider has: it may be a secret itself. */
  const admit = Effect.fnUntraced(function* (entry: ConnectionEntry) {
    yield* installed.check(entry)
    const schemes = yield* secrets.schemes
    const unknown = [...(yield* installed.references(entry))].filter(
      ([, ref]) => !schemes.includes(ref.split(":", 1)[0] ?? "")
    )
    if (unknown.length === 0) return
    return yield* Problem.make("invalid_request", Connection.RAW_SECRET_SENTENCE, {
      errors: unknown.map(([pointer]) => ({ pointer, code: "unknown_scheme" }))
    })
  })

  const decoded = Effect.fnUntraced(function* (draft: object) {
    const entry = yield* checked(Connection.decodeEntry(draft))
    yield* admit(entry)
    return entry
  })

  const saved = Effect.fnUntraced(function* (id: string) {
    if (id === embeddedRuntimeId) return yield* Problem.make("runtime_built_in")
    const { connections } = yield* store.read
    return connections.find((it) => it.id === id) ?? (yield* Problem.make("connection_not_found"))
  })

  const ensureFileOnly = ({ apply, force }: WriteOptions) => (apply || force ? needsBackend : Effect.void)

  const viewOf = Effect.fnUntraced(function* (entry: ConnectionEntry, writable: boolean) {
    return {
      ...installed.shown(entry),
      display_name: entry.display_name ?? entry.id,
      origin: "file",
      editable: writable,
      deletable: writable,
      credential: yield* credentialOf(entry),
      diagnostics: []
    }
  })

  const written = Effect.fnUntraced(function* (id: string, { connections, diagnostics }: WorkspaceConfig) {
    const entry = connections.find((it) => it.id === id)
    const connection = entry === undefined ? undefined : { connection: yield* viewOf(entry, true) }
    return { ...connection, restart_required: true, diagnostics }
  })

  return {
    list: Effect.gen(function* () {
      const config = yield* store.read
      const { connections, diagnostics, writable } = config
      const views = yield* Effect.forEach(connections, (entry) => viewOf(entry, writable))
      return { connections: views, writable, diagnostics: [...diagnostics, ...(yield* plugins.diagnostics(config))] }
    }),
    add: Effect.fnUntraced(function* (draft, options) {
      yield* ensureFileOnly(options)
      return yield* Effect.gen(function* () {
        const entry = yield* decoded(draft)
        return yield* written(entry.id, yield* store.add(entry))
      }).pipe(Effect.mapError(refused))
    }),
    edit: Effect.fnUntraced(function* (id, patch, options) {
      yield* ensureFileOnly(options)
      return yield* Effect.gen(function* () {
        const change = yield* checked(Connection.decodePatch(patch))
        yield* admit(yield* checked(Connection.applyPatch(yield* saved(id), change)))
        return yield* written(id, yield* store.update(id, change))
      }).pipe(Effect.mapError(refused))
    }),
    remove: Effect.fnUntraced(function* (id, options) {
      yield* ensureFileOnly(options)
      const { diagnostics } = yield* Effect.mapError(store.remove(id), refused)
      return { restart_required: true, diagnostics }
    }),
    test: (id, onStep) =>
      saved(id).pipe(
        Effect.mapError(refused),
        Effect.flatMap((entry) => tester.run(entry, { saved: true, live: false, onStep }))
      ),
    testDraft: (draft, onStep) =>
      decoded(draft).pipe(
        Effect.mapError(refused),
        Effect.flatMap((entry) => tester.run(entry, { saved: false, live: false, onStep }))
      ),
    apply: () => needsBackend,
    export: Effect.flatMap(store.read, ({ connections, readable, refusal }) =>
      readable
        ? Effect.succeed(toToml(connections.map(installed.shown)))
        : refused(Problem.make("config_unwritable", refusal?.sentence))
    )
  } satisfies Target
})

/** Runs a command on the workspace's file. */
export const use = <A, E>(folder: string, command: (target: Target) => Effect.Effect<A, E>) =>
  Effect.flatMap(make, command).pipe(Effect.provide(services(folder)))
