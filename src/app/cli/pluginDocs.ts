/** `plugin docs`: the page of a plugin's kinds for those who use them, made of their definitions. */
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import * as KindDocs from "../authoring/KindDocs.ts"
import * as PluginFolder from "../authoring/PluginFolder.ts"
import * as Trial from "../authoring/Trial.ts"
import { fail, usage } from "./Failure.ts"
import { target } from "./pluginCheck.ts"

const docs = Effect.fn("plugin.docs")(function* ({ plugin }: { readonly plugin: string }) {
  const { file, name } = yield* Effect.mapError(PluginFolder.find(plugin), ({ sentence }) => usage(sentence))
  const definitions = yield* Effect.result(Effect.scoped(Trial.facts(file, name)))
  if (definitions._tag === "Failure") return yield* fail(definitions.failure.sentence)
  const kinds = definitions.success.filter(Trial.isSource)
  if (kinds.length === 0) return yield* fail("The plugin defines no kind of runtime.")
  yield* Console.log(kinds.map(KindDocs.of).join("\n"))
})

export const docsCommand = Command.make("docs", { plugin: target }, docs).pipe(
  Command.withDescription("Print the page of a plugin's kinds as Markdown: options, secrets, capabilities")
)
