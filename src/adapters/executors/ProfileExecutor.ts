/** All that a runtime can run: the echo, and the profiles that its owner has declared. */
import { dirname, resolve } from "node:path"
import { Effect, Layer } from "effect"
import type { ProfileDeclaration } from "../../domain/ProfileDeclaration.ts"
import { WorkerExecutor } from "../../domain/WorkerExecutor.ts"
import * as CommandExecutor from "./CommandExecutor.ts"
import * as CompositeExecutor from "./CompositeExecutor.ts"
import * as EchoExecutor from "./EchoExecutor.ts"
import * as ProfileFile from "./ProfileFile.ts"
import * as ResourceSampler from "./ResourceSampler.ts"
import * as TranscriptLimit from "./TranscriptLimit.ts"
import type { Surroundings } from "./Workplace.ts"

/** Loaded where a profile needs it: the protocol's library is the largest that there is here, in code and memory. */
const acpExecutor = Effect.promise(() => import("./AcpExecutor.ts"))

const executorOf = (declared: ProfileDeclaration, around: Surroundings) =>
  Effect.map(
    declared.executor === "command"
      ? CommandExecutor.make(declared, around)
      : Effect.flatMap(acpExecutor, (acp) => acp.make(declared, around)),
    (executor) =>
      TranscriptLimit.limited(
        CompositeExecutor.limited(executor, declared.limits.concurrent_workers),
        declared.limits.transcript_bytes
      )
  )

/** Programs are not held to what cannot be seen; who starts the runtime is told. */
const noteUnheld = Effect.gen(function* () {
  const supported = yield* Effect.callback<boolean>((resume) =>
    ResourceSampler.isSupported((is) => resume(Effect.succeed(is)))
  )
  if (supported) return
  yield* Effect.logWarning(
    "memory_bytes, processes and cpu_ms of profiles are not enforced on this system: it has neither /proc nor ps."
  )
})

/** The echo and the given profiles. */
export const make = Effect.fnUntraced(function* (declared: ReadonlyArray<ProfileDeclaration>, around: Surroundings) {
  if (declared.length > 0) yield* noteUnheld
  const executors = yield* Effect.forEach(declared, (profile) => executorOf(profile, around))
  return CompositeExecutor.make([EchoExecutor.executor, ...executors])
})

export interface Options {
  readonly path: string
  /** Whether a file that is not there is a mistake; else it declares nothing. */
  readonly required: boolean
}

const declarations = (options: Options) =>
  ProfileFile.load(options.path).pipe(
    Effect.catchTag("ProfileFileRefused", (refused) =>
      refused.reason === "missing" && !options.required ? Effect.succeed([]) : Effect.fail(refused)
    )
  )

/** Reads the profile file once, when the runtime starts. */
export const layer = (options: Options) =>
  Layer.effect(
    WorkerExecutor,
    Effect.gen(function* () {
      const path = resolve(options.path)
      return yield* make(yield* declarations({ ...options, path }), { base: dirname(path), env: process.env })
    })
  )
