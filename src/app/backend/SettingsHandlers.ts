/** The settings API on top of the config file, the live set and the connection test. */
import { Effect } from "effect"
import { HttpApiSchema } from "effect/http-api"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { BrowserApi } from "../../domain/api/BrowserApi.ts"
import type { ConnectionView } from "../../domain/api/SettingsWire.ts"
import { ConfigStore, type WorkspaceConfig } from "../../domain/ConfigStore.ts"
import * as Connection from "../../domain/Connection.ts"
import type { ConnectionEntry } from "../../domain/Connection.ts"
import { Connections } from "../../domain/Connections.ts"
import { isNone, same } from "../../domain/connections/Difference.ts"
import { ConnectionTest, type TestOptions, type TestReport } from "../../domain/ConnectionTest.ts"
import { embeddedRuntimeId } from "../../domain/Identifiers.ts"
import * as Problem from "../../domain/Problem.ts"
import { SecretRef, SecretResolver } from "../../domain/SecretResolver.ts"
import { SourceKinds } from "../../domain/SourceKind.ts"
import { Plugins } from "../plugins/Plugins.ts"
import * as Endpoints from "../http/Endpoints.ts"
import * as Problems from "../http/Problems.ts"
import { checked } from "./ConnectionInput.ts"
import * as ConnectionViews from "./ConnectionViews.ts"
import * as EntityTags from "./EntityTags.ts"
import { toToml } from "./ExportToml.ts"
import * as TestLines from "./TestLines.ts"

const tagged = <A>(body: A, config: WorkspaceConfig) =>
  HttpApiSchema.withHeaders({ body, headers: { etag: EntityTags.etagOf(config) } })

