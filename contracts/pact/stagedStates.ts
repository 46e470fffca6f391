/** States that need a worker which does on command what an agent does: reached on a runtime whose workers are staged. */
import { Effect, Schema } from "effect"
import type { Provider } from "../../src/app/cli/contract/Provider.ts"
import { ask, begins, create, NotReached, pathOf, post, type Reach } from "../../src/app/cli/contract/StateCalls.ts"
import { permissionId, stages } from "./StagedExecutor.ts"

const said = (worker_id: string, content: string) => post(pathOf(worker_id, "/input"), { kind: "user", content })

/** A worker that does it as soon as somebody watches. */
const about =
  (stage: string): Reach =>
  (provider) =>
    Effect.map(create(provider), (worker_id) => begins({ worker_id }, said(worker_id, stage)))

const Asking = Schema.Struct({
  worker: Schema.Struct({
    permission_requests: Schema.optionalKey(
      Schema.Array(Schema.Struct({ options: Schema.Array(Schema.Struct({ id: Schema.String })) }))
    )
  })
})

/** Looks at most, 10 ms apart. */
const maxLooks = 500

/** A worker whose request for permission is open. */
const asking = Effect.fnUntraced(function* (provider: Provider) {
  const worker_id = yield* create(provider)
  yield* ask(provider, said(worker_id, stages.ask), Schema.Unknown)
  for (let looks = 0; looks < maxLooks; looks++) {
    const { worker } = yield* ask(provider, { method: "GET", path: pathOf(worker_id) }, Asking)
    const option_id = worker.permission_requests?.[0]?.options[0]?.id
    if (option_id !== undefined) return { worker_id, permission_id: permissionId, option_id }
    yield* Effect.sleep(10)
  }
  return yield* new NotReached({ why: "the worker never asked for permission" })
})

export const stagedStates: Readonly<Record<string, Reach>> = {
  "a worker that thinks aloud": about(stages.think),
  "a worker that uses a tool": about(stages.tool),
  "a worker whose turn fails": about(stages.fail),
  "a worker that is about to ask for permission": about(stages.ask),
  "a worker that asks for permission": asking,
  "a worker whose permission request is answered": (provider) =>
    Effect.map(asking(provider), ({ option_id, permission_id, worker_id }) =>
      begins({ worker_id }, post(pathOf(worker_id, `/permissions/${permission_id}`), { option_id }))
    )
}
