/** Pages of a worker list that its runtime only gives as a whole. */
import { Effect } from "effect"
import * as Problem from "../../domain/Problem.ts"
import type { Worker, WorkerPage } from "../../domain/Worker.ts"

/** @param cursor the id of the last worker of the page before */
export const page = (
  workers: ReadonlyArray<Worker>,
  cursor: string | undefined,
  limit: number | undefined
): Effect.Effect<WorkerPage, Problem.Problem<"invalid_cursor" | "invalid_query">> => {
  if (limit !== undefined && limit < 1) {
    return Problem.fail("invalid_query", "The limit must be at least 1.", {
      errors: [{ pointer: "/limit", code: "too_small" }]
    })
  }
  const before = cursor === undefined ? -1 : workers.findIndex(({ worker_id }) => worker_id === cursor)
  if (cursor !== undefined && before < 0) {
    return Problem.fail("invalid_cursor", "The list cursor does not name a place in this list.")
  }
  const items = workers.slice(before + 1, limit === undefined ? undefined : before + 1 + limit)
  const last = items.at(-1)
  const more = before + 1 + items.length < workers.length
  return Effect.succeed({ items, next_cursor: more && last !== undefined ? last.worker_id : null })
}
