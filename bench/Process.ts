/** The processes of a bench: the product as people start it, and what it is compared with. Each is ended by its own id. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import type { Figures } from "./contenders/probe.ts"

/** The checkout whose product is measured: this one, unless another is named. */
export const root = process.env["BENCH_PRODUCT"] ?? fileURLToPath(new URL("..", import.meta.url))
const probe = fileURLToPath(new URL("./contenders/probe.ts", import.meta.url))

/** A start that takes longer is a broken build and not a slow one; in milliseconds. */
const startLimitMs = 60_000
/** A process that does not end after SIGTERM is killed, in milliseconds. */
const stopLimitMs = 15_000

const pinning = availableParallelism() > 1 && spawnSync("taskset", ["-p", String(process.pid)]).status === 0

/** What is measured has the first processor to itself; whatever makes and takes the load has the others. */
export const measuredCore = "0"
export const loadCores = availableParallelism() > 2 ? `1-${availableParallelism() - 1}` : "1"

/** Puts this process where the load is made. */
export const pinSelf = (): void => {
  if (pinning) spawnSync("taskset", ["-a", "-cp", loadCores, String(process.pid)])
}

export interface Options {
  readonly env?: Readonly<Record<string, string>>
  /** Flags of Node itself. */
  readonly flags?: ReadonlyArray<string>
  readonly cores?: string
  /** Folder of another version of the product. */
  readonly checkout?: string
  /** Another program than Node. */
  readonly program?: string
  readonly cwd?: string
}

export interface Running {
  readonly name: string
  /** Only a Node process has a probe in it. */
  readonly program: "node" | "other"
  readonly pid: number
  readonly url: string
  readonly port: number
  /** Sends a message and waits for the answer to it. */
  readonly ask: <A>(message: object) => Promise<A>
  /** Figures of the probe. `reset` starts counting anew, `collect` collects garbage first. */
  readonly figures: (probe: "reset" | "figures" | "collect") => Promise<Figures>
  readonly stop: () => Promise<void>
}

const running = new Set<ChildProcess>()
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130))

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, "exit")
  child.kill("SIGTERM")
  const late = setTimeout(() => child.kill("SIGKILL"), stopLimitMs)
  await gone
  clearTimeout(late)
}

/** Starts a program and waits for the line that says where it listens. */
export const start = async (name: string, args: ReadonlyArray<string>, options: Options = {}): Promise<Running> => {
  const node = options.program === undefined
  const command = [
    ...(pinning ? ["taskset", "-c", options.cores ?? measuredCore] : []),
    ...(node ? [process.execPath, "--import", probe, ...(options.flags ?? [])] : [options.program!]),
    ...args
  ]
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ["ignore", "pipe", "pipe", ...(node ? ["ipc" as const] : [])],
    cwd: options.cwd,
    env: { ...process.env, ...options.env }
  })
  running.add(child)
  child.once("exit", () => running.delete(child))
  let said = ""
  child.stderr!.on("data", (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-4_000)
  })
  const url = await new Promise<string>((resolve, reject) => {
    let heard = ""
    const late = setTimeout(() => reject(new Error(`${name} did not start: ${said}`)), startLimitMs)
    child.stdout!.on("data", (chunk: Buffer) => {
      if (heard.length > 4_000) return
      heard += chunk.toString()
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(heard)
      if (found === null || !heard.includes("\n")) return
      clearTimeout(late)
      resolve(found[0])
    })
    child.once("exit", (code) => {
      clearTimeout(late)
      reject(new Error(`${name} ended with ${code}: ${said}`))
    })
  })
  const answer = <A>(key: string, message: object) =>
    new Promise<A>((resolve, reject) => {
      const heard = (reply: object) => {
        if (!(key in reply)) return
        child.off("message", heard)
        child.off("exit", gone)
        resolve((reply as Record<string, A>)[key]!)
      }
      const gone = () => reject(new Error(`${name} has ended: ${said}`))
      child.on("message", heard)
      child.once("exit", gone)
      child.send(message)
    })
  return {
    name,
    program: node ? "node" : "other",
    pid: child.pid!,
    url,
    port: Number(new URL(url).port),
    ask: (message) => answer("answer", message),
    figures: (what) => answer<Figures>("probe", { probe: what }),
    stop: () => end(child)
  }
}

/** A program of this folder that others are compared with, or that makes or takes the load. */
export const contender = (name: string, file: string, args: ReadonlyArray<string>, options: Options = {}) =>
  start(name, [fileURLToPath(new URL(`./contenders/${file}`, import.meta.url)), ...args], options)

let profiles: string | undefined

/** From now on every process of the product leaves a processor profile in the folder. */
export const profileInto = (folder: string): void => {
  profiles = resolve(folder)
}

const profiling = (name: string): ReadonlyArray<string> =>
  profiles === undefined
    ? []
    : ["--cpu-prof", `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${name.replaceAll(/\W+/g, "-")}.cpuprofile`]

/** The product's own command line, of this checkout or of another one that it is compared with. */
export const product = (name: string, args: ReadonlyArray<string>, options: Options = {}) =>
  start(name, [...profiling(name), join(options.checkout ?? root, "src/app/main.ts"), ...args], options)

/** Runs with a folder and everything that was started in it, and leaves neither behind. */
export const during = async <A>(
  use: (place: {
    readonly folder: string
    readonly keep: (started: Promise<Running>) => Promise<Running>
  }) => Promise<A>
): Promise<A> => {
  const folder = mkdtempSync(join(tmpdir(), "bench-"))
  const started: Array<Running> = []
  try {
    return await use({
      folder,
      keep: async (starting) => {
        const up = await starting
        started.push(up)
        return up
      }
    })
  } finally {
    await Promise.all(started.map((it) => it.stop()))
    rmSync(folder, { recursive: true, force: true })
  }
}
