/** `runtime …`: the standalone worker-runtime and the upkeep of its store. */
import { Command } from "effect/cli"
import { runtimePrune } from "./runtimePrune.ts"
import { runtimeServe } from "./runtimeServe.ts"

const workers = Command.make("workers").pipe(
  Command.withDescription("Upkeep of the workers in a runtime's store"),
  Command.withSubcommands([runtimePrune])
)

export const runtime = Command.make("runtime").pipe(
  Command.withDescription("Host workers on this machine for a workspace backend elsewhere"),
  Command.withSubcommands([runtimeServe, workers])
)
