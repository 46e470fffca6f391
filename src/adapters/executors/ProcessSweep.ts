/** Who belongs to a program that was started here: its process group, and whatever carries its mark after leaving the group. */
import * as ProcessTable from "./ProcessTable.ts"

/** The variable that every process of a worker inherits; a process that leaves its group is known by it. */
export const markVariable = "YOI_WORKER_MARK"

/** The mark in an environment, as `/proc` has it. */
export const markIn = (environment: string): string | undefined => {
  const start = `${markVariable}=`
  const at = environment.startsWith(start) ? 0 : environment.indexOf(`\0${start}`) + 1
  if (at === 0 && !environment.startsWith(start)) return undefined
  return environment.slice(at + start.length).split("\0", 1)[0]
}

/**
 * Process ids of the living members; `undefined` where the system does not tell: there only the process group is ended.
 * Dead ones that nobody collects do not count.
 *
 * @param found called with each as soon as it is found: one that multiplies is faster than a list
 */
export const members = (
  group: number,
  mark: string,
  found?: (pid: number) => void
): ReadonlyArray<number> | undefined =>
  ProcessTable.listed()?.filter((pid) => {
    const row = ProcessTable.rowOf(pid)
    if (row === undefined || row.dead) return false
    const isMember = row.group === group || markIn(ProcessTable.environment(pid)) === mark
    if (isMember) found?.(pid)
    return isMember
  })

const isGone = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === "ESRCH"

/** Signals one process, or with a negative id a group; false when there is none any more. */
export const signal = (pid: number, name: "SIGINT" | "SIGTERM" | "SIGKILL"): boolean => {
  try {
    return process.kill(pid, name)
  } catch (error) {
    return !isGone(error)
  }
}

/** Whether anything of the group or with the mark still runs. */
export const isAlive = (group: number, mark: string): boolean => {
  const found = members(group, mark)
  if (found !== undefined) return found.length > 0
  try {
    return process.kill(-group, 0)
  } catch (error) {
    return !isGone(error)
  }
}
