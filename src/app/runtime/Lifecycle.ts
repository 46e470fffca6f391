/** Whether the process takes new work: from its start until it is told to end. */
import { Context, Effect, Layer } from "effect"
import * as Problem from "../../domain/Problem.ts"

/** What a caller should wait before it tries a runtime that is going away, in milliseconds. */
const retryMs = 2_000

export class Lifecycle extends Context.Service<
  Lifecycle,
  {
    /** Fails once the process drains. */
    readonly ready: Effect.Effect<void, Problem.Problem<"runtime_unavailable">>
    /** Refuses new work from now on. */
    readonly drain: Effect.Effect<void>
  }
>()("yoi-workspace/app/runtime/Lifecycle") {
  static readonly layer = Layer.sync(Lifecycle, () => {
    let draining = false
    const refusal = Problem.make("runtime_unavailable", "The runtime is shutting down and takes no new work.", {
      retry_after_ms: retryMs
    })
    return Lifecycle.of({
      ready: Effect.suspend(() => (draining ? Effect.fail(refusal) : Effect.void)),
      drain: Effect.sync(() => {
        draining = true
      })
    })
  })
}
