/**
 * Holds programs to the memory, the processes and the processor time of their profiles: one look at the system's
 * processes for all of them, in a fixed interval, as long as there is a program.
 */
import type { Limits } from "../../domain/ProfileDeclaration.ts"
import type { RunFailure } from "../../domain/WorkerExecutor.ts"
import * as ProcessSweep from "./ProcessSweep.ts"
import * as ProcessTable from "./ProcessTable.ts"

/**
 * Between two looks, in milliseconds. What happens within it is not seen: a program can be so long beyond its limits. Half
 * of it would cost twice as much for every idle worker.
 */
export const intervalMs = 250

/**
 * Between two turns processor time is counted anew after so long, in milliseconds: what an idle agent uses in a week is no
 * runaway.
 */
export const idleWindowMs = 3_600_000

/** A process that is nobody's here is looked at in every eighth round only: most of a system's processes are. */
const strangersEvery = 8

export type Resources = Pick<Limits, "memory_bytes" | "processes" | "cpu_ms">

interface Owner {
  readonly started: string
  readonly mark: string | undefined
}

interface Watched {
  readonly group: number
  readonly limits: Resources
  /** Called once, when a limit is broken. */
  readonly broke: (failure: RunFailure) => void
  broken: boolean
  /** Looks since the last turn has ended; undefined within one. */
  idle: number | undefined
  /** Processor time since the last start of the count, and what all that lived at the last look had used. */
  spent: number
  used: number
}

interface Usage {
  memory: number
  processes: number
  cpuMs: number
}

const watched = new Map<string, Watched>()
/** By process id: whose it is, by its mark; `undefined` = nobody's here. Only processes that have left their group are looked up. */
const owners = new Map<number, Owner>()
let timer: NodeJS.Timeout | undefined
let round = 0
let asking = false

const megabytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`

const broken = (used: Usage, spent: number, limits: Resources): RunFailure | undefined => {
  if (used.memory > limits.memory_bytes) {
    return {
      code: "memory_limit_reached",
      message: `The program and what it started used more than ${megabytes(limits.memory_bytes)} of memory and were ended.`
    }
  }
  if (used.processes > limits.processes) {
    return {
      code: "process_limit_reached",
      message: `The program and what it started were more than ${limits.processes} processes and were ended.`
    }
  }
  if (spent > limits.cpu_ms) {
    return {
      code: "cpu_time_limit_reached",
      message: `The program and what it started used more than ${limits.cpu_ms} ms of processor time in one turn, or in an hour between two, and were ended.`
    }
  }
  return undefined
}

/** Who a process outside of the watched groups belongs to. One that tells no environment, as when it starts, is asked again. */
const ownerOf = (row: ProcessTable.ProcessRow): Owner => {
  const environment = row.dead ? "" : ProcessTable.environment(row.pid)
  return { started: environment === "" ? "" : row.started, mark: ProcessSweep.markIn(environment) }
}

type Sums = Map<string, Usage>

const add = (sums: Sums, mark: string, row: ProcessTable.ProcessRow): void => {
  const sum = sums.get(mark) ?? { memory: 0, processes: 0, cpuMs: 0 }
  sum.memory += row.memory
  sum.processes += 1
  sum.cpuMs += row.cpuMs
  sums.set(mark, sum)
}

/** Whoever has left its group is known by its mark, which is read once in the life of a process. */
const fromProc = (pids: ReadonlyArray<number>, groups: ReadonlyMap<number, string>): Sums => {
  const sums: Sums = new Map()
  const seen = new Set(pids)
  for (const pid of owners.keys()) if (!seen.has(pid)) owners.delete(pid)
  for (const pid of pids) {
    const owner = owners.get(pid)
    if (owner !== undefined && owner.mark === undefined && (pid + round) % strangersEvery !== 0) continue
    const row = ProcessTable.rowOf(pid)
    if (row === undefined) continue
    let mark = groups.get(row.group)
    if (mark === undefined) {
      const known = owner?.started === row.started ? owner : ownerOf(row)
      owners.set(pid, known)
      mark = known.mark
    }
    if (mark !== undefined && watched.has(mark)) add(sums, mark, row)
  }
  return sums
}

/** Without marks: whoever has left its group is known by its parents, as long as they live. */
const fromRows = (rows: ReadonlyArray<ProcessTable.ProcessRow>, groups: ReadonlyMap<number, string>): Sums => {
  const sums: Sums = new Map()
  const byPid = new Map(rows.map((row) => [row.pid, row]))
  for (const row of rows) {
    let at: ProcessTable.ProcessRow | undefined = row
    for (let depth = 0; at !== undefined && depth < rows.length; depth++) {
      const mark = groups.get(at.group)
      if (mark !== undefined) {
        add(sums, mark, row)
        break
      }
      at = at.parent === at.pid ? undefined : byPid.get(at.parent)
    }
  }
  return sums
}

const judge = (sums: Sums): void => {
  for (const [mark, sum] of sums) {
    const it = watched.get(mark)
    if (it === undefined || it.broken) continue
    // What a process used is lost with it when nobody collects it: the sum may fall, the count does not.
    if (it.idle !== undefined && ++it.idle % (idleWindowMs / intervalMs) === 0) it.spent = 0
    it.spent += Math.max(0, sum.cpuMs - it.used)
    it.used = sum.cpuMs
    const failure = broken(sum, it.spent, it.limits)
    if (failure === undefined) continue
    it.broken = true
    it.broke(failure)
  }
}

/** One look at all that is watched. */
export const look = (): void => {
  round++
  const groups = new Map(Array.from(watched, ([mark, { group }]) => [group, mark]))
  const pids = ProcessTable.listed()
  if (pids !== undefined) return judge(fromProc(pids, groups))
  if (asking) return
  asking = true
  ProcessTable.ask((rows) => {
    asking = false
    if (rows !== undefined) judge(fromRows(rows, groups))
  })
}

/** @param broke called once, when a limit is broken; whoever is told ends the program */
export const watch = (mark: string, group: number, limits: Resources, broke: (failure: RunFailure) => void): void => {
  watched.set(mark, { group, limits, broke, broken: false, idle: 0, spent: 0, used: 0 })
  timer ??= setInterval(look, intervalMs).unref()
}

const count = (mark: string, idle: number | undefined): void => {
  const it = watched.get(mark)
  if (it === undefined) return
  it.idle = idle
  it.spent = 0
}

/** The processor time of a new turn starts here. */
export const begin = (mark: string): void => count(mark, undefined)

/** The turn is over. */
export const rest = (mark: string): void => count(mark, 0)

export const forget = (mark: string): void => {
  watched.delete(mark)
  if (watched.size > 0) return
  clearInterval(timer)
  timer = undefined
  owners.clear()
}

/** Whether this system tells what its programs use; `told` may be called at once. */
export const isSupported = (told: (supported: boolean) => void): void => {
  if (ProcessTable.listed() !== undefined) return told(true)
  ProcessTable.ask((rows) => told(rows !== undefined))
}
