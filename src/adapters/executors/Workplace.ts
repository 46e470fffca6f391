/** Where and with what a profile's program runs: its file, its working folder and its environment. */
import { accessSync, constants, mkdirSync, realpathSync, statSync } from "node:fs"
import { delimiter, isAbsolute, resolve } from "node:path"
import { Effect, Redacted } from "effect"
import type { WorkerId } from "../../domain/Identifiers.ts"
import * as Problem from "../../domain/Problem.ts"
import type { ProfileDeclaration } from "../../domain/ProfileDeclaration.ts"
import { isSecretRef, SecretResolver } from "../../domain/SecretResolver.ts"
import type { Launch } from "./ChildGroup.ts"

/** What the runtime has that a program may get some of. */
export interface Surroundings {
  /** Folder of the profile file: relative paths start here. */
  readonly base: string
  readonly env: Readonly<Record<string, string | undefined>>
}

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

const isFolder = (path: string): boolean => {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** The program's file: a bare name is looked up in the runtime's own search path, never in the working folder. */
const programOf = (name: string, { base, env }: Surroundings): string | undefined => {
  if (name.includes("/") || isAbsolute(name)) {
    const path = resolve(base, name)
    return isProgram(path) ? path : undefined
  }
  return (env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .map((folder) => resolve(folder, name))
    .find(isProgram)
}

const noProgram = "The profile's program is not on the runtime's machine, or may not be run."
const noFolder = "The profile's working folder is not there."

/** Why no worker of the profile can be created now; `undefined` when one can. Never tells a path or a value. */
export const obstacle = (declared: ProfileDeclaration, around: Surroundings): string | undefined => {
  if (programOf(declared.command[0]!, around) === undefined) return noProgram
  if (declared.folder.policy === "shared" && !isFolder(resolve(around.base, declared.folder.path))) return noFolder
  return undefined
}

const unavailable = (sentence: string) => Problem.make("execution_backend_unavailable", sentence)

/** Its own folder for every worker, for the owner only. A worker id has no separators, so it cannot lead elsewhere. */
const folderOf = (declared: ProfileDeclaration, worker_id: WorkerId, around: Surroundings) =>
  Effect.try({
    try: () => {
      const root = resolve(around.base, declared.folder.path)
      const path = declared.folder.policy === "shared" ? root : resolve(root, worker_id)
      if (declared.folder.policy === "per_worker") mkdirSync(path, { recursive: true, mode: 0o700 })
      return realpathSync(path)
    },
    catch: () => unavailable(noFolder)
  })

const secretOf = Effect.fnUntraced(function* (name: string, ref: string) {
  const resolver = yield* SecretResolver
  if (!isSecretRef(ref)) return yield* unavailable(`The profile's reference for ${name} is not a secret reference.`)
  const secret = yield* Effect.mapError(resolver.resolve(ref), ({ message }) =>
    unavailable(`The profile's secret for ${name} cannot be had. ${message}`)
  )
  return [name, Redacted.value(secret)] as const
})

/** Everything that it takes to start the program for a worker. Secrets are read anew for every start. */
export const prepare = Effect.fnUntraced(function* (
  declared: ProfileDeclaration,
  worker_id: WorkerId,
  around: Surroundings
) {
  const program = programOf(declared.command[0]!, around)
  if (program === undefined) return yield* unavailable(noProgram)
  const folder = yield* folderOf(declared, worker_id, around)
  const secrets = yield* Effect.forEach(Object.entries(declared.env.secrets), ([name, ref]) => secretOf(name, ref))
  const handedDown = declared.env.allow.flatMap((name) => {
    const value = around.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return {
    program,
    args: declared.command.slice(1),
    folder,
    env: Object.fromEntries([...handedDown, ...Object.entries(declared.env.set), ...secrets]),
    secrets: secrets.map(([, value]) => value),
    stopMs: declared.limits.stop_ms,
    resources: declared.limits
  } satisfies Launch
})
