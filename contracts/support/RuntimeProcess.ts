/** A worker-runtime in a process of its own, as people start it. It is ended with the scope, and can be restarted. */
import { Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../../src/app/main.ts", import.meta.url))

export interface Options {
  readonly runtime_id?: string
  /** Kept in a folder that goes with the scope; a restart finds it again. */
  readonly persistent?: boolean
  readonly token?: string
}

export interface RuntimeProcess {
  readonly port: number
  /** Ends the process and starts another one on the same port and the same store. */
  readonly restart: (signal: "SIGTERM" | "SIGKILL") => Effect.Effect<void>
  /** What the processes said on stderr. */
  readonly log: () => string
}

/** The process would be waited for no longer than this, in milliseconds: a bound for a broken build, not a measurement. */
const startDeadlineMs = 30_000

export const make = (options: Options = {}): Effect.Effect<RuntimeProcess, never, Scope.Scope> =>
  Effect.gen(function* () {
    const root =
      options.persistent === true
        ? yield* Effect.acquireRelease(
            Effect.sync(() => mkdtempSync(join(tmpdir(), "worker-runtime-"))),
            (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
          )
        : undefined
    let log = ""
    let child: ChildProcess | undefined
    let port = 0

    const start = Effect.callback<void>((resume) => {
      const flags = [
        ["--bind", `127.0.0.1:${port}`],
        ["--runtime-id", options.runtime_id ?? "rt-process"],
        root === undefined ? ["--store", "memory"] : ["--store", "fs", "--fs-root", root],
        options.token === undefined ? [] : ["--token-ref", "env:CONTRACT_RUNTIME_TOKEN"]
      ].flat()
      const env = { ...process.env, CONTRACT_RUNTIME_TOKEN: options.token ?? "" }
      const started = spawn(process.execPath, [main, "runtime", "serve", ...flags], {
        env,
        stdio: ["ignore", "pipe", "pipe"]
      })
      child = started
      const timer = setTimeout(
        () => resume(Effect.die(new Error(`The runtime did not start: ${log}`))),
        startDeadlineMs
      )
      let said = ""
      started.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()))
      started.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString()
        const match = /^http:\/\/127\.0\.0\.1:([0-9]+)\n/.exec(said)
        if (match === null) return
        port = Number(match[1])
        clearTimeout(timer)
        resume(Effect.void)
      })
      started.once("exit", (code) => {
        clearTimeout(timer)
        resume(Effect.die(new Error(`The runtime ended with ${code}: ${log}`)))
      })
    })

    const stop = (signal: "SIGTERM" | "SIGKILL") =>
      Effect.callback<void>((resume) => {
        const running = child
        child = undefined
        if (running === undefined || running.exitCode !== null || running.signalCode !== null)
          return resume(Effect.void)
        running.once("exit", () => resume(Effect.void))
        running.kill(signal)
      })

    yield* Effect.acquireRelease(start, () => stop("SIGKILL"))
    return {
      port,
      restart: (signal) => Effect.andThen(stop(signal), start),
      log: () => log
    }
  })
