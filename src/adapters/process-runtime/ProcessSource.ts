/** A worker-runtime that the backend runs itself, as a process of its own over a store of its own. */
import { randomBytes } from "node:crypto"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Clock, Effect, Option, Redacted, Scope } from "effect"
import type { RuntimeId } from "../../domain/Identifiers.ts"
import * as KeyedLock from "../../domain/KeyedLock.ts"
import * as Problem from "../../domain/Problem.ts"
import type { RuntimeDescription } from "../../domain/Runtime.ts"
import * as CarriedClient from "../egress/CarriedClient.ts"
import * as Carrier from "../egress/Carrier.ts"
import * as RuntimeChild from "./RuntimeChild.ts"
import type { Home } from "./RuntimeHome.ts"

export interface Options {
  /** Of the connection; names the folder. */
  readonly id: RuntimeId
  readonly display_name: string
  readonly home: Home
  /** Name of a file in the home's folder of profiles. */
  readonly profiles?: string
  /** Of the process's heap, in MiB. */
  readonly memory_limit_mib?: number
  readonly log_level?: string
}

/** Capability under which the description has the figures of the process. Its members are those of `ProcessFigures`. */
export const capability = "process"

/** What anybody may know of the process: no path, no process id, no port. */
export interface ProcessFigures extends Partial<RuntimeChild.Figures> {
  /** Since the connection was made. */
  readonly restarts: number
  /** Of the process that serves now; absent while there is none. */
  readonly uptime_ms?: number
}

/** What the process sees in the Host header. Nothing is resolved or dialled by it. */
const endpoint = "http://127.0.0.1:1"

const guard = (
  import.meta.url.endsWith(".ts")
    ? new URL("./RuntimeGuard.ts", import.meta.url)
    : new URL("./RuntimeGuard.js", import.meta.url)
).href

const starting = Problem.make("runtime_unavailable", "The runtime's process is being started.", {
  reason: "process_starting"
})

/** One process at a time over a folder: a connection that replaces another waits until that one's process has ended. */
const folders = KeyedLock.make()

const argsOf = ({ display_name, home, log_level, memory_limit_mib, profiles }: Options, folder: string) => [
  ...(memory_limit_mib === undefined ? [] : [`--max-old-space-size=${memory_limit_mib}`]),
  `--import=${guard}`,
  home.program,
  "runtime",
  "serve",
  "--bind=127.0.0.1:0",
  "--store=fs",
  `--fs-root=${join(folder, "store")}`,
  `--display-name=${display_name}`,
  `--token-ref=file:${join(folder, "token")}`,
  ...(profiles === undefined ? [] : [`--profiles=${join(home.profiles, profiles)}`]),
  `--log-level=${log_level ?? "info"}`
]

/** The token is in a file that only this user reads, and only while the process starts. */
const tokenFile = (folder: string, token: string) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const path = join(folder, "token")
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        rmSync(path, { force: true })
        writeFileSync(path, token, { mode: 0o600, flag: "wx" })
        return path
      },
      catch: () => RuntimeChild.notStarted("store_unwritable")
    }),
    (path) => Effect.sync(() => rmSync(path, { force: true }))
  )

/** Starts the process and keeps it running until the scope ends. Does not wait for it. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const folder = join(options.home.folder, options.id)
  const token = randomBytes(32).toString("base64url")
  let child: RuntimeChild.RuntimeChild | undefined

  const start = Effect.gen(function* () {
    yield* folders.hold(folder)
    yield* Effect.addFinalizer(() => Effect.sync(() => (child = undefined)))
    const launched = Scope.provide(RuntimeChild.launch({ args: argsOf(options, folder) }), yield* Effect.scope)
    child = yield* Effect.scoped(Effect.andThen(tokenFile(folder, token), launched))
    return child
  })
  const carrier = yield* Carrier.make(start, starting)
  const client = yield* CarriedClient.make(endpoint, carrier.dial)

  const figures = Effect.gen(function* () {
    const used = child === undefined ? Option.none() : yield* child.figures
    const since = carrier.upSince()
    return {
      restarts: carrier.restarts(),
      ...(since === undefined ? undefined : { uptime_ms: (yield* Clock.currentTimeMillis) - since }),
      ...Option.getOrUndefined(used)
    } satisfies ProcessFigures
  })
  const withFigures = (description: RuntimeDescription): Effect.Effect<RuntimeDescription> =>
    description.capabilities === undefined
      ? Effect.succeed(description)
      : Effect.map(figures, (it) => ({
          ...description,
          capabilities: { ...description.capabilities, [capability]: { ...it } }
        }))

  return { client, endpoint, token: Redacted.make(token), withFigures }
})
