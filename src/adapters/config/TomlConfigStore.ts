/** The config in a TOML file that people edit too: every write keeps all that it does not change, byte for byte. */
import { Effect, FileSystem, Layer, Option, Ref, Result, Semaphore } from "effect"
import * as ConfigStore from "../../domain/ConfigStore.ts"
import type { WorkspaceConfig } from "../../domain/ConfigStore.ts"
import { type ConnectionEntry, REMOTE_HTTP } from "../../domain/Connection.ts"
import type { Diagnostic } from "../../domain/Diagnostic.ts"
import * as Problem from "../../domain/Problem.ts"
import * as AtomicFile from "./AtomicFile.ts"
import * as ConfigConnections from "./ConfigConnections.ts"
import * as ConfigPlugins from "./ConfigPlugins.ts"
import * as ConfigSections from "./ConfigSections.ts"
import { configTemplate } from "./configTemplate.ts"
import { errno, type FileRefused } from "./FileRefused.ts"
import * as TomlDocument from "./TomlDocument.ts"
import type { TomlRefusal } from "./TomlRefusal.ts"
import type { Writable } from "./TomlValue.ts"

export interface Options {
  /** The config file. A missing one is an empty config; the first write makes it from the commented template. */
  readonly path: string
}

/** Diagnostics in one answer; a broken file would otherwise produce one per key. */
const MAX_DIAGNOSTICS = 100

/** Others than the owner may change what the backend connects to. */
const LOOSE_MODE = 0o022

interface Decoded {
  /** What edits start from; absent when the text is no TOML. */
  readonly document: TomlDocument.TomlDocument | undefined
  readonly config: WorkspaceConfig
  readonly places: ReadonlyMap<string, ConfigConnections.Place>
}

const blank = { server: {}, data: {}, limits: {}, egress: {}, plugins: [], connections: [], rejected_ids: [] }

const unreadable = (revision: string, reason: string, sentence: string, line = ""): Decoded => ({
  document: undefined,
  places: new Map(),
  config: {
    ...blank,
    // What the file says about egress is unknown, so nothing is permitted.
    egress: { allow: [] },
    diagnostics: [{ code: `config_${reason}`, severity: "error", message: `${line}${sentence}` }],
    revision,
    readable: false,
    writable: false,
    refusal: { reason, sentence: `${line}${sentence}` }
  }
})

const capped = (diagnostics: ReadonlyArray<Diagnostic>): ReadonlyArray<Diagnostic> => {
  const more = diagnostics.length - MAX_DIAGNOSTICS
  if (more <= 0) return diagnostics
  const message = `There are ${more + 1} more findings in the config file.`
  return [...diagnostics.slice(0, MAX_DIAGNOSTICS - 1), { code: "config_more", severity: "warning", message }]
}

const looseMode = (mode: number | undefined): ReadonlyArray<Diagnostic> =>
  mode === undefined || (mode & LOOSE_MODE) === 0
    ? []
    : [
        {
          code: "config_mode_loose",
          severity: "warning",
          message: "Others may write the config file; chmod it to 600."
        }
      ]

/** What a snapshot says. Its document is made here, unless it is what an edit has just given. */
const decode = ({ text, revision, mode }: AtomicFile.FileSnapshot, edited?: TomlDocument.TomlDocument): Decoded =>
  Result.gen(function* () {
    const document = edited ?? (yield* TomlDocument.parse(text))
    const { places, ...connections } = yield* ConfigConnections.decode(document)
    const plugins = yield* ConfigPlugins.decode(document)
    const sections = ConfigSections.decode(document)
    const diagnostics = [
      ...looseMode(mode),
      ...sections.diagnostics,
      ...plugins.diagnostics,
      ...connections.diagnostics
    ]
    return {
      document,
      places,
      config: {
        ...sections,
        ...connections,
        plugins: plugins.plugins,
        diagnostics: capped(diagnostics),
        revision,
        readable: true,
        writable: true
      }
    } satisfies Decoded
  }).pipe(
    Result.getOrElse(({ column, line, reason, sentence }: TomlRefusal) => {
      const column_ = column === undefined ? "" : `, column ${column}`
      return unreadable(revision, reason, sentence, line === undefined ? "" : `Line ${line}${column_}: `)
    })
  )

/** The file's failures as problems. Only the `errno` name is logged: the cause holds the path. */
const fileProblem = Effect.fnUntraced(function* (refused: FileRefused) {
  const context = { reason: refused.reason }
  const cause = refused.cause
  const code = typeof cause === "object" && cause !== null && "reason" in cause ? errno(cause as never) : undefined
  if (refused.reason === "changed") return yield* Problem.fail("config_changed")
  yield* Effect.logWarning("The config file was not written").pipe(
    Effect.annotateLogs({ ...context, errno: code ?? "" })
  )
  switch (refused.reason) {
    case "io":
    case "disk_full":
    case "locked":
    case "not_confirmed":
      return yield* Problem.fail("config_io", refused.message, context)
    default:
      return yield* Problem.fail("config_unwritable", refused.message, context)
  }
})

