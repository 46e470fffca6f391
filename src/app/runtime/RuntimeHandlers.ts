/** Handlers for the runtime itself: what it is, its config bundles, its health and its figures. */
import { Effect } from "effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { metricsContentType, RuntimeApi } from "../../domain/api/RuntimeApi.ts"
import * as Mapping from "../../domain/api/RuntimeMapping.ts"
import { WorkerRuntime } from "../../domain/WorkerRuntime.ts"
import * as Endpoints from "../http/Endpoints.ts"
import { WorkerStore } from "../../domain/WorkerStore.ts"
import { Lifecycle } from "./Lifecycle.ts"

export const RuntimeHandlers = Endpoints.group(
  RuntimeApi,
  "runtime",
  Effect.fnUntraced(function* (handle) {
    const runtime = yield* WorkerRuntime
    const { kind } = yield* WorkerStore
    return handle({
      describe: Effect.fnUntraced(function* () {
        const description = yield* runtime.describe
        return { runtime: Mapping.runtime(description, kind, yield* runtime.counts, yield* runtime.diagnostics) }
      })
    })
  })
)

export const BundleHandlers = Endpoints.group(
  RuntimeApi,
  "config_bundles",
  Effect.fnUntraced(function* (handle) {
    const runtime = yield* WorkerRuntime
    return handle({
      list: () => Effect.map(runtime.bundles, (bundles) => ({ bundles })),
      put: ({ payload }) => Effect.map(runtime.putBundle(payload.bundle), (availability) => ({ availability })),
      availability: ({ params, query }) =>
        Effect.map(runtime.bundleAvailability(params.id, query.digest), (availability) => ({ availability }))
    })
  })
)

export const HealthHandlers = Endpoints.group(
  RuntimeApi,
  "health",
  Effect.fnUntraced(function* (handle) {
    const lifecycle = yield* Lifecycle
    return handle({
      live: () => Effect.succeed({ status: "ok" as const }),
      ready: () => Effect.as(lifecycle.ready, { status: "ok" as const })
    })
  })
)

export const ObservabilityHandlers = Endpoints.group(RuntimeApi, "observability", (handle) =>
  Effect.succeed(
    handle({
      metrics: () =>
        Effect.map(PrometheusMetrics.format(), (text) =>
          HttpServerResponse.text(text, { contentType: metricsContentType })
        )
    })
  )
)
