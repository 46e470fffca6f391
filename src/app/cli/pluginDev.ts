/** `plugin dev`: a backend with the plugin that somebody is writing, which is loaded again at every save. */
import { resolve } from "node:path"
import { Console, Effect, Layer, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as DevPlugin from "../authoring/DevPlugin.ts"
import * as Explanation from "../authoring/Explanation.ts"
import * as PluginFolder from "../authoring/PluginFolder.ts"
import * as Watch from "../authoring/Watch.ts"
import { NotLoaded } from "../plugins/PluginFile.ts"
import { fail, usage } from "./Failure.ts"
import * as ListenAddress from "./ListenAddress.ts"
import { target } from "./pluginCheck.ts"
import { backendOf, listen, urlOf } from "./serve.ts"
import { explain } from "./StartFailure.ts"
import * as Workspace from "./Workspace.ts"

const flags = {
  plugin: target,
  workspace: Flag.String("workspace").pipe(
    Flag.withMetavar("DIR"),
    Flag.withDescription("Workspace folder; that of the plugin unless given"),
    Flag.optional
  ),
  listen,
  options: Flag.String("options").pipe(
    Flag.withMetavar("JSON"),
    Flag.withDescription("The plugin's own options, as [[plugins]] would have them"),
    Flag.optional
  )
}

interface Flags extends Command.Command.Config.Infer<typeof flags> {}

const decodeOptions = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json)))

/** Says what became of a save. What is wrong with the module is told in its own words: they are the author's. */
const telling = Effect.fnUntraced(
  function* <E extends { readonly sentence: string }, R>(load: Effect.Effect<DevPlugin.Loaded, E, R>, given: string) {
    const result = yield* Effect.result(load)
    if (result._tag === "Success") {
      const { names, trouble } = result.success
      yield* Console.log(`Loaded: ${names.join(", ")}.`)
      for (const sentence of trouble) yield* Console.error(sentence)
      return
    }
    const { failure } = result
    yield* Console.error(`Not loaded, and nothing has changed: ${failure.sentence}`)
    if (!(failure instanceof NotLoaded) || failure.reason !== "threw") return
    const { file } = yield* PluginFolder.find(given)
    for (const line of yield* Explanation.of(file)) yield* Console.error(`  ${line}`)
  },
  Effect.catchTag("NoPlugin", ({ sentence }) => Console.error(sentence))
)

const run = Effect.fnUntraced(function* (given: Flags, place: PluginFolder.PluginFolder, folder: string) {
  const options = Option.isNone(given.options)
    ? {}
    : yield* Effect.mapError(decodeOptions(given.options.value), () => usage("--options takes a JSON object."))
  const opened = yield* Workspace.open(folder, Option.getOrUndefined(given.listen))
  if (!ListenAddress.isLocal(opened.listen)) {
    return yield* fail("A plugin that is being written is served to this machine only.", 2)
  }
  const develop = Layer.effectDiscard(
    Effect.gen(function* () {
      const plugin = yield* DevPlugin.make(given.plugin, options)
      const load = telling(plugin.load, given.plugin)
      yield* load
      yield* Console.log(yield* urlOf(opened))
      yield* Effect.forkScoped(Watch.each(place.folder, load))
    })
  )
  return yield* Layer.launch(Layer.provide(develop, backendOf(folder, opened))).pipe(
    Effect.catch((cause) => fail(explain(cause, "--listen")))
  )
})

const dev = Effect.fn("plugin.dev")(function* (given: Flags) {
  const place = yield* Effect.mapError(PluginFolder.find(given.plugin), ({ sentence }) => usage(sentence))
  const folder = resolve(Option.getOrElse(given.workspace, () => place.folder))
  return yield* Effect.provide(run(given, place, folder), Workspace.layer(folder))
})

export const devCommand = Command.make("dev", flags, dev).pipe(
  Command.withDescription("Serve a backend with the plugin, and load it again whenever a file of it is saved")
)
