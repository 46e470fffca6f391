/** What people are told when a turn has met a limit of its profile. */
import type { RunFailure } from "../../domain/WorkerExecutor.ts"

const span = (ms: number): string => (ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`)

export const wallFailure = (ms: number): RunFailure => ({
  code: "wall_time_limit_reached",
  message: `The turn took longer than ${span(ms)} and the program was ended.`
})

export const idleFailure = (ms: number): RunFailure => ({
  code: "idle_time_limit_reached",
  message: `The program said nothing for ${span(ms)} and was ended.`
})
