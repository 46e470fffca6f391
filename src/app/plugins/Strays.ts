/**
 * Errors of plugins in this process that nobody waits for. A rejection is logged and costs nothing else; an exception that
 * nobody caught ends the process, as it would anyway, but does not write what it says into the log.
 */
import { Effect, type Scope } from "effect"
import * as SafeProblem from "../../domain/plugin/SafeProblem.ts"

/** Like Node's own for an exception that nobody caught. */
const exitCode = 1

const annotations = (thrown: unknown) => ({ error: SafeProblem.nameOf(thrown), at: SafeProblem.whereOf(thrown) })

/** From here on until the scope closes. */
export const watch: Effect.Effect<void, never, Scope.Scope> = Effect.gen(function* () {
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const rejected = (reason: unknown) => {
    run(
      Effect.annotateLogs(
        Effect.logError("A promise was rejected and nobody waited for it; most likely a plugin's"),
        annotations(reason)
      )
    )
  }
  const uncaught = (thrown: unknown) => {
    run(Effect.annotateLogs(Effect.logError("An exception that nobody caught ends the process"), annotations(thrown)))
    process.exit(exitCode)
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("unhandledRejection", rejected).on("uncaughtException", uncaught)),
    () => Effect.sync(() => process.off("unhandledRejection", rejected).off("uncaughtException", uncaught))
  )
})
