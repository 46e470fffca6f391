/** Hands a person's answer to the turn that asked for it. */
import { Effect } from "effect"
import type { WorkerId } from "../Identifiers.ts"
import * as Problem from "../Problem.ts"
import { type Ack, isTerminal } from "../Worker.ts"
import { ackOf, acknowledge, type Engine, find, locked, type ToReceipt } from "./Host.ts"
import * as Session from "./Session.ts"

/**
 * Answered when the executor took it. Without the worker's lock: an executor may tell what was chosen, and have that
 * stored, before it answers here.
 */
export const permit = Effect.fnUntraced(function* (
  engine: Engine,
  worker_id: WorkerId,
  permission_id: string,
  option_id: string,
  toReceipt: ToReceipt<Ack>
) {
  const hosted = yield* find(engine, worker_id)
  const { permission_requests = [], state } = hosted.worker
  if (isTerminal(state)) return yield* Problem.make("worker_not_running", `The worker is ${state}.`)
  const request = permission_requests.find(({ id }) => id === permission_id)
  const { session } = hosted
  if (request === undefined || session?.permit === undefined) return yield* Problem.make("permission_not_found")
  if (!request.options.some(({ id }) => id === option_id)) {
    return yield* Problem.make("invalid_request", "The permission request has no such option.", {
      errors: [{ pointer: "/option_id", code: "unknown" }]
    })
  }
  // From here on the answer may have been taken: a caller that goes away finds it under its key.
  return yield* Effect.uninterruptible(
    Effect.gen(function* () {
      if (!(yield* Session.permit(session, permission_id, option_id)))
        return yield* Problem.make("permission_not_found")
      const answer = ackOf(hosted.worker)
      if (toReceipt(answer) === undefined) return answer
      // What was taken stays taken, whether or not its receipt can be kept.
      return yield* locked(engine, worker_id, (it) => acknowledge(engine, it, toReceipt)).pipe(
        Effect.orElseSucceed(() => answer)
      )
    })
  )
})
