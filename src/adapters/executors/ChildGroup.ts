/** A program in a process group of its own, and its end: asked first, then by force, with everything that it started. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { Deferred, Effect, Exit } from "effect"
import type { RunFailure } from "../../domain/WorkerExecutor.ts"
import * as LastWords from "./LastWords.ts"
import * as ForcedEnd from "./ForcedEnd.ts"
import * as ProcessSweep from "./ProcessSweep.ts"
import * as ResourceSampler from "./ResourceSampler.ts"
import * as Warden from "./Warden.ts"

export interface Launch {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  /** Values that no message may repeat. */
  readonly secrets: ReadonlyArray<string>
  readonly stopMs: number
  readonly resources: ResourceSampler.Resources
}

export interface Ended {
  readonly code: number | null
  readonly signal: string | null
}

export interface ChildGroup {
  readonly child: ChildProcessWithoutNullStreams
  readonly ended: Effect.Effect<Ended>
  readonly hasEnded: () => boolean
  /** What the program said last, without the secrets that it was given; for `said` see `LastWords`. */
  readonly lastWords: LastWords.LastWords
  /** The failure of a program that ended when it should not have: by itself, or by force for what it used. */
  readonly crash: (ended: Ended) => RunFailure
  /** Whether it has used more than it may. */
  readonly overspent: () => boolean
  /** Starts the count of the processor time of a turn. */
  readonly begin: () => void
  /** The turn is over. */
  readonly rest: () => void
  readonly interrupt: Effect.Effect<void>
  /** Waits until it has used more than it may, and ends all of it by force. */
  readonly contain: Effect.Effect<void>
  /** Asks all of it to end, waits, ends it by force, and looks that nothing is left. */
  readonly end: Effect.Effect<void>
}

/** How often it is looked whether a program that was asked to end has ended, in milliseconds. */
const pollMs = 10

const force = (group: number, mark: string) => ForcedEnd.force(group, mark, "Processes of a worker could not be ended")

const endAll = (group: number, mark: string, stopMs: number, atOnce: () => boolean) =>
  Effect.gen(function* () {
    if (!atOnce() && ProcessSweep.isAlive(group, mark)) {
      ProcessSweep.signal(-group, "SIGTERM")
      // Those that have left the group are asked, too; who is in it may hear it twice.
      for (const pid of ProcessSweep.members(group, mark) ?? []) ProcessSweep.signal(pid, "SIGTERM")
      for (let waited = 0; waited < stopMs && !atOnce() && ProcessSweep.isAlive(group, mark); waited += pollMs) {
        yield* Effect.sleep(pollMs)
      }
    }
    yield* force(group, mark)
  })

const notStarted = (code: string | undefined): RunFailure => ({
  code: "execution_backend_unavailable",
  message:
    code === "ENOENT"
      ? "The profile's program or working folder is not there."
      : code === "EACCES"
        ? "The profile's program may not be run by this user."
        : "The profile's program could not be started."
})

const codeOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined

/**
 * Something that the program has left behind may hold its pipes open for ever. What was written before the end is read
 * in far less time than this, in milliseconds; a reader that is held back is waited for.
 */
const drainMs = 250

const drain = (child: ChildProcessWithoutNullStreams): void => {
  setTimeout(() => {
    if (child.stdout.isPaused() || child.stderr.isPaused()) return drain(child)
    child.stdout.destroy()
    child.stderr.destroy()
  }, drainMs).unref()
}

const wrap = (child: ChildProcessWithoutNullStreams, mark: string, options: Launch): ChildGroup => {
  const group = child.pid!
  const ended = Deferred.makeUnsafe<Ended>()
  const spent = Deferred.makeUnsafe<void>()
  let overspent: RunFailure | undefined
  let gone = false
  const lastWords = LastWords.make(options.secrets)
  ResourceSampler.watch(mark, group, options.resources, (failure) => {
    overspent = failure
    Deferred.doneUnsafe(spent, Exit.void)
  })
  child.once("exit", () => {
    gone = true
    drain(child)
  })
  child.once("close", (code, signal) => Deferred.doneUnsafe(ended, Exit.succeed({ code, signal })))
  // A program that does not read its input, or has ended, is noticed by its end.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on("error", () => undefined)
  return {
    child,
    ended: Deferred.await(ended),
    hasEnded: () => gone,
    lastWords,
    overspent: () => overspent !== undefined,
    crash: ({ code, signal }) => {
      if (overspent !== undefined) return overspent
      const words = lastWords.said()
      const how = signal === null ? `with code ${code}` : `by ${signal}`
      return {
        code: "worker_program_ended",
        message: `The program ended ${how}.${words === "" ? "" : ` Its last words: ${words}`}`
      }
    },
    begin: () => ResourceSampler.begin(mark),
    rest: () => ResourceSampler.rest(mark),
    interrupt: Effect.sync(() => void ProcessSweep.signal(-group, "SIGINT")),
    contain: Effect.andThen(
      Deferred.await(spent),
      Effect.suspend(() => force(group, mark))
    ),
    end: Effect.suspend(() => {
      child.stdin.end()
      // What has used too much is not asked: it would go on meanwhile.
      return endAll(group, mark, options.stopMs, () => overspent !== undefined)
    }).pipe(
      Effect.andThen(
        Effect.sync(() => {
          ResourceSampler.forget(mark)
          Warden.forget(mark)
          for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
        })
      )
    )
  }
}

const start = (options: Launch) =>
  Effect.callback<ChildGroup, RunFailure>((resume) => {
    const mark = randomUUID()
    Warden.expect(mark)
    const failed = (error: unknown) => {
      Warden.forget(mark)
      resume(Effect.fail(notStarted(codeOf(error))))
    }
    try {
      const child = spawn(options.program, options.args, {
        cwd: options.folder,
        env: { ...options.env, [ProcessSweep.markVariable]: mark },
        // A session and a group of its own: what it starts can be ended with it.
        detached: true,
        shell: false,
        stdio: ["pipe", "pipe", "pipe"]
      })
      child.once("error", failed)
      child.once("spawn", () => {
        Warden.started(mark, child.pid!)
        resume(Effect.succeed(wrap(child, mark, options)))
      })
    } catch (error) {
      failed(error)
    }
  })

/** Starts the program; it ends with the scope, together with all that it started. */
export const launch = (options: Launch) =>
  Effect.tap(
    Effect.acquireRelease(start(options), (group) => group.end),
    (group) => Effect.forkScoped(group.contain)
  )
