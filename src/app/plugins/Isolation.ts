/** The seam to plugins that run elsewhere: whoever loads one hands back definitions whose connections lead there. */
import { Context, Effect, type Scope } from "effect"
import type { EgressSection } from "../../domain/ConfigStore.ts"
import type { Diagnostic } from "../../domain/Diagnostic.ts"
import type { PluginDefinition } from "../../domain/plugin/Definition.ts"
import type { Isolation } from "../../domain/plugin/PluginEntry.ts"
import { NotLoaded } from "./PluginFile.ts"

export interface IsolatedPlugin {
  /** For logs and diagnostics; no path. */
  readonly name: string
  /** The module, found and checked. */
  readonly file: string
  readonly level: Exclude<Isolation, "none">
  /**
   * The plugin's options as they are in the file. The other side decodes them (`PluginSettings.decode`), and the
   * definitions that come back have no `settings`.
   */
  readonly options: Readonly<Record<string, unknown>>
  /** Enforced on the other side. */
  readonly egress: EgressSection
  /** Tells people how it fares from now on: a crash loop, or that it is back. Replaces what was told before. */
  readonly tell: (diagnostics: ReadonlyArray<Diagnostic>) => Effect.Effect<void>
}

/** Runs the plugin for as long as the scope lives. */
export type LoadIsolated = (
  plugin: IsolatedPlugin
) => Effect.Effect<ReadonlyArray<PluginDefinition>, NotLoaded, Scope.Scope>

/** Without one, plugins that ask to be isolated are not loaded: running them unguarded is not what was asked for. */
export const IsolatedLoader = Context.Reference<LoadIsolated>("yoi-workspace/app/plugins/IsolatedLoader", {
  defaultValue: () => () =>
    Effect.fail(
      new NotLoaded({ reason: "isolation_unavailable", sentence: "This program cannot run plugins in isolation." })
    )
})
