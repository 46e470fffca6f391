/** The kind that a plugin's module defines, for the conformance kit. */
import { resolve } from "node:path"
import { Data, Effect } from "effect"
import { mark, type PluginDefinition, type RuntimeSourceDefinition } from "../../domain/plugin/Definition.ts"
import * as PluginFile from "../plugins/PluginFile.ts"

/** Why there is no kind; the sentence is for a person at a terminal. */
export class NoKind extends Data.TaggedError("NoKind")<{ readonly sentence: string }> {
  override get message(): string {
    return this.sentence
  }
}

const isSource = (it: PluginDefinition): it is RuntimeSourceDefinition<unknown, unknown> =>
  it[mark] === "runtime_source"

/** The one kind that the module defines. */
export const load = Effect.fnUntraced(function* (path: string) {
  const definitions = yield* Effect.mapError(
    PluginFile.load(resolve(path)),
    ({ sentence }) => new NoKind({ sentence: `The plugin could not be loaded. ${sentence}` })
  )
  const kinds = definitions.filter(isSource)
  const [kind] = kinds
  if (kind === undefined || kinds.length > 1) {
    return yield* new NoKind({ sentence: `The plugin exports ${kinds.length} kinds of source instead of one.` })
  }
  return kind
})