const tomlProblem = (refusal: TomlRefusal) =>
  refusal.reason === "unencodable"
    ? Problem.make("invalid_request", refusal.message, { errors: [{ pointer: "/options", code: "unencodable" }] })
    : Problem.make("config_unwritable", refusal.message, { reason: refusal.reason })

/** The keys of a new entry, in the order in which people read them. */
const keysOf = ({ display_name, endpoint, id, kind, options, token_ref }: ConnectionEntry) =>
  Object.fromEntries(
    Object.entries({
      id,
      kind: kind === REMOTE_HTTP ? undefined : kind,
      endpoint,
      display_name,
      token_ref,
      options
    }).filter(([, value]) => value !== undefined)
  ) as { readonly [key: string]: Writable }

export const layer = (options: Options): Layer.Layer<ConfigStore.ConfigStore, never, FileSystem.FileSystem> =>
  Layer.effect(
    ConfigStore.ConfigStore,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const last = yield* Ref.make(Option.none<Decoded & { readonly mode: number | undefined }>())

      // Writers of this process queue here; the lock file, which is asked again and again, is for other processes.
      const writers = yield* Semaphore.make(1)

      const load = Effect.gen(function* () {
        const snapshot = yield* AtomicFile.read(options.path)
        const known = yield* Ref.get(last)
        if (
          Option.isSome(known) &&
          known.value.config.revision === snapshot.revision &&
          known.value.mode === snapshot.mode
        ) {
          return { ...known.value, snapshot }
        }
        const decoded = { ...decode(snapshot), mode: snapshot.mode }
        yield* Ref.set(last, Option.some(decoded))
        return { ...decoded, snapshot }
      })

      const read = load.pipe(
        Effect.map(({ config }) => config),
        Effect.catch((refused) =>
          Effect.succeed(unreadable(`unreadable-${refused.reason}`, refused.reason, refused.message).config)
        ),
        Effect.provideService(FileSystem.FileSystem, fs)
      )

      type Edited = Result.Result<TomlDocument.TomlDocument, TomlRefusal>
      type Edit = (document: TomlDocument.TomlDocument, decoded: Decoded) => Edited

      const write = Effect.fnUntraced(
        function* (revision: string, edit: Edit) {
          const { snapshot, ...decoded } = yield* load
          if (snapshot.revision !== revision) return yield* Problem.fail("config_changed")
          const base =
            revision === AtomicFile.ABSENT
              ? TomlDocument.parse(configTemplate)
              : decoded.document === undefined
                ? TomlDocument.parse(snapshot.text)
                : Result.succeed(decoded.document)
          const edited = yield* Effect.mapError(
            Effect.fromResult(Result.flatMap(base, (document) => edit(document, decoded))),
            tomlProblem
          )
          const written = yield* AtomicFile.replace(options.path, revision, edited.text)
          // The edit was parsed and compared before it was written: these are the bytes of that text.
          const after = { ...decode(written, edited), mode: written.mode }
          yield* Ref.set(last, Option.some(after))
          return after.config
        },
        writers.withPermits(1),
        Effect.catchTag("FileRefused", fileProblem),
        Effect.provideService(FileSystem.FileSystem, fs)
      )

      const withPlace =
        (id: string, edit: (document: TomlDocument.TomlDocument, place: ConfigConnections.Place) => Edited): Edit =>
        (document, { places }) => {
          const place = places.get(id)
          return place === undefined ? Result.succeed(document) : edit(document, place)
        }

      return ConfigStore.make({
        read,
        defaultTemplate: configTemplate,
        insert: Effect.fn("TomlConfigStore.insert")((entry, revision) => {
          const path = entry.kind === REMOTE_HTTP ? ConfigConnections.REMOTE : ConfigConnections.SOURCE
          return write(revision, (document) => TomlDocument.add(document, path, keysOf(entry)))
        }),
        change: Effect.fn("TomlConfigStore.change")((id, change, revision) =>
          write(
            revision,
            withPlace(id, (document, { index, path }) => TomlDocument.update(document, path, index, change))
          )
        ),
        drop: Effect.fn("TomlConfigStore.drop")((id, revision) =>
          write(
            revision,
            withPlace(id, (document, { index, path }) => TomlDocument.remove(document, path, index))
          )
        )
      })
    })
  )
