/** Sends traces, figures and logs to a collector where `OTEL_EXPORTER_OTLP_ENDPOINT` names one; otherwise costs nothing. */
import { Config, ConfigProvider, Effect, Layer, Option } from "effect"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as UrlParams from "effect/http/UrlParams"

/** An endpoint alone is meant for all three, as OpenTelemetry has it; `none` in one of the variables leaves that one out. */
const exporters = ConfigProvider.fromUnknown({
  OTEL_TRACES_EXPORTER: "otlp",
  OTEL_METRICS_EXPORTER: "otlp",
  OTEL_LOGS_EXPORTER: "otlp"
})

/** Loaded on demand: most processes have no collector, and the exporter is not small. */
const exporter = (serviceName: string, serviceVersion: string) =>
  Effect.promise(() =>
    Promise.all([
      import("effect/observability/Otlp"),
      import("effect/observability/OtlpSerialization"),
      import("effect/http/FetchHttpClient")
    ])
  ).pipe(
    Effect.map(([Otlp, OtlpSerialization, FetchHttpClient]) =>
      Otlp.layerFromConfig({ resource: { serviceName, serviceVersion }, loggerMergeWithExisting: true }).pipe(
        Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer]),
        Layer.provide(ConfigProvider.layerAdd(exporters))
      )
    )
  )

/** What a caller writes into a query or a header is none of a collector's business. */
const withheld = Layer.merge(
  Layer.succeed(UrlParams.CurrentRedactedNames, [/^/]),
  Layer.succeed(HttpMiddleware.TracerHeaderFilter, () => false)
)

/** Headers and the like come from the other variables that OpenTelemetry defines. */
export const layer = (serviceName: string, serviceVersion: string) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const endpoint = yield* Config.option(Config.URL("OTEL_EXPORTER_OTLP_ENDPOINT"))
      return Option.isNone(endpoint) ? Layer.empty : Layer.merge(yield* exporter(serviceName, serviceVersion), withheld)
    })
  )
