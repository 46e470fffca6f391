/** What the kernel knows of a process: processor time, memory, open sockets. Linux only; elsewhere figures are missing. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"

/** Ticks per second in `/proc`; fixed for programs on every Linux that Node runs on. */
const ticksPerSecond = 100

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

/** User and system time of all threads so far, in microseconds. */
export const cpuMicros = (pid: number): number => {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return Number.NaN
  // The name of the program may hold spaces and brackets; what follows does not.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6
}

/** Resident memory in bytes. */
export const residentBytes = (pid: number): number => {
  const found = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`) ?? "")
  return found === null ? Number.NaN : Number(found[1]) * 1_024
}

/** Open sockets. */
export const socketCount = (pid: number): number => {
  const folder = `/proc/${pid}/fd`
  let count = 0
  for (const name of readdirSync(folder)) {
    try {
      if (readlinkSync(`${folder}/${name}`).startsWith("socket:")) count += 1
    } catch {
      // Closed meanwhile.
    }
  }
  return count
}
