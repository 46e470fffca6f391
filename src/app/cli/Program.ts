/** The command line: commands, help, one line for wrong usage, and exit codes that scripts can rely on. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Exit, Layer, type Runtime } from "effect"
import { CliError, CliOutput, Command } from "effect/cli"
import * as Logging from "../observability/Logging.ts"
import { version } from "../version.ts"
import { CommandFailure, exitCode } from "./Failure.ts"

/** In the order in which the help names them. A command is loaded when it is asked for: most of a start is loading. */
const commands = {
  serve: Effect.promise(() => import("./serve.ts")).pipe(Effect.map(({ serve }) => serve)),
  runtime: Effect.promise(() => import("./runtime.ts")).pipe(Effect.map(({ runtime }) => runtime)),
  connections: Effect.promise(() => import("./connections.ts")).pipe(Effect.map(({ connections }) => connections)),
  contract: Effect.promise(() => import("./contract.ts")).pipe(Effect.map(({ contract }) => contract)),
  secret: Effect.promise(() => import("./secret.ts")).pipe(Effect.map(({ secret }) => secret)),
  config: Effect.promise(() => import("./config.ts")).pipe(Effect.map(({ config }) => config)),
  conformance: Effect.promise(() => import("./conformance.ts")).pipe(Effect.map(({ conformance }) => conformance)),
  plugin: Effect.promise(() => import("./plugin.ts")).pipe(Effect.map(({ plugin }) => plugin)),
  doctor: Effect.promise(() => import("./doctor.ts")).pipe(Effect.map(({ doctor }) => doctor))
}

const isCommand = (name: string | undefined): name is keyof typeof commands =>
  name !== undefined && Object.hasOwn(commands, name)

type AnyCommand = Effect.Success<(typeof commands)[keyof typeof commands]>

const bare = Command.make("yoi-workspace").pipe(
  Command.withDescription("Run AI agents and other long-lived workers on machines you own")
)

/** The command that comes first, or all of them where something else does: help, a flag, a name that there is not. */
const rootOf = ([name]: ReadonlyArray<string>) => {
  const asked: ReadonlyArray<Effect.Effect<AnyCommand>> = isCommand(name) ? [commands[name]] : Object.values(commands)
  return Effect.map(Effect.all(asked), (subcommands) => Command.withSubcommands(bare, subcommands))
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim()

/** Help goes to stdout when it was asked for; wrong usage is one line on stderr. */
const presenter = CliOutput.layerPresenter({
  present: (event) => {
    const hint = `See ${"commandPath" in event ? event.commandPath.join(" ") : bare.name} --help.`
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
  Effect.flatMap(rootOf(args), (root) => Command.runWith(root, { version })(args)).pipe(
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

/** Runs a command to its end, which is the end of the process. */
export const main = (args: ReadonlyArray<string>): void =>
  NodeRuntime.runMain(run(args), { disableErrorReporting: true, teardown })
