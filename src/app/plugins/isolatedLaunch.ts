/** Starts the host of a plugin: a process of its own, or a thread of this one. Both end with their wire. */
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { getCompileCacheDir } from "node:module"
import type { Duplex, Readable } from "node:stream"
import { fileURLToPath } from "node:url"
import { MessageChannel, Worker } from "node:worker_threads"
import { Effect } from "effect"
import * as ForcedEnd from "../../adapters/executors/ForcedEnd.ts"
import * as ProcessSweep from "../../adapters/executors/ProcessSweep.ts"
import * as ResourceSampler from "../../adapters/executors/ResourceSampler.ts"
import * as Warden from "../../adapters/executors/Warden.ts"
import * as Wire from "../../adapters/rpc/Wire.ts"
import { type Bounds, endMs, type Level, passedVariables } from "./isolatedBounds.ts"

export interface Launch extends Pick<Bounds, "heapMb" | "beyondHeapMb" | "processes"> {
  readonly follow: (stream: Readable) => void
}

/** `unknown`: the wire ended, and the host did not within the time that it has for that. */
export type Cause = "not_started" | "memory" | "processes" | "exited" | "threw" | "unknown"

export interface Launched {
  readonly wire: Wire.Wire
  /** Of the process; undefined for a thread. */
  readonly pid: number | undefined
  /** Why it ended, in a word. */
  readonly cause: Effect.Effect<Cause>
  readonly end: Effect.Effect<void>
}

const main = import.meta.url.endsWith(".ts")
  ? new URL("./isolatedHost.ts", import.meta.url)
  : new URL("./isolatedHost.js", import.meta.url)

/** Where this program keeps compiled code, a host finds it as well: that is about half of its start. */
const compiled = () => {
  const folder = getCompileCacheDir()
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder }
}

const environment = (): Readonly<Record<string, string>> => ({
  ...compiled(),
  ...Object.fromEntries(
    passedVariables.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    })
  )
})

/** The descriptor of the wire in a process; its program knows it, too. */
const wireDescriptor = 3

const causeOf = (over: Promise<void>, cause: () => Cause | undefined) =>
  Effect.promise(() => over).pipe(
    Effect.timeoutOption(endMs),
    Effect.map(() => cause() ?? "unknown")
  )

const inProcess = ({ beyondHeapMb, follow, heapMb, processes }: Launch): Launched => {
  const mark = randomUUID()
  Warden.expect(mark)
  const child = spawn(process.execPath, [`--max-old-space-size=${heapMb}`, fileURLToPath(main)], {
    // A group of its own: what the plugin starts ends with it.
    detached: true,
    shell: false,
    env: { ...environment(), [ProcessSweep.markVariable]: mark },
    stdio: ["ignore", "pipe", "pipe", "pipe"]
  })
  let cause: Cause | undefined
  let gone = false
  const over = new Promise<void>((resolve) => {
    child.once("error", () => {
      cause ??= "not_started"
      gone = true
      resolve()
    })
    child.once("exit", (code, signal) => {
      // V8 gives up with SIGABRT when the heap is full.
      cause ??= signal === "SIGABRT" || code === 134 ? "memory" : "exited"
      gone = true
      resolve()
    })
  })
  const group = child.pid
  if (group !== undefined) {
    Warden.started(mark, group)
    ResourceSampler.watch(
      mark,
      group,
      { memory_bytes: (heapMb + beyondHeapMb) * 1_048_576, processes, cpu_ms: Infinity },
      ({ code }) => {
        cause ??= code === "memory_limit_reached" ? "memory" : "processes"
        ProcessSweep.signal(-group, "SIGKILL")
      }
    )
  }
  for (const stream of [child.stdout, child.stderr]) if (stream !== null) follow(stream)
  const wire = Wire.overStream(child.stdio[wireDescriptor] as Duplex)
  return {
    wire,
    pid: group,
    cause: causeOf(over, () => cause),
    end: Effect.gen(function* () {
      wire.close()
      if (!gone)
        yield* Effect.timeoutOption(
          Effect.promise(() => over),
          endMs
        )
      if (group !== undefined) {
        yield* ForcedEnd.force(group, mark, "Processes of a plugin could not be ended")
      }
      ResourceSampler.forget(mark)
      Warden.forget(mark)
    })
  }
}

const inThread = ({ follow, heapMb }: Launch): Launched => {
  const { port1, port2 } = new MessageChannel()
  const worker = new Worker(main, {
    workerData: { wire: port2 },
    transferList: [port2],
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
    env: { ...environment() },
    execArgv: [],
    stdout: true,
    stderr: true
  })
  let cause: Cause | undefined
  const over = new Promise<void>((resolve) => worker.once("exit", () => resolve()))
  worker.on("error", (error) => {
    cause ??= (error as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY" ? "memory" : "threw"
  })
  worker.on("exit", () => {
    cause ??= "exited"
    port1.close()
  })
  follow(worker.stdout)
  follow(worker.stderr)
  return {
    wire: Wire.overPort(port1),
    pid: undefined,
    cause: causeOf(over, () => cause),
    // A thread ends in the middle of whatever it does.
    end: Effect.promise(() => worker.terminate())
  }
}

/** Ends with the scope. */
export const launch = (level: Level, options: Launch) =>
  Effect.acquireRelease(
    Effect.sync(() => (level === "process" ? inProcess(options) : inThread(options))),
    (launched) => launched.end
  )
