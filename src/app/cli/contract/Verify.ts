/** Plays a pact against a running provider: brings it into each state, asks, and compares the answer. */
import { Effect } from "effect"
import { checkMessage, isOfHeartbeat } from "./CheckFrames.ts"
import { checkHttp } from "./CheckHttp.ts"
import { type Checked, failed } from "./Outcome.ts"
import type { Interaction, PactFile } from "./PactFile.ts"
import type { Provider } from "./Provider.ts"
import type { Reach } from "./StateCalls.ts"
import * as States from "./States.ts"

/** How a provider gets into a state; undefined for a state that nobody has implemented. */
export type ReachOf = (state: string) => Reach | undefined

const check = Effect.fnUntraced(function* (provider: Provider, it: Interaction, reachOf: ReachOf) {
  const state = it.providerStates?.[0]?.name ?? "a runtime"
  const title = { name: it.description, state }
  const reach = reachOf(state)
  if (reach === undefined) {
    return {
      ...title,
      outcome: failed([`nobody has implemented the state ${JSON.stringify(state)}. Add:\n${States.stub(state)}`])
    }
  }
  const reached = yield* Effect.result(reach(provider))
  if (reached._tag === "Failure") {
    const { failure } = reached
    if (failure._tag === "OutOfReach") return { ...title, outcome: { _tag: "skipped" as const, why: failure.why } }
    const why = failure._tag === "NotReached" ? failure.why : failure.message
    return { ...title, outcome: failed([`the state could not be reached: ${why}`]) }
  }
  const values = reached.success
  const outcome =
    it.type === "Synchronous/HTTP" ? yield* checkHttp(provider, it, values) : yield* checkMessage(provider, it, values)
  // What was made for this interaction runs no further. A runtime may refuse, and that is no finding of this one.
  const { worker_id } = values
  if (worker_id !== undefined) {
    yield* Effect.ignore(provider.send({ method: "POST", path: `/v1/workers/${encodeURIComponent(worker_id)}/cancel` }))
  }
  return { ...title, outcome }
})

/**
 * One interaction after the other, so that what a runtime does can be told apart; only what comes with a heartbeat is
 * waited for meanwhile. Answers in the order of the pact.
 */
export const verify = Effect.fnUntraced(function* (
  provider: Provider,
  pact: PactFile,
  reachOf: ReachOf = States.reachOf
) {
  const checkAll = (interactions: ReadonlyArray<Interaction>) =>
    Effect.forEach(interactions, (it) => Effect.map(check(provider, it, reachOf), (checked) => [it, checked] as const))
  const [waited, others] = yield* Effect.all(
    [checkAll(pact.interactions.filter(isOfHeartbeat)), checkAll(pact.interactions.filter((it) => !isOfHeartbeat(it)))],
    { concurrency: 2 }
  )
  const all = new Map<Interaction, Checked>([...waited, ...others])
  return pact.interactions.flatMap((it) => all.get(it) ?? [])
})
