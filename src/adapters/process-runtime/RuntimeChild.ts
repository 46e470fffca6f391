/** One process of a worker-runtime: from its start to the line that says where it serves, and to its end. */
import { type ChildProcess, spawn } from "node:child_process"
import { Deferred, Effect, Exit, Option, Schema } from "effect"
import * as Problem from "../../domain/Problem.ts"
import { connectLocal, type Up } from "../egress/Carrier.ts"

/** A process that says nothing for so long, in milliseconds, has not started. */
export const startMs = 30_000

/** A process that was asked to end has so long for its calls and its store, in milliseconds; then it is ended. */
export const drainMs = 15_000

/** How long it is waited for what the process says of itself, in milliseconds. */
const figuresMs = 500

/** The longest first line: a loopback URL with room to spare, in bytes. */
const maxLine = 256

const place = /^http:\/\/127\.0\.0\.1:([0-9]{1,5})\r?\n/

/** What a process uses. */
const Figures = Schema.Struct({
  /** Resident memory. */
  rss_bytes: Schema.Int,
  /** Time of all its threads on a processor, since its start. */
  cpu_ms: Schema.Int
})
export type Figures = typeof Figures.Type

const decodeFigures = Schema.decodeUnknownOption(Figures)

export interface Launch {
  /** Arguments of this Node: flags, the module and what it is to do. */
  readonly args: ReadonlyArray<string>
}

export interface RuntimeChild extends Up {
  /** None when it does not say in time. */
  readonly figures: Effect.Effect<Option.Option<Figures>>
}

export const notStarted = (reason: string): Problem.Problem =>
  Problem.make("runtime_unreachable", "The runtime's process did not start; the backend's log says why.", { reason })

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

/** Asks it to end, waits, and ends it. */
const end = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    // One that could not even be started has no id and will not exit.
    if (child.pid === undefined || hasEnded(child)) return resume(Effect.void)
    const timer = setTimeout(() => child.kill("SIGKILL"), drainMs)
    child.once("exit", () => {
      clearTimeout(timer)
      resume(Effect.void)
    })
    child.kill("SIGTERM")
  })

/** What it says on standard error goes to the backend's own: that is the log. */
const start = ({ args }: Launch) =>
  Effect.sync(() => {
    const child = spawn(process.execPath, args, {
      // Of a session of its own: a signal for the backend's terminal is the backend's, which then ends this in order.
      detached: true,
      shell: false,
      stdio: ["ignore", "pipe", "inherit", "ipc"]
    })
    child.on("error", () => undefined)
    return child
  })

/** The port that its first line names. */
const port = (child: ChildProcess) =>
  Effect.callback<number, Problem.Problem>((resume) => {
    let said = ""
    child.stdout?.on("data", (chunk: Buffer) => {
      if (said.length > maxLine) return
      said += chunk.toString("latin1")
      const found = place.exec(said)
      if (found !== null) resume(Effect.succeed(Number(found[1])))
      else if (said.length > maxLine || said.includes("\n")) resume(Effect.fail(notStarted("process_unclear")))
    })
    child.once("error", () => resume(Effect.fail(notStarted("process_missing"))))
    child.once("exit", () => resume(Effect.fail(notStarted("process_ended"))))
  }).pipe(Effect.timeoutOrElse({ duration: startMs, orElse: () => Effect.fail(notStarted("process_slow")) }))

const figures = (child: ChildProcess) =>
  Effect.callback<unknown>((resume) => {
    const hear = (message: unknown) => resume(Effect.succeed(message))
    child.once("message", hear)
    if (child.connected) child.send("figures", () => undefined)
    return Effect.sync(() => child.off("message", hear))
  }).pipe(Effect.timeoutOption(figuresMs), Effect.map(Option.flatMap(decodeFigures)))

/** Serves once this succeeds; ends in order with the scope. */
export const launch = Effect.fnUntraced(function* (options: Launch) {
  const child = yield* Effect.acquireRelease(start(options), end)
  const ended = Deferred.makeUnsafe<Problem.Problem>()
  const gone = Problem.make("runtime_unreachable", "The runtime's process has ended and is started again.", {
    reason: "process_ended"
  })
  child.once("exit", () => Deferred.doneUnsafe(ended, Exit.succeed(gone)))
  const at = yield* port(child)
  return {
    dial: (held) => connectLocal({ host: "127.0.0.1", port: at }, held),
    ended: Deferred.await(ended),
    figures: figures(child)
  } satisfies RuntimeChild
})
