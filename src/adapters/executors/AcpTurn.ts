/** One turn of an agent: the prompt, what it tells until it has answered, and what is done when it must not go on. */
import type * as acp from "@agentclientprotocol/sdk"
import { Cause, Clock, Deferred, Effect, Exit, Option, Queue } from "effect"
import type { AcpProfile } from "../../domain/ProfileDeclaration.ts"
import { event, type WorkerEvent } from "../../domain/WorkerEvent.ts"
import type { RunFailure } from "../../domain/WorkerExecutor.ts"
import type { AcpAgent } from "./AcpAgent.ts"
import { AcpEvents } from "./AcpEvents.ts"
import { idleFailure, wallFailure } from "./TurnLimits.ts"
import { paceMs, type TurnQueue } from "./TurnStream.ts"

/** Text that grew in several steps since the last look grows in one. */
const joined = (events: ReadonlyArray<WorkerEvent>): ReadonlyArray<WorkerEvent> => {
  const result: Array<WorkerEvent> = []
  for (const next of events) {
    const last = result.at(-1)
    const grows = next.event === "text_delta" || next.event === "thinking_delta"
    if (grows && last?.event === next.event) {
      result[result.length - 1] = { event: next.event, data: { text: `${last.data.text}${next.data.text}` } }
    } else result.push(next)
  }
  return result
}

const refused = event({ event: "system_item", data: { item: { content: "The agent refused to answer this." } } })

/** How the turn ended, in the words of the engine. */
const ending = (reason: acp.StopReason): ReadonlyArray<WorkerEvent> => {
  switch (reason) {
    case "max_tokens":
    case "max_turn_requests":
      return [event({ event: "run_end", data: { result: "limit_reached" } })]
    case "refusal":
      return [refused, event({ event: "run_end", data: { result: "rolled_back" } })]
    case "cancelled":
      return [event({ event: "run_end", data: { result: "rolled_back" } })]
    default:
      return []
  }
}

/** Asks the agent to end the turn and waits for it; an agent that goes on is told apart by the answer. */
const calledOff = (agent: AcpAgent, declared: AcpProfile, over: Deferred.Deferred<void>) =>
  Effect.gen(function* () {
    agent.permissions.cancel()
    yield* agent.cancel
    const ended = yield* Effect.timeoutOption(Deferred.await(over), declared.limits.stop_ms)
    return Option.isSome(ended)
  })

/** @param giveUp ends the agent, when it does not end a turn that was called off */
export const talk = Effect.fnUntraced(function* (
  queue: TurnQueue,
  agent: AcpAgent,
  declared: AcpProfile,
  input: string,
  giveUp: Effect.Effect<void>
) {
  const { idle_ms, wall_ms } = declared.limits
  const inbox = yield* Queue.unbounded<WorkerEvent, RunFailure | Cause.Done>()
  const events = new AcpEvents()
  const over = Deferred.makeUnsafe<void>()
  let reason: acp.StopReason = "end_turn"
  agent.listen({
    update: (update) => void Queue.offerAllUnsafe(inbox, events.of(update)),
    asked: (call) => void Queue.offerAllUnsafe(inbox, events.asked(call)),
    tell: (told) => void Queue.offerAllUnsafe(inbox, [...events.flush(), told])
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => agent.listen(undefined)))
  // Outlives an interruption of the turn by as long as the agent takes to end it.
  yield* Effect.forkScoped(
    agent.prompt(input).pipe(
      // What was told before the answer may still be on its way through the connection.
      Effect.tap(() => Effect.sleep(paceMs)),
      Effect.matchEffect({
        onFailure: (failure) => Queue.fail(inbox, failure),
        onSuccess: (answer) => {
          reason = answer
          return Queue.end(inbox)
        }
      }),
      Effect.ensuring(Effect.sync(() => Deferred.doneUnsafe(over, Exit.void)))
    )
  )
  const began = yield* Clock.currentTimeMillis
  const follow = Effect.gen(function* () {
    while (true) {
      const left = wall_ms - ((yield* Clock.currentTimeMillis) - began)
      if (left <= 0) return yield* Effect.fail(wallFailure(wall_ms))
      const heard = yield* Effect.timeoutOption(Queue.takeAll(inbox), Math.min(idle_ms, left))
      if (Option.isNone(heard)) {
        // Whoever waits for a person is not idle.
        if (left > idle_ms && !agent.permissions.waiting) return yield* Effect.fail(idleFailure(idle_ms))
        continue
      }
      yield* Queue.offerAll(queue, joined(heard.value))
      yield* Effect.sleep(paceMs)
    }
  }).pipe(Effect.catchIf(Cause.isDone, () => Effect.void))

  const exit = yield* Effect.exit(follow).pipe(
    Effect.onInterrupt(() =>
      Effect.flatMap(calledOff(agent, declared, over), (ended) => (ended ? Effect.void : giveUp))
    )
  )
  agent.permissions.cancel()
  yield* Queue.offerAll(queue, events.flush())
  if (Exit.isFailure(exit)) {
    yield* giveUp
    return yield* Effect.failCause(exit.cause)
  }
  yield* Queue.offerAll(queue, ending(reason))
})
