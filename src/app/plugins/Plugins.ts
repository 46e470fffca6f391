/** Loads the plugins of the config file, once, at start. Each costs itself and a diagnostic when it cannot be loaded. */
import { Context, Effect, Exit, Layer, type Result, Scope } from "effect"
import { ConfigStore, type WorkspaceConfig } from "../../domain/ConfigStore.ts"
import type { Diagnostic } from "../../domain/Diagnostic.ts"
import { mark, type PluginDefinition } from "../../domain/plugin/Definition.ts"
import * as DefinitionCheck from "../../domain/plugin/DefinitionCheck.ts"
import * as Grant from "../../domain/plugin/Grant.ts"
import { nameOf, type PlacedPlugin } from "../../domain/plugin/PluginEntry.ts"
import type { SecretResolver } from "../../domain/SecretResolver.ts"
import { SourceKinds } from "../../domain/SourceKind.ts"
import { IsolatedLoader } from "./Isolation.ts"
import * as PluginFile from "./PluginFile.ts"
import { NotLoaded } from "./PluginFile.ts"
import { ConfigFolder, find } from "./PluginPlace.ts"
import * as PluginSettings from "./PluginSettings.ts"
import * as Strays from "./Strays.ts"
import * as SecretSchemes from "./SecretSchemes.ts"

/** Plugins that are imported at once. They are installed one after the other, in the order of the file. */
const concurrency = 8

/** What was imported, and the scope that it lives in until it is found not to fit. */
interface Imported {
  readonly plugin: PlacedPlugin
  readonly scope: Scope.Closeable
  readonly result: Result.Result<ReadonlyArray<PluginSettings.Ready>, NotLoaded>
}

/** Isolated ones have decoded their options on the other side; their secrets are granted here. */
const isolated = (definitions: ReadonlyArray<PluginDefinition>, options: Readonly<Record<string, unknown>>) =>
  definitions.map((definition) => ({
    definition,
    settings: undefined,
    references: Grant.named(options, definition.secretFields).map(([, ref]) => ref)
  }))

/** The plugin's definitions, with its options decoded. */
const definitionsOf = Effect.fnUntraced(function* (
  plugin: PlacedPlugin,
  config: WorkspaceConfig,
  tell: (diagnostics: ReadonlyArray<Diagnostic>) => Effect.Effect<void>
) {
  const folder = yield* ConfigFolder
  if (folder === undefined) {
    return yield* new NotLoaded({
      reason: "not_found",
      sentence: "This program has no config file that plugins lie beside."
    })
  }
  const file = yield* find(folder, plugin)
  const { isolation = "none", options = {} } = plugin
  if (isolation === "none") return yield* PluginSettings.decode(yield* PluginFile.load(file), options)
  const load = yield* IsolatedLoader
  const made = yield* load({ name: nameOf(plugin), file, level: isolation, options, egress: config.egress, tell })
  return isolated(made, options)
})

/** One definition of a plugin. */
const install = Effect.fnUntraced(function* ({ definition, references, settings }: PluginSettings.Ready) {
  if (definition[mark] === "secret_scheme") return yield* SecretSchemes.install(definition, settings, references)
  const kinds = yield* SourceKinds
  yield* Effect.mapError(
    kinds.add(definition, { settings, references }),
    ({ message }) => new NotLoaded({ reason: "kind_taken", sentence: message })
  )
})

/** An error of its program, met while it was looked at. */
const contained = <A, R>(effect: Effect.Effect<A, NotLoaded, R>) =>
  Effect.catchDefect(effect, (defect) =>
    Effect.fail(
      new NotLoaded({
        reason: "threw",
        sentence: `It broke off with an error of its program (${DefinitionCheck.classOf(defect)}).`
      })
    )
  )

/** What a person is told. The reason is part of the code, so that each case can be looked up. */
const diagnosticOf = (plugin: PlacedPlugin, { reason, sentence }: NotLoaded): Diagnostic => ({
  code: `plugin_${reason}`,
  severity: "error",
  message: `${nameOf(plugin)}: ${sentence}`
})

const changed: Diagnostic = {
  code: "plugins_changed",
  severity: "info",
  message: "The plugins of the config file have changed since the start. The change takes effect at the next start."
}

const listOf = ({ plugins }: WorkspaceConfig): string => JSON.stringify(plugins)

export class Plugins extends Context.Service<
  Plugins,
  {
    /** What is wrong with the plugins now. */
    readonly diagnostics: (config: WorkspaceConfig) => Effect.Effect<ReadonlyArray<Diagnostic>>
  }
>()("yoi-workspace/app/plugins/Plugins") {
  /** Needs the product's own kinds and schemes to be there already: their names are taken then. */
  static readonly layer: Layer.Layer<Plugins, never, ConfigStore | SecretResolver | SourceKinds> = Layer.effect(
    Plugins,
    Effect.gen(function* () {
      const store = yield* ConfigStore
      const parent = yield* Effect.scope
      const config = yield* store.read
      const loaded = listOf(config)
      const problems = new Map<number, ReadonlyArray<Diagnostic>>()
      /** What isolated plugins tell of themselves later. */
      const told = new Map<number, ReadonlyArray<Diagnostic>>()

      const importOne = Effect.fnUntraced(function* (plugin: PlacedPlugin) {
        const scope = yield* Scope.fork(parent)
        const tell = (diagnostics: ReadonlyArray<Diagnostic>) =>
          Effect.sync(() => void told.set(plugin.position, diagnostics))
        const result = yield* Effect.result(contained(Scope.provide(definitionsOf(plugin, config, tell), scope)))
        return { plugin, scope, result } satisfies Imported
      })

      const refuse = Effect.fnUntraced(function* ({ plugin }: Imported, failure: NotLoaded) {
        const diagnostic = diagnosticOf(plugin, failure)
        problems.set(plugin.position, [...(problems.get(plugin.position) ?? []), diagnostic])
        yield* Effect.logWarning("A plugin was not loaded").pipe(
          Effect.annotateLogs({ plugin: nameOf(plugin), reason: failure.reason })
        )
      })

      const installAll = Effect.fnUntraced(function* (imported: Imported) {
        const { result, scope } = imported
        if (result._tag === "Failure") {
          yield* refuse(imported, result.failure)
          return yield* Scope.close(scope, Exit.void)
        }
        for (const one of result.success) {
          yield* Effect.catch(contained(Scope.provide(install(one), scope)), (failure) => refuse(imported, failure))
        }
      })

      if (config.plugins.some(({ isolation = "none" }) => isolation === "none")) yield* Strays.watch
      const imported = yield* Effect.forEach(config.plugins, importOne, { concurrency })
      yield* Effect.forEach(imported, installAll, { discard: true })

      return Plugins.of({
        diagnostics: (now) =>
          Effect.sync(() => [
            ...config.plugins.flatMap(({ position }) => [
              ...(problems.get(position) ?? []),
              ...(told.get(position) ?? [])
            ]),
            ...(now.readable && listOf(now) !== loaded ? [changed] : [])
          ])
      })
    })
  )
}
