/** Plugins that run beside the backend instead of in it. */
import { Effect } from "effect"
import * as DefinitionCheck from "../../domain/plugin/DefinitionCheck.ts"
import type { IsolatedPlugin } from "./Isolation.ts"
import { type Bounds, bounds as defaults } from "./isolatedBounds.ts"
import * as IsolatedDefinitions from "./isolatedDefinitions.ts"
import * as IsolatedSupervisor from "./isolatedSupervisor.ts"
import { NotLoaded } from "./PluginFile.ts"

/** The plugin's definitions, and its host under supervision, until the scope closes. */
export const open = Effect.fn("IsolatedPlugin.open")(function* (plugin: IsolatedPlugin, changed: Partial<Bounds> = {}) {
  const supervisor = yield* IsolatedSupervisor.make(plugin, { ...defaults, ...changed })
  const definitions = yield* IsolatedDefinitions.of(supervisor.facts, supervisor)
  for (const one of definitions) {
    // The host is not believed: what it says of a kind has to hold here as well.
    const flaw = DefinitionCheck.flawOf(one)
    if (flaw !== undefined) return yield* new NotLoaded(flaw)
  }
  return { definitions, pid: supervisor.pid, lives: supervisor.lives }
})
