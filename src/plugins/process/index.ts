/** The kind `process`: a worker-runtime that the backend starts, watches over and ends, in a process of its own. */
import { Effect, Schema } from "effect"
import * as ProcessSource from "../../adapters/process-runtime/ProcessSource.ts"
import { RuntimeHome } from "../../adapters/process-runtime/RuntimeHome.ts"
import * as RemoteSource from "../../adapters/remote-http/RemoteSource.ts"
import { EgressClient } from "../../adapters/egress/EgressClient.ts"
import { apiVersion, defineRuntimeSource } from "../../domain/plugin/Definition.ts"
import * as Problem from "../../domain/Problem.ts"

/** MiB. Below the first Node itself does not start; the second is the memory of a large machine. */
const memory = { minimum: 64, maximum: 1_048_576 }

const Options = Schema.Struct({
  profiles: Schema.optionalKey(
    Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.toml$/)).annotate({
      title: "Profile file",
      description:
        "Name of a TOML file in the workspace's .yoi folder that says what workers can be created from; profiles.toml is that of the built-in runtime. Without one there is only the echo."
    })
  ),
  memory_limit_mib: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween(memory)).annotate({
      title: "Memory limit (MiB)",
      description:
        "Heap of the runtime's own process. A process that needs more ends and is started again. The programs that its workers run are not counted."
    })
  ),
  log_level: Schema.optionalKey(
    Schema.Literals(["debug", "info", "warn", "error"]).annotate({
      title: "Log level",
      description: "What the runtime writes to the backend's log; info when absent."
    })
  )
})

export const processRuntime = defineRuntimeSource({
  kind: "process",
  apiVersion,
  label: "Runtime process",
  description:
    "A worker-runtime in a process of its own on the backend's machine. The backend starts it, keeps it running and ends it; its workers survive a restart.",
  endpoint: "none",
  options: Options,
  secretFields: [],
  connect: Effect.fnUntraced(function* ({ display_name, id, options }) {
    const home = yield* RuntimeHome
    if (home === undefined) {
      return yield* Problem.make("operation_unsupported", "This program has no folder for runtimes of its own.")
    }
    const made = yield* ProcessSource.make({ id, display_name, home, ...options })
    const source = yield* RemoteSource.make({
      id,
      display_name,
      endpoint: made.endpoint,
      token: Effect.succeed(made.token)
    }).pipe(Effect.provideService(EgressClient, made.client))
    return { ...source, kind: "process", describe: Effect.flatMap(source.describe, made.withFigures) }
  })
})
