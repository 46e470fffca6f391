/** Tells whether the process that wrote a lock still runs, even when its process id has been given to another one since. */
import { hostname } from "node:os"
import { Effect, FileSystem, Option } from "effect"

/** `started` and `host` are opaque; empty where the system does not tell. */
export interface ProcessIdentity {
  readonly pid: number
  /** Start of the process in ticks since the machine booted. */
  readonly started: string
  /** Boot of the machine and process id namespace; identities are only comparable within one. */
  readonly host: string
}

const ZOMBIE = "Z"

/** The state letter and start of a process, where `/proc` exists and knows it. */
const stat = Effect.fnUntraced(function* (pid: number) {
  const fs = yield* FileSystem.FileSystem
  const line = yield* fs.readFileString(`/proc/${pid}/stat`)
  // The second field is the command in parentheses and may hold anything, so the fields are counted behind it.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ")
  return { state: fields[0] ?? "", started: fields[19] ?? "" }
}, Effect.option)

export const self = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const started = Option.match(yield* stat(process.pid), { onNone: () => "", onSome: (own) => own.started })
  const boot = yield* fs.readFileString("/proc/sys/kernel/random/boot_id").pipe(Effect.orElseSucceed(() => hostname()))
  const namespace = yield* fs.readLink("/proc/self/ns/pid").pipe(Effect.orElseSucceed(() => ""))
  return { pid: process.pid, started, host: `${boot.trim()}/${namespace}` } satisfies ProcessIdentity
})

/** Signal 0 reaches a process of another user as EPERM, which also proves that it runs. */
const exists = (pid: number) =>
  Effect.try({ try: () => process.kill(pid, 0), catch: (error) => (error as NodeJS.ErrnoException).code }).pipe(
    Effect.catch((code) => Effect.succeed(code !== "ESRCH"))
  )

/** Whether a process of this host still runs. A zombie does not: it will never release anything. */
export const runs = Effect.fnUntraced(function* (identity: ProcessIdentity) {
  if (!(yield* exists(identity.pid))) return false
  const found = yield* stat(identity.pid)
  if (Option.isNone(found) || identity.started === "") return true
  return found.value.state !== ZOMBIE && found.value.started === identity.started
})
