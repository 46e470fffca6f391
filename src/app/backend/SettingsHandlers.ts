/** The settings API on top of the config file, the live set and the connection test. */
import { Effect, Result } from "effect"
import { HttpApiBuilder, HttpApiSchema } from "effect/http-api"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { BrowserApi } from "../../domain/api/BrowserApi.ts"
import type { ConnectionView } from "../../domain/api/SettingsWire.ts"
import { ConfigStore, type WorkspaceConfig } from "../../domain/ConfigStore.ts"
import * as Connection from "../../domain/Connection.ts"
import { Connections } from "../../domain/Connections.ts"
import { isNone } from "../../domain/connections/Difference.ts"
import { ConnectionTest } from "../../domain/ConnectionTest.ts"
import { embeddedRuntimeId } from "../../domain/Identifiers.ts"
import * as Problem from "../../domain/Problem.ts"
import { SourceKinds } from "../../domain/SourceKind.ts"
import * as Problems from "../http/Problems.ts"
import * as ConnectionViews from "./ConnectionViews.ts"
import { toToml } from "./ExportToml.ts"

const etagOf = (config: WorkspaceConfig): string => `"${config.revision}"`

/** The revision that a write expects; several tags are refused because only one can be meant. */
const expectedOf = (header: string | undefined): string | undefined => {
  const tag = header?.trim()
  return tag === undefined || tag === "*" ? undefined : tag.replace(/^(W\/)?"(.*)"$/, "$2")
}

/** The most telling code for what is wrong with an entry. */
const refuse = (errors: ReadonlyArray<Problem.FieldError>) => {
  const only = (pointer: string) => errors.length > 0 && errors.every((error) => error.pointer === pointer)
  const secret = errors.find(({ code }) => code === "raw_secret")
  if (secret !== undefined) return Problem.make("invalid_request", Connection.RAW_SECRET_SENTENCE, { errors })
  if (only("/endpoint")) return Problem.make("invalid_endpoint", undefined, { errors })
  if (only("/id")) return Problem.make("invalid_runtime_id", undefined, { errors })
  return Problem.make("invalid_request", undefined, { errors })
}

const checked = <A>(result: Result.Result<A, ReadonlyArray<Problem.FieldError>>) =>
  Effect.mapError(Effect.fromResult(result), refuse)

const tagged = <A>(body: A, config: WorkspaceConfig) =>
  HttpApiSchema.withHeaders({ body, headers: { etag: etagOf(config) } })

export const layer = HttpApiBuilder.group(
  BrowserApi,
  "connections",
  Effect.fnUntraced(function* (handlers) {
    const store = yield* ConfigStore
    const connections = yield* Connections
    const kinds = yield* SourceKinds
    const tester = yield* ConnectionTest

    /** Applies where it was asked for; a change that cannot be applied stays written and pending, and says so. */
    const applied = (wanted: "true" | "false" | undefined, force: "true" | "false" | undefined) =>
      wanted === "true" ? connections.apply(force === "true") : Effect.void

    /** With `?apply=true` a blocker is told before anything is written. */
    const ensureFree = Effect.fnUntraced(function* (id: string, query: Flags, interrupts: boolean) {
      if (query.apply !== "true" || query.force === "true" || !interrupts) return
      const active = yield* connections.active
      if (!active.has(id)) return
      const blockers = yield* connections.blockers(id)
      if (blockers.length > 0) return yield* Problem.make("runtime_in_use", undefined, { runtime_id: id, blockers })
    })

    const written = Effect.fnUntraced(function* (id: string, config: WorkspaceConfig) {
      const { connections: views, pending } = yield* ConnectionViews.all(config)
      const connection = views.find((it) => it.id === id)
      if (connection === undefined) return yield* Problem.make("connection_not_found")
      return tagged({ connection, restart_required: !isNone(pending), diagnostics: config.diagnostics }, config)
    })

    const entryOf = Effect.fnUntraced(function* (id: string) {
      if (id === embeddedRuntimeId) return yield* Problem.make("runtime_built_in", "The built-in runtime is always reachable.")
      const config = yield* store.read
      const entry = config.connections.find((it) => it.id === id)
      return entry ?? (yield* Problem.make("connection_not_found"))
    })

    return handlers.handleAll({
      list: () =>
        Effect.gen(function* () {
          const config = yield* store.read
          const { connections: views, pending } = yield* ConnectionViews.all(config)
          const body = {
            connections: views as ReadonlyArray<ConnectionView>,
            restart_required: !isNone(pending),
            pending,
            writable: config.writable,
            diagnostics: config.diagnostics
          }
          return tagged(body, config)
        }).pipe(Problems.answer),
      add: ({ headers, payload, query }) =>
        Effect.gen(function* () {
          const entry = yield* checked(Connection.decodeEntry(payload))
          yield* kinds.check(entry)
          const config = yield* store.add(entry, expectedOf(headers["if-match"]))
          yield* applied(query.apply, undefined)
          return yield* written(entry.id, config)
        }).pipe(Problems.answer),
      edit: ({ headers, params: { id }, payload, query }) =>
        Effect.gen(function* () {
          const patch = yield* checked(Connection.decodePatch(payload))
          const entry = yield* entryOf(id)
          const patched = yield* checked(Connection.applyPatch(entry, patch))
          yield* kinds.check(patched)
          yield* ensureFree(id, query, patched.endpoint !== entry.endpoint)
          const config = yield* store.update(id, patch, expectedOf(headers["if-match"]))
          yield* applied(query.apply, query.force)
          return yield* written(id, config)
        }).pipe(Problems.answer),
      remove: ({ headers, params: { id }, query }) =>
        Effect.gen(function* () {
          yield* ensureFree(id, query, true)
          const config = yield* store.remove(id, expectedOf(headers["if-match"]))
          yield* applied(query.apply, query.force)
          const pending = yield* connections.pending
          return tagged({ restart_required: !isNone(pending), diagnostics: config.diagnostics }, config)
        }).pipe(Problems.answer),
      apply: ({ headers, query }) =>
        Effect.gen(function* () {
          const config = yield* store.read
          const expected = expectedOf(headers["if-match"])
          if (expected !== undefined && expected !== config.revision) return yield* Problem.make("config_changed")
          const done = yield* connections.apply(query.force === "true")
          const pending = yield* connections.pending
          return tagged({ applied: done, restart_required: !isNone(pending) }, config)
        }).pipe(Problems.answer),
      test: ({ params: { id } }) =>
        entryOf(id).pipe(
          Effect.flatMap((entry) => tester.run(entry, true)),
          Problems.answer
        ),
      testDraft: ({ payload }) =>
        checked(Connection.decodeEntry(payload)).pipe(
          Effect.flatMap((entry) => tester.run(entry, false)),
          Problems.answer
        ),
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
          HttpServerResponse.text(toToml(config.connections), {
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
