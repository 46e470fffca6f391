/** How long a program takes until it says where it serves, or until it ends, and what memory it then holds. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import { residentBytes } from "./ProcStat.ts"

export interface Launched {
  /** Milliseconds. */
  readonly ready: number
  /** Bytes, once it has come to rest. */
  readonly rss: number
}

/** After a start memory still moves, in milliseconds. */
const restMs = 700
const limitMs = 120_000

/** @param rests whether to wait for the memory */
export const serve = async (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string | undefined>>,
  rests: boolean
): Promise<Launched> => {
  const started = performance.now()
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, ...env } })
  const late = setTimeout(() => child.kill("SIGKILL"), limitMs)
  let heard = ""
  for await (const chunk of child.stdout) {
    heard += String(chunk)
    if (heard.includes("\n")) break
  }
  const ready = performance.now() - started
  if (!heard.includes("http://")) throw new Error(`a program did not start: ${args.join(" ")}`)
  if (rests) await sleep(restMs)
  const rss = residentBytes(child.pid!)
  const gone = once(child, "exit")
  child.kill("SIGTERM")
  await gone
  clearTimeout(late)
  return { ready, rss }
}

/** Until it ends. */
export const run = async (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string | undefined>>
): Promise<number> => {
  const started = performance.now()
  const child = spawn(process.execPath, args, { stdio: "ignore", env: { ...process.env, ...env } })
  await once(child, "exit")
  return performance.now() - started
}
