/** Event streams: how many are open, and how often one fell behind. */
import { Effect, Layer, Metric } from "effect"
import { OpenStreams } from "./OpenStreams.ts"

const open = Metric.gauge("yoi_open_streams", { description: "Event streams that are open now." })

export const overflows = Metric.counter("yoi_stream_overflows_total", {
  description: "Times that a watcher read too slowly and had to start again from a snapshot.",
  incremental: true
})

/** Reads the number of open streams whenever the figures are read. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const streams = yield* OpenStreams
    const context = yield* Effect.context<never>()
    yield* Metric.update(overflows, 0)
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        Metric.registerUnsafe(open, context, {
          get: () => ({ value: Effect.runSync(streams.count) }),
          update: () => {},
          modify: () => {}
        })
      ),
      (registration) => Effect.sync(() => registration.remove())
    )
  })
)
