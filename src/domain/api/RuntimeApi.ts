/** The runtime API, declared once: routes, shapes, statuses and codes. The server and the API document come from it. */
import { Schema } from "effect"
import {
  HttpApi,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpApiMiddleware,
  HttpApiSchema,
  HttpApiSecurity,
  OpenApi
} from "effect/http-api"
import { maxCursorLength } from "../EventCursor.ts"
import { IdempotencyKey, idPattern, WorkerId } from "../Identifiers.ts"
import { problems } from "./RuntimeProblems.ts"
import { itemNamePattern } from "../Worker.ts"
import * as Wire from "./RuntimeWire.ts"

/** Turns everything that goes wrong into the one error body. Outermost: what it declares holds for every route. */
export class RuntimeEdge extends HttpApiMiddleware.Service<RuntimeEdge>()("yoi-workspace/domain/api/RuntimeEdge", {
  error: problems("invalid_request", "origin_refused", "request_timeout", "internal", "runtime_unavailable")
}) {}

/** Looks at a body before it is parsed: its media type, its size and its encoding. Innermost: after the token. */
export class RuntimeBody extends HttpApiMiddleware.Service<RuntimeBody>()("yoi-workspace/domain/api/RuntimeBody", {
  error: problems("invalid_json", "unsupported_media_type", "payload_too_large")
}) {}

/** Asks for the runtime's token, when it has one. */
export class RuntimeAuth extends HttpApiMiddleware.Service<RuntimeAuth>()("yoi-workspace/domain/api/RuntimeAuth", {
  security: { token: HttpApiSecurity.bearer },
  error: problems("unauthorized", "too_many_requests")
}) {}

/** Digits only: no sign, no exponent, no blank. */
const WholeNumber = Schema.String.check(Schema.isPattern(/^(0|[1-9][0-9]{0,14})$/)).pipe(
  Schema.decodeTo(Schema.NumberFromString.check(Schema.isInt()))
)
const Limit = WholeNumber.check(Schema.isGreaterThanOrEqualTo(1))

/** Longer ones are not looked at. */
const EventCursor = Schema.String.check(Schema.isMaxLength(maxCursorLength))

const ofWorker = { worker_id: WorkerId }
const ItemName = Schema.String.check(Schema.isPattern(itemNamePattern))
const keyed = { "idempotency-key": Schema.optionalKey(IdempotencyKey) }

/** A success that says whether the answer was given before. */
const replayable = <S extends Schema.Top>(answer: S) =>
  HttpApiSchema.WithHeaders(answer, { "idempotent-replayed": Schema.optionalKey(Schema.Literal("true")) })

const store = ["store_io", "store_missing", "store_corrupt"] as const
const key = ["idempotency_key_reused", "idempotency_in_flight"] as const
const executor = ["execution_backend_unavailable", "worker_execution_rejected", "worker_busy"] as const

const RuntimeGroup = HttpApiGroup.make("runtime")
  .add(HttpApiEndpoint.get("describe", "/v1/runtime", { success: Wire.RuntimeAnswer }))
  .annotate(OpenApi.Description, "The runtime itself.")

const WorkersGroup = HttpApiGroup.make("workers")
  .add(
    HttpApiEndpoint.get("list", "/v1/workers", {
      query: {
        status: Schema.optionalKey(Wire.WorkerStatus),
        limit: Schema.optionalKey(Limit),
        cursor: Schema.optionalKey(Schema.String.check(Schema.isPattern(idPattern)))
      },
      success: Wire.WorkersAnswer,
      error: problems("invalid_query", "invalid_cursor", "limit_too_large")
    }),
    HttpApiEndpoint.post("create", "/v1/workers", {
      headers: keyed,
      payload: Wire.CreateWorker,
      success: replayable(Wire.WorkerAnswer),
      error: problems(
        ...key,
        ...store,
        ...executor,
        "invalid_worker_id",
        "invalid_profile_selector",
        "invalid_initial_input_kind",
        "config_bundle_missing",
        "config_bundle_digest_mismatch",
        "worker_id_taken",
        "worker_limit_reached",
        "operation_unsupported"
      )
    }).middleware(RuntimeBody),
    HttpApiEndpoint.get("get", "/v1/workers/:worker_id", {
      params: ofWorker,
      success: Wire.WorkerAnswer,
      error: problems("invalid_worker_id", "worker_not_found")
    }),
    HttpApiEndpoint.post("input", "/v1/workers/:worker_id/input", {
      params: ofWorker,
      headers: keyed,
      payload: Wire.Input,
      success: replayable(Wire.InputAckAnswer),
      error: problems(
        ...key,
        ...store,
        ...executor,
        "invalid_worker_id",
        "worker_not_found",
        "input_queue_full",
        "worker_not_running",
        "worker_execution_unavailable"
      )
    })
      .middleware(RuntimeBody)
      .annotate(
        OpenApi.Description,
        "While the worker is busy the mode decides: the input is refused, waits for its turn, or the turn is ended for it."
      ),
    HttpApiEndpoint.post("interrupt", "/v1/workers/:worker_id/interrupt", {
      params: ofWorker,
      headers: keyed,
      payload: Wire.Reason,
      success: replayable(Wire.AckAnswer),
      error: problems(...key, ...store, "invalid_worker_id", "worker_not_found", "worker_not_running")
    })
      .middleware(RuntimeBody)
      .annotate(OpenApi.Description, "Ends the turn and not the worker. A worker without a turn answers as it is."),
    HttpApiEndpoint.post("permit", "/v1/workers/:worker_id/permissions/:permission_id", {
      params: { ...ofWorker, permission_id: ItemName },
      headers: keyed,
      payload: Wire.Permit,
      success: replayable(Wire.AckAnswer),
      error: problems(
        ...key,
        ...store,
        "invalid_worker_id",
        "worker_not_found",
        "permission_not_found",
        "worker_not_running",
        "execution_backend_unavailable"
      )
    })
      .middleware(RuntimeBody)
      .annotate(OpenApi.Description, "Answers a permission request of the turn with one of its options."),
    HttpApiEndpoint.delete("unqueue", "/v1/workers/:worker_id/queue/:input_id", {
      params: { ...ofWorker, input_id: ItemName },
      headers: keyed,
      success: replayable(Wire.AckAnswer),
      error: problems(...key, ...store, "invalid_worker_id", "worker_not_found", "queued_input_not_found")
    }).annotate(OpenApi.Description, "Takes back an input that waits for its turn."),
    HttpApiEndpoint.post("stop", "/v1/workers/:worker_id/stop", {
      params: ofWorker,
      headers: keyed,
      payload: Wire.Reason,
      success: replayable(Wire.AckAnswer),
      error: problems(...key, ...store, "invalid_worker_id", "worker_not_found")
    }).middleware(RuntimeBody),
    HttpApiEndpoint.post("cancel", "/v1/workers/:worker_id/cancel", {
      params: ofWorker,
      headers: keyed,
      payload: Wire.Reason,
      success: replayable(Wire.AckAnswer),
      error: problems(...key, ...store, "invalid_worker_id", "worker_not_found")
    }).middleware(RuntimeBody),
    HttpApiEndpoint.get("transcript", "/v1/workers/:worker_id/transcript", {
      params: ofWorker,
      query: { start: Schema.optionalKey(WholeNumber), limit: Schema.optionalKey(Limit) },
      success: Wire.TranscriptAnswer,
      error: problems(...store, "invalid_worker_id", "invalid_query", "worker_not_found", "limit_too_large")
    })
  )
  .annotate(OpenApi.Description, "Workers and what can be done to them.")

