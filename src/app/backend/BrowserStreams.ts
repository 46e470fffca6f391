/** The fan-out groups of the backend: one for each worker that is watched over WebSocket. */
import { Context, Effect, Layer, RcMap, type Scope } from "effect"
import { EventHub, type WorkerRef } from "../../domain/EventHub.ts"
import type { Problem } from "../../domain/Problem.ts"
import { type Group, makeGroups } from "../streams/Fanout.ts"

export class BrowserStreams extends Context.Service<
  BrowserStreams,
  { readonly group: (worker: WorkerRef) => Effect.Effect<Group, Problem, Scope.Scope> }
>()("yoi-workspace/app/BrowserStreams") {
  static readonly layer = Layer.effect(
    BrowserStreams,
    Effect.gen(function* () {
      const hub = yield* EventHub
      const groups = yield* makeGroups(hub.watch, (worker: WorkerRef) => ({
        prefix: "backend",
        runtime_id: worker.runtime_id,
        worker_id: worker.worker_id
      }))
      return { group: (worker) => RcMap.get(groups, worker) }
    })
  )
}
