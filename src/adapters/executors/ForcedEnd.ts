/** Ends a program and what it started by force: round after round, since members can still start others. */
import { Effect } from "effect"
import * as ProcessSweep from "./ProcessSweep.ts"

/** Between two rounds, in milliseconds. */
const pollMs = 10
/** So many that a program that forks faster than it is ended is still ended. */
const rounds = 200

/** @param unended is logged, with the group, when something is left after all rounds */
export const force = Effect.fnUntraced(function* (group: number, mark: string, unended: string) {
  for (let round = 0; round < rounds; round++) {
    ProcessSweep.signal(-group, "SIGKILL")
    const left = ProcessSweep.members(group, mark, (pid) => ProcessSweep.signal(pid, "SIGKILL")) ?? []
    if (left.length === 0 && !ProcessSweep.isAlive(group, mark)) return
    yield* Effect.sleep(pollMs)
  }
  yield* Effect.logError(unended).pipe(Effect.annotateLogs({ group }))
})
