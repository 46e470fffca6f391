/** The browser API: every route of the backend for runtimes and workers, declared once for server, clients and document. */
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import { IdempotencyKey, RuntimeId, WorkerId } from "../Identifiers.ts"
import { itemNamePattern, WorkerState } from "../Worker.ts"
import {
  AckView,
  CreateWorkerBody,
  EndBody,
  InputAckView,
  InputBody,
  LaunchOptions,
  PermitBody,
  RuntimeView,
  TranscriptView,
  WorkerListView,
  WorkerView
} from "./BrowserWire.ts"
import { problems } from "./ProblemDetails.ts"
import { ConnectionsGroup } from "./SettingsApi.ts"

/** Turns what a request got wrong into a problem of the catalogue. */
export class BrowserEdge extends HttpApiMiddleware.Service<BrowserEdge>()("yoi-workspace/domain/api/BrowserEdge") {}

/** Items in one page of the browser API, at most. */
export const maxPageLimit = 200

const runtime = { runtime_id: RuntimeId }
const worker = { ...runtime, worker_id: WorkerId }

/**
 * What a runtime calls a waiting input or a permission request: 1–200 visible ASCII characters. None starts with a dot,
 * so that it is a name in a path and never a way through one.
 */
const Name = Schema.String.check(Schema.isPattern(itemNamePattern))

const Count = Schema.FiniteFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0))
const Limit = Schema.FiniteFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(1))

const keyed = { headers: { "idempotency-key": Schema.optionalKey(IdempotencyKey) } }

/** What can go wrong while a runtime is called. */
const reaching = [
  "runtime_not_found",
  "operation_unsupported",
  "runtime_unreachable",
  "runtime_protocol_error",
  "runtime_incompatible",
  "runtime_failed",
  "runtime_auth_failed",
  "runtime_unavailable",
  "runtime_timeout",
  "host_key_refused",
  "plugin_failed",
  "secret_unresolvable",
  "egress_refused",
  "store_io",
  "store_missing",
  "store_corrupt",
  "internal"
] as const
const anyone = ["invalid_request", "session_required", "origin_refused"] as const
const ids = ["invalid_runtime_id", "invalid_worker_id"] as const
const body = ["invalid_json", "payload_too_large", "unsupported_media_type", "request_timeout"] as const
const keys = ["idempotency_key_reused", "idempotency_in_flight"] as const

const Cursor = { cursor: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(2_000))) }

const listQuery = { state: Schema.optionalKey(WorkerState), limit: Schema.optionalKey(Limit), ...Cursor }

/** One frame, as text: the event stream's own document describes it. */
const Frames = HttpApiSchema.StreamSse({ data: Schema.Unknown })

export class RuntimesGroup extends HttpApiGroup.make("runtimes")
  .add(
    HttpApiEndpoint.get("list", "/runtimes", {
      success: Schema.Struct({ items: Schema.Array(RuntimeView) }),
      error: problems(...anyone, "internal")
    }),
    HttpApiEndpoint.get("get", "/runtimes/:runtime_id", {
      params: runtime,
      success: Schema.Struct({ runtime: RuntimeView }),
      error: problems(...anyone, "invalid_runtime_id", "runtime_not_found", "internal")
    }),
    HttpApiEndpoint.get("launchOptions", "/launch-options", {
      success: LaunchOptions,
      error: problems(...anyone, "internal")
    })
  )
  .prefix("/api") {}

