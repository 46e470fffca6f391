/** Sends traces, figures and logs to a collector where `OTEL_EXPORTER_OTLP_ENDPOINT` names one; otherwise costs nothing. */
import { Config, Effect, Layer, Option } from "effect"

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
        Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer])
      )
    )
  )

/** Headers and the like come from the other variables that OpenTelemetry defines. */
export const layer = (serviceName: string, serviceVersion: string) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const endpoint = yield* Config.option(Config.URL("OTEL_EXPORTER_OTLP_ENDPOINT"))
      return Option.isNone(endpoint) ? Layer.empty : yield* exporter(serviceName, serviceVersion)
    })
  )
