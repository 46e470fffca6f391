/** What stands between a source of events and its watchers, and one turn of it: the source speaks until all has arrived. */
import { readdirSync, readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { alias } from "../Backend.ts"
import type { Run } from "../contenders/eventSource.ts"
import type { Running } from "../Process.ts"
import { cpuMicros } from "../ProcStat.ts"
import { quantile } from "../Spread.ts"
import { type Door, emptyTally, type Tally, webSocket } from "../Watchers.ts"

export interface Gateway {
  readonly name: string
  /** Whose processor time counts. */
  readonly it: Running
  readonly source: Running
  /** Where one hears a worker. */
  readonly door: (worker: string) => Door
}

/** A gateway with the backend's paths. */
export const speaksAsBackend = (it: Running, source: Running): Gateway => ({
  name: it.name,
  it,
  source,
  door: (worker) => webSocket(it.port, `/api/runtimes/${alias}/workers/${worker}/events/ws`)
})

/** Of all threads, in microseconds; finer than ticks of ten milliseconds where the kernel counts finer. */
const processorMicros = (pid: number): number => {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`)
    const nanos = tasks.map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]))
    return nanos.reduce((sum, each) => sum + each, 0) / 1_000
  } catch {
    return cpuMicros(pid)
  }
}

/** After a turn, how long a gateway may take to deliver what is left, in milliseconds. */
const settleMs = 5_000

export interface Turn {
  /** Processor time of one delivery, in microseconds. */
  readonly cpu: number
  readonly delivered: number
  readonly expected: number
  /** Microseconds. */
  readonly p50: number
  readonly p99: number
}

/** Waits until so many have arrived, or until it has taken too long. */
export const settled = async (tally: Tally, expected: number): Promise<void> => {
  const until = performance.now() + settleMs
  while (tally.received < expected && performance.now() < until) await sleep(20)
}

export const speak = async ({ it, source }: Gateway, run: Run, watchers: number, tally: Tally): Promise<Turn> => {
  Object.assign(tally, emptyTally())
  const before = processorMicros(it.pid)
  const expected = (await source.ask<number>({ run })) * watchers
  await settled(tally, expected)
  return {
    cpu: (processorMicros(it.pid) - before) / Math.max(1, tally.received),
    delivered: tally.received,
    expected,
    p50: quantile(tally.latencies, 0.5),
    p99: quantile(tally.latencies, 0.99)
  }
}
