/** A real worker-runtime process over a folder, that can be killed. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../../src/app/main.ts", import.meta.url))
/** How long a start may take, in milliseconds, on a machine that is busy with other things. */
const startLimit = 60_000

export interface RuntimeProcess {
  readonly url: string
  /** SIGKILL; resolves when the process is gone. */
  readonly kill: () => Promise<void>
}

const gone = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
}

export const start = async (root: string): Promise<RuntimeProcess> => {
  const args = [main, "runtime", "serve", "--bind", "127.0.0.1:0", "--store", "fs", "--fs-root", root]
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] })
  const kill = async () => {
    child.kill("SIGKILL")
    await gone(child)
  }
  let said = ""
  child.stderr.on("data", (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-4_000)
  })
  const timer = setTimeout(() => child.kill("SIGKILL"), startLimit)
  try {
    const lines = createInterface({ input: child.stdout })
    for await (const line of lines) {
      if (!line.startsWith("http://")) continue
      child.stdout.resume()
      return { url: line.trim(), kill }
    }
    throw new Error(`The runtime did not start: ${said}`)
  } finally {
    clearTimeout(timer)
  }
}
