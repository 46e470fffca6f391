/** A plugin as an author tries it: loaded at one level of isolation, and put through the conformance kit there. */
import { pathToFileURL } from "node:url"
import { Effect, type Schema } from "effect"
import { type Report, run } from "../../domain/conformance/Conformance.ts"
import { mark, type PluginDefinition, type RuntimeSourceDefinition } from "../../domain/plugin/Definition.ts"
import * as DefinitionCheck from "../../domain/plugin/DefinitionCheck.ts"
import * as Grant from "../../domain/plugin/Grant.ts"
import type { Isolation } from "../../domain/plugin/PluginEntry.ts"
import * as Problem from "../../domain/Problem.ts"
import * as Isolated from "../plugins/isolated.ts"
import * as PluginFile from "../plugins/PluginFile.ts"
import { NotLoaded } from "../plugins/PluginFile.ts"
import * as PluginSettings from "../plugins/PluginSettings.ts"
import * as Stage from "./Stage.ts"

type Options = Readonly<Record<string, Schema.Json>>
type Kind = RuntimeSourceDefinition<unknown, unknown>

export const isSource = (it: PluginDefinition): it is Kind => it[mark] === "runtime_source"

/** The plugin's definitions with its own options decoded, as the backend has them. Ends with the scope. */
export const load = Effect.fn("Trial.load")(function* (file: string, name: string, level: Isolation, options: Options) {
  if (level === "none") return yield* PluginSettings.decode(yield* PluginFile.load(file), options)
  const { definitions } = yield* Isolated.open({ name, file, level, options, egress: {}, tell: () => Effect.void })
  return definitions.map((definition): PluginSettings.Ready => ({
    definition,
    settings: undefined,
    references: Grant.named(options, definition.secretFields).map(([, ref]) => ref)
  }))
})

/**
 * What the module defines. It is loaded in a process of its own first: there it costs nothing when it never ends, or ends
 * the process.
 */
export const facts = Effect.fn("Trial.facts")(function* (file: string, name: string) {
  const probe = Isolated.open({ name, file, level: "process", options: {}, egress: {}, tell: () => Effect.void })
  yield* Effect.catchIf(
    Effect.scoped(Effect.asVoid(probe)),
    // Its own options are the stage's to say.
    ({ reason }) => reason === "options_invalid",
    () => Effect.void
  )
  return yield* PluginFile.load(file)
})

/** The function that the module exports by default; it starts what the plugin is tried on. */
export const stageOf = (file: string) =>
  Effect.tryPromise({
    try: async () => {
      const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown }
      if (typeof module.default !== "function") throw new TypeError("no function")
      return module.default as () => Promise<Stage.Stage>
    },
    catch: (thrown) =>
      new NotLoaded({
        reason: "stage",
        sentence: `The stage could not be loaded (${DefinitionCheck.classOf(thrown)}); it exports a function by default.`
      })
  })

export interface Tried {
  readonly kind: string
  readonly isolation: Isolation
  readonly report: Report
}

const sentenceOf = (failure: unknown): string => {
  if (failure instanceof NotLoaded) return failure.sentence
  if (Problem.isProblem(failure)) {
    const places = (failure.context.errors ?? []).map(({ code, pointer }) => ` ${pointer} ${code}`)
    return `${failure.message}${places.join(",")} (${failure._tag})`
  }
  return failure instanceof Error && failure.message !== "" ? failure.message : "It could not be tried."
}

/** Every kind of the plugin through the kit, each on a stage of its own. */
export const conformance = Effect.fn("Trial.conformance")(
  function* (file: string, name: string, level: Isolation, start: () => Promise<Stage.Stage> | Stage.Stage) {
    const stage = yield* Stage.started(start)
    const ready = yield* load(file, name, level, stage.settings ?? {})
    const reports: Array<Tried> = []
    for (const { definition } of ready) {
      if (!isSource(definition)) continue
      const subject = yield* Stage.subjectOf(
        ready.filter((it) => isSource(it.definition)),
        definition,
        stage
      )
      reports.push({ kind: definition.kind, isolation: level, report: yield* run(subject) })
    }
    return reports
  },
  Effect.scoped,
  Effect.mapError(sentenceOf)
)