const EventsGroup = HttpApiGroup.make("events")
  .add(
    HttpApiEndpoint.get("socket", "/v1/workers/:worker_id/events/ws", {
      params: ofWorker,
      query: { cursor: Schema.optionalKey(EventCursor) },
      success: HttpApiSchema.Empty(101),
      error: problems(
        ...store,
        "invalid_worker_id",
        "invalid_cursor",
        "worker_not_found",
        "upgrade_required",
        "too_many_streams"
      )
    }).annotate(
      OpenApi.Description,
      "One worker's events as WebSocket text frames. Offer the subprotocol worker-events.v1 for every kind of frame."
    ),
    HttpApiEndpoint.get("sse", "/v1/workers/:worker_id/events", {
      params: ofWorker,
      query: { cursor: Schema.optionalKey(EventCursor) },
      headers: { "last-event-id": Schema.optionalKey(EventCursor) },
      success: HttpApiSchema.StreamSse({ data: Schema.Unknown }),
      error: problems(...store, "invalid_worker_id", "invalid_cursor", "worker_not_found", "too_many_streams")
    }).annotate(OpenApi.Description, "The same events as server-sent events; the id of a message is the cursor.")
  )
  .annotate(OpenApi.Description, "Live events: a snapshot, what was missed, and what happens from then on.")

const BundlesGroup = HttpApiGroup.make("config_bundles")
  .add(
    HttpApiEndpoint.get("list", "/v1/config-bundles", { success: Wire.BundlesAnswer }),
    HttpApiEndpoint.post("put", "/v1/config-bundles", {
      payload: Wire.PutBundle,
      success: Wire.AvailabilityAnswer,
      error: problems(
        ...store,
        "config_bundle_digest_mismatch",
        "unsupported_config_declaration",
        "config_bundle_limit_reached"
      )
    }).middleware(RuntimeBody),
    HttpApiEndpoint.get("availability", "/v1/config-bundles/:id/availability", {
      params: { id: Schema.String.check(Schema.isMaxLength(200)) },
      query: { digest: Schema.optionalKey(Schema.String) },
      success: Wire.AvailabilityAnswer,
      error: problems("invalid_query", "config_bundle_missing", "config_bundle_digest_mismatch")
    })
  )
  .annotate(OpenApi.Description, "Config bundles that workers can be created from.")

export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8"

const ObservabilityGroup = HttpApiGroup.make("observability").add(
  HttpApiEndpoint.get("metrics", "/metrics", {
    success: Schema.String.pipe(HttpApiSchema.asText({ contentType: metricsContentType }))
  }).annotate(OpenApi.Description, "Prometheus text.")
)

const Health = Schema.Struct({ status: Schema.Literal("ok") })

const HealthGroup = HttpApiGroup.make("health").add(
  HttpApiEndpoint.get("live", "/livez", { success: Health }),
  HttpApiEndpoint.get("ready", "/readyz", { success: Health, error: problems("runtime_unavailable") })
)

export class RuntimeApi extends HttpApi.make("worker-runtime")
  .add(RuntimeGroup, WorkersGroup, EventsGroup, BundlesGroup, ObservabilityGroup)
  .middleware(RuntimeAuth)
  .add(HealthGroup)
  .middleware(RuntimeEdge)
  // All mistakes at once, so that nobody has to mend a request one refusal at a time.
  .annotate(HttpApi.ParseOptions, { errors: "all" })
  .annotateMerge(
    OpenApi.annotations({
      title: "Worker runtime",
      version: "1",
      description:
        "Hosts workers for a workspace backend. Only a trusted backend calls it; browsers must not. Every failure has the body {error:{code,message,retryable,details}}."
    })
  ) {}
