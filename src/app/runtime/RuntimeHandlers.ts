/** Handlers for the runtime itself: what it is, its config bundles, its health and its figures. */
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { RuntimeApi } from "../../domain/api/RuntimeApi.ts"
import * as Mapping from "../../domain/api/RuntimeMapping.ts"
import { WorkerRuntime } from "../../domain/WorkerRuntime.ts"
import { WorkerStore } from "../../domain/WorkerStore.ts"
import { Lifecycle } from "./Lifecycle.ts"

export const RuntimeHandlers = HttpApiBuilder.group(
  RuntimeApi,
  "runtime",
  Effect.fnUntraced(function* (handlers) {
    const runtime = yield* WorkerRuntime
    const { kind } = yield* WorkerStore
    return handlers.handle(
      "describe",
      Effect.fnUntraced(function* () {
        const description = yield* runtime.describe
        return { runtime: Mapping.runtime(description, kind, yield* runtime.counts, yield* runtime.diagnostics) }
      })
    )
  })
)

export const BundleHandlers = HttpApiBuilder.group(
  RuntimeApi,
  "config_bundles",
  Effect.fnUntraced(function* (handlers) {
    const runtime = yield* WorkerRuntime
    return handlers.handleAll({
      list: () => Effect.map(runtime.bundles, (bundles) => ({ bundles })),
      put: ({ payload }) => Effect.map(runtime.putBundle(payload.bundle), (availability) => ({ availability })),
      availability: ({ params, query }) =>
        Effect.map(runtime.bundleAvailability(params.id, query.digest), (availability) => ({ availability }))
    })
  })
)

export const HealthHandlers = HttpApiBuilder.group(
  RuntimeApi,
  "health",
  Effect.fnUntraced(function* (handlers) {
    const lifecycle = yield* Lifecycle
    return handlers.handleAll({
      live: () => Effect.succeed({ status: "ok" as const }),
      ready: () => Effect.as(lifecycle.ready, { status: "ok" as const })
    })
  })
)

export const ObservabilityHandlers = HttpApiBuilder.group(RuntimeApi, "observability", (handlers) =>
  handlers.handle("metrics", () => PrometheusMetrics.format())
)
