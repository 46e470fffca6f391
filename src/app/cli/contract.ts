/** `contract …`: what two teams that never meet agree on, checked. */
import { Command } from "effect/cli"
import { contractVerify } from "./contractVerify.ts"

export const contract = Command.make("contract").pipe(
  Command.withDescription("The contracts between backends and runtimes"),
  Command.withSubcommands([contractVerify])
)
