/** Who commits: the file store, raw ways to use the same disk, SQLite, and Redis where the machine has it. */
import { spawnSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { freePort } from "../FreePort.ts"
import { contender, root, type Running, start } from "../Process.ts"
import { cpuMicros } from "../ProcStat.ts"

export type Keep = (started: Promise<Running>) => Promise<Running>

/** Disk threads and the programs of others may run anywhere. */
const anywhere = "0-1"

export interface Committer {
  /** So many writers, for so long; answers commits per second and the processor time of each, in microseconds. */
  readonly turn: (writers: number, milliseconds: number) => Promise<{ readonly rate: number; readonly cpu: number }>
}

const committer = (asked: Running, measured: number): Committer => ({
  turn: async (writers, milliseconds) => {
    const before = cpuMicros(measured)
    const done = await asked.ask<number>({ turn: { writers, milliseconds } })
    return { rate: (done * 1_000) / milliseconds, cpu: (cpuMicros(measured) - before) / done }
  }
})

export const isHere = (program: string): boolean => spawnSync("which", [program]).status === 0

/**
 * One of `contenders/commits.ts`.
 *
 * @param preload a library that is loaded before it
 */
export const ofKind = async (
  keep: Keep,
  folder: string,
  kind: string,
  options: { readonly preload?: string; readonly checkout?: string } = {}
): Promise<Committer> => {
  const env = options.preload === undefined ? {} : { LD_PRELOAD: options.preload }
  const it = await keep(
    contender(kind, "commits.ts", [kind, folder, options.checkout ?? root], { cores: anywhere, env })
  )
  return committer(it, it.pid)
}

/** Redis with a sync for each turn of its loop, and a client that has a connection for each writer. */
export const redis = async (
  keep: Keep,
  folder: string,
  options: { readonly preload?: string } = {}
): Promise<Committer> => {
  const port = await freePort()
  const own = join(folder, "redis")
  mkdirSync(own)
  const command = [
    ["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--dir", own, "--loglevel", "warning"],
    ["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"]
  ].flat()
  // It says nothing when it is ready, so the shell speaks for it and then becomes it; the client knocks until it is.
  const script = `echo http://127.0.0.1:${port}; exec "$0" "$@"`
  const env = options.preload === undefined ? {} : { LD_PRELOAD: options.preload }
  const server = await keep(start("Redis", ["-c", script, ...command], { program: "sh", cores: anywhere, env }))
  const client = await keep(
    contender("client of Redis", "commits.ts", ["redis", folder, root, String(port)], { cores: anywhere })
  )
  return committer(client, server.pid)
}