export const layer = Endpoints.group(
  BrowserApi,
  "connections",
  Effect.fnUntraced(function* (handle) {
    const store = yield* ConfigStore
    const connections = yield* Connections
    const kinds = yield* SourceKinds
    const tester = yield* ConnectionTest
    const plugins = yield* Plugins
    const secrets = yield* SecretResolver

    /** Who comes through the API may not send whatever secret there is to wherever they like. */
    const admitReference = Effect.fnUntraced(function* (pointer: string, ref: string) {
      yield* Effect.mapError(secrets.admit(SecretRef.make(ref)), ({ context, message }) =>
        Problem.make("invalid_request", message, {
          errors: [{ pointer, code: context.reason ?? "invalid", message }]
        })
      )
    })

    const admitReferences = Effect.fnUntraced(function* (entry: ConnectionEntry) {
      for (const [pointer, ref] of yield* kinds.references(entry)) yield* admitReference(pointer, ref)
    })

    /** Anything but another name may carry a secret that somebody named in the file to another place. */
    const leadsElsewhere = (patched: ConnectionEntry, entry: ConnectionEntry): boolean => {
      const name = entry.display_name ?? entry.id
      return !same({ ...patched, display_name: name }, { ...entry, display_name: name })
    }

    const admit = Effect.fnUntraced(function* (entry: ConnectionEntry) {
      yield* kinds.check(entry)
      yield* admitReferences(entry)
    })

    /** What is wrong with the file, and with the plugins that it names. */
    const diagnosticsOf = (config: WorkspaceConfig) =>
      Effect.map(plugins.diagnostics(config), (found) => [...config.diagnostics, ...found])

    /** Writes alone, or together with making it live. */
    const save = <E>(
      query: Flags,
      persisted: ReadonlyArray<ConnectionEntry>,
      write: Effect.Effect<WorkspaceConfig, E>
    ): Effect.Effect<WorkspaceConfig, E | Problem.Problem<"runtime_in_use" | "config_unwritable">> =>
      query.apply === "true" ? connections.commit({ persisted, write, force: query.force === "true" }) : write

    const written = Effect.fnUntraced(function* (id: string, config: WorkspaceConfig) {
      const { connections: views, pending } = yield* ConnectionViews.all(config)
      const connection = views.find((it) => it.id === id)
      if (connection === undefined) return yield* Problem.make("connection_not_found")
      return tagged({ connection, restart_required: !isNone(pending), diagnostics: config.diagnostics }, config)
    })

    const entryOf = Effect.fnUntraced(function* (id: string) {
      if (id === embeddedRuntimeId)
        return yield* Problem.make("runtime_built_in", "The built-in runtime is always reachable.")
      const config = yield* store.read
      const entry = config.connections.find((it) => it.id === id)
      return entry ?? (yield* Problem.make("connection_not_found"))
    })

    const testing = (
      entry: ConnectionEntry,
      options: TestOptions,
      stream: "true" | "false" | undefined
    ): Effect.Effect<TestReport | HttpServerResponse.HttpServerResponse> =>
      stream === "true" ? Effect.succeed(TestLines.respond(tester, entry, options)) : tester.run(entry, options)

    return handle({
      list: () =>
        Effect.gen(function* () {
          const config = yield* store.read
          const { connections: views, pending } = yield* ConnectionViews.all(config)
          const body = {
            connections: views as ReadonlyArray<ConnectionView>,
            restart_required: !isNone(pending),
            pending,
            writable: config.writable,
            diagnostics: yield* diagnosticsOf(config)
          }
          return tagged(body, config)
        }).pipe(Problems.answer),
      add: ({ headers, payload, query }) =>
        Effect.gen(function* () {
          const entry = yield* checked(Connection.decodeEntry(payload))
          yield* admit(entry)
          const before = yield* store.read
          const expected = yield* EntityTags.expected(headers["if-match"], before)
          const config = yield* save(query, [...before.connections, entry], store.add(entry, expected))
          return yield* written(entry.id, config)
        }).pipe(Problems.answer),
      edit: ({ headers, params: { id }, payload, query }) =>
        Effect.gen(function* () {
          const patch = yield* checked(Connection.decodePatch(payload))
          const entry = yield* entryOf(id)
          const patched = yield* checked(Connection.applyPatch(entry, patch))
          yield* kinds.check(patched)
          if (leadsElsewhere(patched, entry)) yield* admitReferences(patched)
          const before = yield* store.read
          const expected = yield* EntityTags.expected(headers["if-match"], before)
          const persisted = before.connections.map((it) => (it.id === id ? patched : it))
          const config = yield* save(query, persisted, store.update(id, patch, expected))
          return yield* written(id, config)
        }).pipe(Problems.answer),
      remove: ({ headers, params: { id }, query }) =>
        Effect.gen(function* () {
          const before = yield* store.read
          const expected = yield* EntityTags.expected(headers["if-match"], before)
          const persisted = before.connections.filter((it) => it.id !== id)
          const config = yield* save(query, persisted, store.remove(id, expected))
          const pending = yield* connections.pending(config)
          return tagged({ restart_required: !isNone(pending), diagnostics: config.diagnostics }, config)
        }).pipe(Problems.answer),
      apply: ({ headers, query }) =>
        Effect.gen(function* () {
          yield* EntityTags.expected(headers["if-match"], yield* store.read)
          const { applied, diagnostics } = yield* connections.apply(query.force === "true")
          const config = yield* store.read
          const pending = yield* connections.pending(config)
          return tagged({ applied, restart_required: !isNone(pending), diagnostics }, config)
        }).pipe(Problems.answer),
      test: ({ params: { id }, query }) =>
        Effect.gen(function* () {
          const entry = yield* entryOf(id)
          const active = (yield* connections.active).get(id)
          const live = active !== undefined && same(active, entry)
          return yield* testing(entry, { saved: true, live }, query.stream)
        }).pipe(Problems.answer),
      testDraft: ({ payload, query }) =>
        Effect.gen(function* () {
          const entry = yield* checked(Connection.decodeEntry(payload))
          yield* admit(entry)
          return yield* testing(entry, { saved: false, live: false }, query.stream)
        }).pipe(Problems.answer),
      kinds: () =>
        Effect.map(kinds.list, (installed) => ({
          kinds: installed.map(({ description, endpoint, kind, label, options_schema, secretFields }) => ({
            kind,
            label,
            description,
            endpoint,
            options_schema,
            secret_fields: secretFields
          }))
        })),
      export: () =>
        Effect.map(store.read, (config) =>
          HttpServerResponse.text(toToml(config.connections.map(kinds.shown)), {
            contentType: "application/toml",
            headers: { "content-disposition": 'attachment; filename="runtime-connections.toml"' }
          })
        )
    })
  })
)

interface Flags {
  readonly apply?: "true" | "false"
  readonly force?: "true" | "false"
}
