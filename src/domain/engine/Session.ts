/** The executor's part of a command, bounded in time: one that never answers must not hold a worker, or a start, for ever. */
import { Effect, Scope } from "effect"
import * as Problem from "../Problem.ts"
import type { WorkerInput } from "../Worker.ts"
import type { SpawnRequest, WorkerExecutor, WorkerSession } from "../WorkerExecutor.ts"

/**
 * What an executor may take to bring up a session or to take an input, in milliseconds. A last resort: an executor that
 * knows what it waits for gives up earlier and says why.
 */
export const deadlineMs = 30_000

const late = {
  duration: deadlineMs,
  orElse: () =>
    Problem.fail("execution_backend_unavailable", `What runs the worker did not answer within ${deadlineMs} ms.`)
}

/** A new session, ended when the scope closes. */
export const spawn = (executor: WorkerExecutor["Service"], request: SpawnRequest, scope: Scope.Scope) =>
  Effect.suspend(() => executor.spawn(request)).pipe(Scope.provide(scope), Effect.timeoutOrElse(late))

export const accept = (session: WorkerSession, input: WorkerInput) =>
  Effect.suspend(() => session.accept(input)).pipe(Effect.timeoutOrElse(late))

export const permit = (session: WorkerSession, permission_id: string, option_id: string) =>
  Effect.suspend(() => session.permit?.(permission_id, option_id) ?? Effect.succeed(false)).pipe(
    Effect.timeoutOrElse(late)
  )
