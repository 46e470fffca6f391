/** Imports the module of a plugin, and takes the definitions out of it. Nothing that the module says is repeated. */
import { pathToFileURL } from "node:url"
import { Data, Duration, Effect } from "effect"
import type { PluginDefinition } from "../../domain/plugin/Definition.ts"
import * as DefinitionCheck from "../../domain/plugin/DefinitionCheck.ts"
import * as ExitGuard from "./ExitGuard.ts"
import * as SharedModules from "./SharedModules.ts"

/** A module that takes longer to import does something else. */
export const loadDeadline = Duration.seconds(10)

/** Definitions in one plugin, at most. */
export const maxDefinitions = 32

/** Why a plugin is not there: a word, and a sentence for a person that names no place. */
export class NotLoaded extends Data.TaggedError("NotLoaded")<{ readonly reason: string; readonly sentence: string }> {
  override get message(): string {
    return this.sentence
  }
}

const notLoaded = (reason: string, sentence: string) => new NotLoaded({ reason, sentence })

const listOf = (exported: unknown): ReadonlyArray<unknown> => (Array.isArray(exported) ? exported : [exported])

/** Evaluates the module. Its own errors are told by their class. */
const evaluate = (file: string) =>
  Effect.callback<Readonly<Record<string, unknown>>, NotLoaded>((resume) => {
    SharedModules.share()
    const { loaded, release } = ExitGuard.under(() => import(pathToFileURL(file).href))
    loaded.then(
      (module) => resume(Effect.succeed(module as Readonly<Record<string, unknown>>)),
      (thrown: unknown) =>
        resume(
          thrown instanceof ExitGuard.Exited
            ? notLoaded("exited", "It ended the process while it was loaded, which was not let happen.")
            : notLoaded("threw", `It failed while it was loaded (${DefinitionCheck.classOf(thrown)}).`)
        )
    )
    return Effect.sync(release)
  }).pipe(
    Effect.timeoutOrElse({
      duration: loadDeadline,
      orElse: () => notLoaded("timeout", `It was not loaded within ${Duration.format(loadDeadline)}.`)
    })
  )

/**
 * The definitions that a module exports by default, alone or in a list; where there is no default export, those with a
 * name. Fails with the first thing that is wrong.
 *
 * @param file absolute path, checked by the caller
 */
export const load = Effect.fn("PluginFile.load")(function* (file: string) {
  const module = yield* evaluate(file)
  const exported =
    module["default"] === undefined
      ? Object.values(module).filter(DefinitionCheck.isDefinition)
      : listOf(module["default"])
  if (exported.length === 0) {
    return yield* notLoaded("no_definition", "Its module exports no definition by default.")
  }
  if (exported.length > maxDefinitions) {
    return yield* notLoaded("too_many", `It has more than ${maxDefinitions} definitions.`)
  }
  const definitions: Array<PluginDefinition> = []
  for (const one of exported) {
    const flaw = DefinitionCheck.flawOf(one)
    if (flaw !== undefined) return yield* notLoaded(flaw.reason, flaw.sentence)
    definitions.push(one as PluginDefinition)
  }
  return definitions
})
