/** One process at a time: a lock file that names its holder, taken over when the holder is gone. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"

/** Milliseconds between two looks at a lock that another process holds. */
const pollEvery = 200

/** @param {string} pid */
const isRunning = (pid) => {
  try {
    return process.kill(Number(pid), 0)
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

/** @param {string} path */
const holderOf = (path) => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

/** Takes the lock if it is free. The file appears whole, so that a holder is never read half-written. @param {string} path */
const acquire = (path) => {
  const own = `${path}.${process.pid}`
  writeFileSync(own, String(process.pid))
  try {
    linkSync(own, path)
    return true
  } catch {
    return false
  } finally {
    rmSync(own, { force: true })
  }
}

/** Removes a lock whose holder is gone, unless another process has just done so and taken it. @param {string} path @param {string} holder */
const evict = (path, holder) => {
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
    if (readFileSync(aside, "utf8") !== holder) linkSync(aside, path)
  } catch {
    // Another process was faster; the next look decides.
  } finally {
    rmSync(aside, { force: true })
  }
}

/**
 * @template A
 * @param {string} path of the lock file
 * @param {() => Promise<A>} task
 */
export const exclusively = async (path, task) => {
  let told = false
  while (!acquire(path)) {
    const holder = holderOf(path)
    if (holder !== undefined && !isRunning(holder)) {
      evict(path, holder)
      continue
    }
    if (!told) process.stderr.write("Another command is preparing this checkout; waiting for it ...\n")
    told = true
    await sleep(pollEvery)
  }
  try {
    return await task()
  } finally {
    rmSync(path, { force: true })
  }
}
