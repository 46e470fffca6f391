/** Who belongs to a program that was started here: its process group, and whatever carries its mark after leaving the group. */
import { readdirSync, readFileSync } from "node:fs"

/** The variable that every process of a worker inherits; a process that leaves its group is known by it. */
export const markVariable = "YOI_WORKER_MARK"

const read = (path: string): string => {
  try {
    return readFileSync(path, "latin1")
  } catch {
    // The process has gone meanwhile, or is another user's.
    return ""
  }
}

/** State and process group of a line of `/proc/PID/stat`; the name before them may hold anything, so it is cut off from the right. */
const statOf = (line: string) => {
  const [state, , group] = line.slice(line.lastIndexOf(")") + 2).split(" ")
  return { state: state ?? "", group: Number(group) }
}

/** Whether this system tells what runs. Elsewhere only the process group is ended. */
const listed = (): ReadonlyArray<string> | undefined => {
  try {
    return readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name))
  } catch {
    return undefined
  }
}

/** Process ids of the living members; `undefined` where the system does not tell. Dead ones that nobody collects do not count. */
export const members = (group: number, mark: string): ReadonlyArray<number> | undefined =>
  listed()
    ?.filter((pid) => {
      const stat = statOf(read(`/proc/${pid}/stat`))
      if (stat.state === "" || stat.state === "Z" || stat.state === "X") return false
      return stat.group === group || read(`/proc/${pid}/environ`).split("\0").includes(`${markVariable}=${mark}`)
    })
    .map(Number)

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
