/** Whether this server takes work. */
import { Context, Effect, Layer } from "effect"

export class Readiness extends Context.Service<
  Readiness,
  {
    readonly ready: Effect.Effect<boolean>
    readonly drain: Effect.Effect<void>
  }
>()("yoi-workspace/app/Readiness") {
  static readonly layer = Layer.sync(Readiness, () => {
    let ready = true
    return {
      ready: Effect.sync(() => ready),
      drain: Effect.sync(() => {
        ready = false
      })
    }
  })
}
