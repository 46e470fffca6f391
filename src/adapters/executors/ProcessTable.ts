/** What runs on this system, as it tells: from `/proc` where there is one, else from `ps`. */
import { execFile } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"

export interface ProcessRow {
  readonly pid: number
  /** Tells two processes apart that had the same id one after the other; empty where the system does not tell. */
  readonly started: string
  readonly parent: number
  readonly group: number
  /** Ended, and not collected by its parent. */
  readonly dead: boolean
  /** Processor time of it and of the children that it has collected, in milliseconds. */
  readonly cpuMs: number
  /** Resident memory in bytes. */
  readonly memory: number
}

const read = (path: string): string => {
  try {
    return readFileSync(path, "latin1")
  } catch {
    // The process has gone meanwhile, or is another user's.
    return ""
  }
}

/** Keys of the auxiliary vector that the kernel hands to every program (`man getauxval`). */
const pageSizeKey = 6n
const ticksKey = 17n

/** Bytes of a page and clock ticks of a second, as the kernel counts them. */
const units = (): { readonly page: number; readonly tickMs: number } => {
  let page = 4_096
  let ticks = 100
  try {
    const vector = readFileSync("/proc/self/auxv")
    for (let at = 0; at + 16 <= vector.length; at += 16) {
      const key = vector.readBigUInt64LE(at)
      const value = Number(vector.readBigUInt64LE(at + 8))
      if (key === pageSizeKey && value > 0) page = value
      if (key === ticksKey && value > 0) ticks = value
    }
  } catch {
    // What nearly every Linux has.
  }
  return { page, tickMs: 1_000 / ticks }
}

let known: ReturnType<typeof units> | undefined

/** A line of `/proc/PID/stat`; the name in it may hold anything, so it is cut off from the right. `undefined` once it has gone. */
export const rowOf = (pid: number): ProcessRow | undefined => {
  const line = read(`/proc/${pid}/stat`)
  const words = line.slice(line.lastIndexOf(")") + 2).split(" ")
  if (words.length < 22) return undefined
  known ??= units()
  const at = (index: number) => Number(words[index])
  return {
    pid,
    started: words[19]!,
    parent: at(1),
    group: at(2),
    dead: words[0] === "Z" || words[0] === "X",
    cpuMs: (at(11) + at(12) + at(13) + at(14)) * known.tickMs,
    memory: at(21) * known.page
  }
}

/** Ids of all processes; `undefined` where the system has no `/proc`. */
export const listed = (): ReadonlyArray<number> | undefined => {
  try {
    const pids: Array<number> = []
    for (const name of readdirSync("/proc")) {
      const pid = Number(name)
      if (pid > 0) pids.push(pid)
    }
    return pids.length === 0 ? undefined : pids
  } catch {
    return undefined
  }
}

/** The environment that a process was started with; empty when it is not told. */
export const environment = (pid: number): string => read(`/proc/${pid}/environ`)

/** `[[days-]hours:]minutes:seconds`, as `ps` writes a time. */
const milliseconds = (time: string): number => {
  const [rest = "", days = "0"] = time.split("-").toReversed()
  const seconds = rest.split(":").reduce((sum, part) => sum * 60 + Number(part), 0)
  return (Number(days) * 86_400 + seconds) * 1_000
}

const psColumns = "pid=,ppid=,pgid=,stat=,rss=,time="
/** Of what `ps` says, in bytes, and how long it may take, in milliseconds. */
const psBytes = 16_777_216
const psMs = 5_000

/** What `ps -A -o pid=,ppid=,pgid=,stat=,rss=,time=` says; lines that are no process are left out. */
export const rowsOf = (said: string): ReadonlyArray<ProcessRow> =>
  said.split("\n").flatMap((line) => {
    const [pid, parent, group, state, kib, time] = line.trim().split(/\s+/)
    if (time === undefined || !(Number(pid) > 0)) return []
    return [
      {
        pid: Number(pid),
        started: "",
        parent: Number(parent),
        group: Number(group),
        dead: state!.startsWith("Z"),
        cpuMs: milliseconds(time),
        memory: Number(kib) * 1_024
      }
    ]
  })

/** @param told gets `undefined` when there is no `ps` that understands this */
export const ask = (told: (rows: ReadonlyArray<ProcessRow> | undefined) => void): void => {
  execFile("ps", ["-A", "-o", psColumns], { maxBuffer: psBytes, timeout: psMs }, (error, said) =>
    told(error === null ? rowsOf(said) : undefined)
  )
}
