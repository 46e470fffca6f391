/** `plugin`: what authors of plugins need. */
import { Command } from "effect/cli"
import { checkCommand } from "./pluginCheck.ts"
import { devCommand } from "./pluginDev.ts"
import { docsCommand } from "./pluginDocs.ts"
import { newCommand } from "./pluginNew.ts"

export const plugin = Command.make("plugin").pipe(
  Command.withDescription("Write, check and try a plugin of your own"),
  Command.withSubcommands([newCommand, checkCommand, devCommand, docsCommand])
)
