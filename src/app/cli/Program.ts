/** The command line: commands, help, one line for wrong usage, and exit codes that scripts can rely on. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Exit, Layer, type Runtime } from "effect"
import { CliError, CliOutput, Command } from "effect/cli"
import * as Logging from "../observability/Logging.ts"
import { version } from "../version.ts"
import { config } from "./config.ts"
import { conformance } from "./conformance.ts"
import { contract } from "./contract.ts"
import { connections } from "./connections.ts"
import { doctor } from "./doctor.ts"
import { CommandFailure, exitCode } from "./Failure.ts"
import { plugin } from "./plugin.ts"
import { runtime } from "./runtime.ts"
import { secret } from "./secret.ts"
import { serve } from "./serve.ts"

const root = Command.make("yoi-workspace").pipe(
  Command.withDescription("Run AI agents and other long-lived workers on machines you own"),
  Command.withSubcommands([serve, runtime, connections, contract, secret, config, conformance, plugin, doctor])
)

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim()

/** Help goes to stdout when it was asked for; wrong usage is one line on stderr. */
const presenter = CliOutput.layerPresenter({
  present: (event) => {
    const hint = `See ${"commandPath" in event ? event.commandPath.join(" ") : root.name} --help.`
    if (event._tag === "Help" && event.reason === "Implicit") return Console.error(`Name a command. ${hint}`)
    if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
    const first = event.errors[0]
    const said = oneLine(first === undefined ? "Wrong usage" : first.message)
    return Console.error(`${said}${/[.!?]$/.test(said) ? "" : "."} ${hint}`)
  }
})

const exitCodeOf = (cause: Cause.Cause<unknown>): number => {
  if (Cause.hasInterruptsOnly(cause)) return 0
  const error = Cause.findErrorOption(cause)
  if (error._tag === "None") return exitCode.failed
  if (error.value instanceof CommandFailure) return error.value.code
  if (CliError.isCliError(error.value)) return exitCode.usage
  return exitCode.failed
}

/** A stop that was asked for is a good end. */
export const teardown: Runtime.Teardown = (exit, onExit) => onExit(Exit.isSuccess(exit) ? 0 : exitCodeOf(exit.cause))

export const run = (args: ReadonlyArray<string>) =>
  Command.runWith(root, { version })(args).pipe(
    Effect.tapCause((cause) => {
      const error = Cause.findErrorOption(cause)
      if (error._tag === "Some") {
        const sentence = error.value instanceof CommandFailure ? oneLine(error.value.sentence) : ""
        return sentence === "" ? Effect.void : Console.error(sentence)
      }
      return Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError("defect", cause)
    }),
    // Standard output is for answers.
    Effect.provide(Layer.mergeAll(NodeServices.layer, presenter, Logging.layer))
  )
