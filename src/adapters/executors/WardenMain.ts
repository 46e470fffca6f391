/**
 * A process of its own beside the runtime that ends what the runtime has left behind, however the runtime ended. It hears
 * on standard input of every program that is started (`+MARK`), of its process group (`=MARK GROUP`) and of its end
 * (`-MARK`); once the input ends, the runtime has gone.
 */
import { createInterface } from "node:readline"
import * as ProcessSweep from "./ProcessSweep.ts"

/** Rounds of ending, and the time between two in milliseconds: what starts others meanwhile is found again. */
const rounds = 500
const pauseMs = 10

/** Groups by mark; 0 = not known yet. No process group has the number 0 or 1 for its own. */
const groups = new Map<string, number>()

const hear = (line: string): void => {
  const [mark = "", group] = line.slice(1).split(" ")
  if (line.startsWith("-")) groups.delete(mark)
  else groups.set(mark, Number(group ?? 0))
}

const sweep = (round: number): void => {
  for (const [mark, group] of groups) {
    if (group > 1) ProcessSweep.signal(-group, "SIGKILL")
    const left = ProcessSweep.members(group > 1 ? group : -1, mark, (pid) => ProcessSweep.signal(pid, "SIGKILL")) ?? []
    if (left.length === 0) groups.delete(mark)
  }
  if (groups.size > 0 && round < rounds) setTimeout(() => sweep(round + 1), pauseMs)
}

createInterface({ input: process.stdin })
  .on("line", hear)
  .on("close", () => sweep(0))
