/** Logs on stderr: lines of JSON for a collector, readable ones for a person at a terminal. */
import { Effect, Layer, Logger } from "effect"

/** Standard output is for the one line that says where the server listens. */
export const layer = Layer.unwrap(
  Effect.sync(() =>
    process.stderr.isTTY
      ? Layer.merge(Logger.layer([Logger.consolePretty()]), Layer.succeed(Logger.LogToStderr, true))
      : Logger.layer([Logger.withConsoleError(Logger.formatJson)])
  )
)