export class WorkersGroup extends HttpApiGroup.make("workers")
  .add(
    HttpApiEndpoint.get("listAll", "/workers", {
      query: { runtime_id: Schema.optionalKey(RuntimeId), ...listQuery },
      success: WorkerListView,
      error: problems(...anyone, "runtime_not_found", "invalid_query", "invalid_cursor", "limit_too_large", "internal")
    }),
    HttpApiEndpoint.get("list", "/runtimes/:runtime_id/workers", {
      params: runtime,
      query: listQuery,
      success: WorkerListView,
      error: problems(...anyone, ...ids, "invalid_query", "invalid_cursor", "limit_too_large", ...reaching)
    }),
    HttpApiEndpoint.post("create", "/runtimes/:runtime_id/workers", {
      params: runtime,
      ...keyed,
      payload: CreateWorkerBody,
      success: Schema.Struct({ worker: WorkerView }).pipe(HttpApiSchema.status(201)),
      error: problems(
        ...anyone,
        ...ids,
        ...body,
        ...keys,
        "invalid_profile_selector",
        "invalid_initial_input_kind",
        "worker_limit_reached",
        "worker_execution_rejected",
        "execution_backend_unavailable",
        ...reaching
      )
    }),
    HttpApiEndpoint.get("get", "/runtimes/:runtime_id/workers/:worker_id", {
      params: worker,
      success: Schema.Struct({ worker: WorkerView }),
      error: problems(...anyone, ...ids, "worker_not_found", ...reaching)
    }),
    HttpApiEndpoint.post("input", "/runtimes/:runtime_id/workers/:worker_id/input", {
      params: worker,
      ...keyed,
      payload: InputBody,
      success: Schema.Struct({ ack: InputAckView }),
      error: problems(
        ...anyone,
        ...ids,
        ...body,
        ...keys,
        "worker_not_found",
        "worker_busy",
        "input_queue_full",
        "worker_not_running",
        "worker_execution_unavailable",
        "worker_execution_rejected",
        ...reaching
      )
    }),
    HttpApiEndpoint.post("interrupt", "/runtimes/:runtime_id/workers/:worker_id/interrupt", {
      params: worker,
      ...keyed,
      payload: EndBody,
      success: Schema.Struct({ ack: AckView }),
      error: problems(...anyone, ...ids, ...body, ...keys, "worker_not_found", "worker_not_running", ...reaching)
    }).annotate(OpenApi.Description, "Ends the turn and not the worker. A worker without a turn answers as it is."),
    HttpApiEndpoint.post("permit", "/runtimes/:runtime_id/workers/:worker_id/permissions/:permission_id", {
      params: { ...worker, permission_id: Name },
      ...keyed,
      payload: PermitBody,
      success: Schema.Struct({ ack: AckView }),
      error: problems(
        ...anyone,
        ...ids,
        ...body,
        ...keys,
        "worker_not_found",
        "permission_not_found",
        "worker_not_running",
        ...reaching
      )
    }).annotate(OpenApi.Description, "Answers a permission request of the turn with one of its options."),
    HttpApiEndpoint.delete("unqueue", "/runtimes/:runtime_id/workers/:worker_id/queue/:input_id", {
      params: { ...worker, input_id: Name },
      ...keyed,
      success: Schema.Struct({ ack: AckView }),
      error: problems(...anyone, ...ids, ...keys, "worker_not_found", "queued_input_not_found", ...reaching)
    }).annotate(OpenApi.Description, "Takes back an input that waits for its turn."),
    HttpApiEndpoint.post("stop", "/runtimes/:runtime_id/workers/:worker_id/stop", {
      params: worker,
      ...keyed,
      payload: EndBody,
      success: Schema.Struct({ ack: AckView }),
      error: problems(...anyone, ...ids, ...body, ...keys, "worker_not_found", ...reaching)
    }),
    HttpApiEndpoint.post("cancel", "/runtimes/:runtime_id/workers/:worker_id/cancel", {
      params: worker,
      ...keyed,
      payload: EndBody,
      success: Schema.Struct({ ack: AckView }),
      error: problems(...anyone, ...ids, ...body, ...keys, "worker_not_found", ...reaching)
    }),
    HttpApiEndpoint.get("transcript", "/runtimes/:runtime_id/workers/:worker_id/transcript", {
      params: worker,
      query: { start: Schema.optionalKey(Count), limit: Schema.optionalKey(Limit) },
      success: Schema.Struct({ transcript: TranscriptView }),
      error: problems(...anyone, ...ids, "invalid_query", "limit_too_large", "worker_not_found", ...reaching)
    }),
    HttpApiEndpoint.get("eventsSocket", "/runtimes/:runtime_id/workers/:worker_id/events/ws", {
      params: worker,
      query: Cursor,
      success: Schema.Void,
      error: problems(
        ...anyone,
        ...ids,
        "invalid_cursor",
        "worker_not_found",
        "upgrade_required",
        "too_many_streams",
        ...reaching
      )
    }),
    HttpApiEndpoint.get("eventsStream", "/runtimes/:runtime_id/workers/:worker_id/events", {
      params: worker,
      query: Cursor,
      success: Frames,
      error: problems(...anyone, ...ids, "invalid_cursor", "worker_not_found", "too_many_streams", ...reaching)
    })
  )
  .prefix("/api") {}

export class SessionGroup extends HttpApiGroup.make("session")
  .add(
    HttpApiEndpoint.get("get", "/session", {
      success: Schema.Struct({
        /** Whether this server asks for a login. */
        required: Schema.Boolean,
        active: Schema.Boolean
      }),
      error: problems("origin_refused", "internal")
    }),
    HttpApiEndpoint.post("login", "/session", {
      payload: Schema.Struct({ token: Schema.RedactedFromValue(Schema.String.check(Schema.isMaxLength(4_096))) }),
      success: HttpApiSchema.NoContent,
      error: problems("origin_refused", ...body, "invalid_request", "session_required", "too_many_requests", "internal")
    }),
    HttpApiEndpoint.delete("logout", "/session", {
      success: HttpApiSchema.NoContent,
      error: problems("origin_refused", "internal")
    })
  )
  .prefix("/api") {}

export class BrowserApi extends HttpApi.make("yoi-workspace")
  .add(RuntimesGroup)
  .add(WorkersGroup)
  .add(SessionGroup)
  .add(ConnectionsGroup)
  .middleware(BrowserEdge)
  .annotate(OpenApi.Title, "yoi-workspace browser API")
  .annotate(OpenApi.Version, "1.0.0")
  .annotate(HttpApi.PayloadParseOptions, { onExcessProperty: "error", errors: "all" }) {}
