/** The backend as anybody starts it: its own process, its own folder, a free port. */
import { afterAll } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../../src/app/main.ts", import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

const running = new Set<ChildProcess>()

// A test that fails half-way leaves nothing running. This hook runs after those of the test file itself.
afterAll(() => {
  for (const child of running) child.kill("SIGKILL")
})

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** What it has written so far. */
  readonly written: { stdout: string; stderr: string }
}

const launch = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}): Running => {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env }
  })
  running.add(child)
  const written = { stdout: "", stderr: "" }
  child.stdout.setEncoding("utf8").on("data", (text: string) => (written.stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (written.stderr += text))
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code, signal) => {
      running.delete(child)
      resolve({ code, signal, ...written })
    })
  })
  return { child, ended, written }
}

/** Runs a command to its end. */
export const command = (args: ReadonlyArray<string>, env?: Readonly<Record<string, string>>): Promise<Ended> =>
  launch(args, env).ended

export const makeFolder = (): string => mkdtempSync(join(tmpdir(), "yoi-backend-"))
export const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true })

export interface Backend {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly folder: string
  readonly written: { readonly stdout: string; readonly stderr: string }
  readonly ended: Promise<Ended>
  readonly kill: (signal: NodeJS.Signals) => void
  /** SIGTERM, and how it ended. */
  readonly stop: () => Promise<Ended>
}

export interface Options {
  /** A new one otherwise; it is the caller's to remove. */
  readonly folder?: string
  /** Text of the config file. */
  readonly config?: string
  readonly env?: Readonly<Record<string, string>>
  readonly listen?: string
}

/** Resolves once it says that it is ready. */
export const start = async (options: Options = {}): Promise<Backend> => {
  const folder = options.folder ?? makeFolder()
  if (options.config !== undefined) {
    mkdirSync(join(folder, ".yoi"), { recursive: true })
    writeFileSync(join(folder, ".yoi/workspace-backend.local.toml"), options.config, { mode: 0o600 })
  }
  const { child, ended, written } = launch(
    ["serve", "--workspace", folder, "--listen", options.listen ?? "127.0.0.1:0"],
    options.env
  )
  const said = new Promise<void>((resolve) => {
    child.stdout!.on("data", () => {
      if (written.stdout.includes("\n")) resolve()
    })
  })
  const first = await Promise.race([said, ended])
  if (first !== undefined) throw new Error(`the backend did not start: ${first.stderr}`)
  const url = written.stdout.trim()
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid!,
    folder,
    written,
    ended,
    kill: (signal) => void child.kill(signal),
    stop: () => {
      child.kill("SIGTERM")
      return ended
    }
  }
}
