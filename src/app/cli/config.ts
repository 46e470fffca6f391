/** `config default`: prints the commented template of the config file. */
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { ConfigStore } from "../../domain/ConfigStore.ts"
import { workspace } from "./serve.ts"
import * as Workspace from "./Workspace.ts"

const print = Command.make("default", { workspace }, (flags) =>
  Effect.flatMap(ConfigStore, (store) => Console.log(store.defaultTemplate.trimEnd())).pipe(
    Effect.provide(Workspace.layer(flags.workspace))
  )
).pipe(Command.withDescription("Print the commented config file"))

export const config = Command.make("config").pipe(
  Command.withDescription("The config file of a workspace"),
  Command.withSubcommands([print])
)
