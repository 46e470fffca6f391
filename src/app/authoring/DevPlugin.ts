/**
 * A plugin that its author is writing, in a backend that runs: each save starts a host of its own with what was saved, and
 * only when that can be loaded takes it the place of the last one. Connections of its kinds move over; what they had open
 * is opened again by whoever watches.
 */
import { Duration, Effect, Exit, type Schema, Scope } from "effect"
import { ConfigStore } from "../../domain/ConfigStore.ts"
import { Connections } from "../../domain/Connections.ts"
import { mark, type PluginDefinition } from "../../domain/plugin/Definition.ts"
import * as Grant from "../../domain/plugin/Grant.ts"
import { RuntimeRegistry } from "../../domain/RuntimeRegistry.ts"
import { SourceKinds } from "../../domain/SourceKind.ts"
import * as Isolated from "../plugins/isolated.ts"
import { NotLoaded } from "../plugins/PluginFile.ts"
import { find as findPlace } from "../plugins/PluginPlace.ts"
import * as SecretSchemes from "../plugins/SecretSchemes.ts"
import * as PluginFolder from "./PluginFolder.ts"

/** Calls that run when a connection moves over are waited for so long; then they fail as those of a lost host do. */
const handOver = Duration.seconds(2)

type Options = Readonly<Record<string, Schema.Json>>

interface Generation {
  readonly host: Scope.Closeable
  /** The names are free again when it closes. */
  readonly names: Scope.Closeable
  readonly kinds: ReadonlySet<string>
}

export interface Loaded {
  /** Kinds and schemes, as people call them. */
  readonly names: ReadonlyArray<string>
  /** Connections that are not well with what was saved, with a sentence each. */
  readonly trouble: ReadonlyArray<string>
}

const nameOf = (it: PluginDefinition): string =>
  it[mark] === "runtime_source" ? `the kind ${it.kind}` : `the scheme ${it.scheme}`

/**
 * @param given folder or module of the plugin
 * @param options of the plugin itself
 * @returns `load` loads what is saved now; it fails with what is wrong, and nothing has changed then
 */
export const make = Effect.fnUntraced(function* (given: string, options: Options) {
  const scope = yield* Effect.scope
  const kinds = yield* SourceKinds
  const connections = yield* Connections
  const registry = yield* RuntimeRegistry
  const store = yield* ConfigStore
  let current: Generation | undefined

  const install = Effect.fnUntraced(function* (definition: PluginDefinition) {
    const references = Grant.named(options, definition.secretFields).map(([, ref]) => ref)
    if (definition[mark] === "secret_scheme") return yield* SecretSchemes.install(definition, undefined, references)
    yield* Effect.mapError(
      kinds.add(definition, { settings: undefined, references }),
      ({ message }) => new NotLoaded({ reason: "kind_taken", sentence: message })
    )
  })

  /** A name of the product, or of another plugin. */
  const taken = Effect.fnUntraced(function* (definitions: ReadonlyArray<PluginDefinition>) {
    const others = (yield* kinds.list).filter(({ kind }) => current?.kinds.has(kind) !== true)
    for (const it of definitions) {
      if (it[mark] === "runtime_source" && others.some(({ kind }) => kind === it.kind)) {
        return yield* new NotLoaded({ reason: "kind_taken", sentence: `The kind ${it.kind} exists already.` })
      }
    }
  })

  /** Opens the connections of the plugin's kinds anew, and those that could not be opened before. */
  const moveOver = Effect.fnUntraced(function* (mine: ReadonlySet<string>) {
    const trouble: Array<string> = []
    for (const [id, entry] of yield* connections.active) {
      if (!mine.has(entry.kind)) continue
      const moved = yield* Effect.result(Effect.timeoutOption(registry.replace(kinds.connect(entry)), handOver))
      if (moved._tag === "Failure") trouble.push(`${id}: ${moved.failure.message}`)
    }
    const failed = yield* connections.failures
    const { connections: written } = yield* store.read
    if (written.some(({ id, kind }) => mine.has(kind) && failed.has(id))) {
      const applied = yield* Effect.result(connections.apply(false))
      if (applied._tag === "Failure") trouble.push(applied.failure.message)
      else trouble.push(...applied.success.diagnostics.map(({ message }) => message))
    }
    return trouble
  })

  const load = Effect.gen(function* () {
    const { file, folder, name } = yield* PluginFolder.find(given)
    yield* findPlace(folder, { path: file })
    const { egress } = yield* store.read
    const host = yield* Scope.fork(scope)
    const names = yield* Scope.fork(scope)
    const closeAll = Effect.andThen(Scope.close(names, Exit.void), Scope.close(host, Exit.void))
    const { definitions } = yield* Isolated.open({
      name: `Plugin "${name}"`,
      file,
      level: "process",
      options,
      egress,
      tell: (diagnostics) => Effect.forEach(diagnostics, ({ message }) => Effect.logWarning(message), { discard: true })
    }).pipe(
      Scope.provide(host),
      Effect.tap(({ definitions }) => taken(definitions)),
      Effect.onError(() => closeAll)
    )
    const previous = current
    current = undefined
    if (previous !== undefined) yield* Scope.close(previous.names, Exit.void)
    yield* Effect.forEach(definitions, (it) => Scope.provide(install(it), names), { discard: true }).pipe(
      Effect.onError(() => closeAll)
    )
    const mine = new Set(definitions.flatMap((it) => (it[mark] === "runtime_source" ? [it.kind] : [])))
    current = { host, names, kinds: mine }
    const trouble = yield* moveOver(mine)
    if (previous !== undefined) yield* Scope.close(previous.host, Exit.void)
    return { names: definitions.map(nameOf), trouble } satisfies Loaded
  })
  return { load }
})
