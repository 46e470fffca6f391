/** The command line in this process: the same program with its output caught, for tests that run it often. */
import { Console, Effect, type Exit } from "effect"
import { run, teardown } from "../../src/app/cli/Program.ts"

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const format = (args: ReadonlyArray<unknown>) => `${args.map(String).join(" ")}\n`

export const command = (...args: ReadonlyArray<string>): Effect.Effect<Ended> =>
  Effect.gen(function* () {
    const out: Array<string> = []
    const err: Array<string> = []
    const console = Object.assign(Object.create(globalThis.console), {
      log: (...text: ReadonlyArray<unknown>) => out.push(format(text)),
      error: (...text: ReadonlyArray<unknown>) => err.push(format(text)),
      warn: (...text: ReadonlyArray<unknown>) => err.push(format(text))
    }) as Console.Console
    const exit: Exit.Exit<unknown, unknown> = yield* Effect.exit(
      Effect.provideService(run(args), Console.Console, console)
    )
    let code = -1
    teardown(exit, (it) => (code = it))
    return { code, stdout: out.join(""), stderr: err.join("") }
  })
