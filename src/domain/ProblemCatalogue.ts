/**
 * The closed list of everything that can go wrong, shared by REST, event frames, connection tests, logs, metrics and the
 * web page. A code is never reused for another meaning; both wires only ever gain codes.
 */

/** Whose fault a failure is. */
export type Origin = "caller" | "gateway" | "network" | "runtime" | "plugin"

export interface Row {
  /** HTTP status on both wires. */
  readonly status: number
  readonly origin: Origin
  /** Whether the same call may succeed later without the caller changing it. */
  readonly retryable: boolean
  /** One sentence without variables. */
  readonly title: string
  /** What the person who sees it can do. */
  readonly fix: string
}

const row = (status: number, origin: Origin, title: string, fix: string): Row => ({
  status,
  origin,
  retryable: false,
  title,
  fix
})
const transient = (status: number, origin: Origin, title: string, fix: string): Row => ({
  status,
  origin,
  retryable: true,
  title,
  fix
})

export const catalogue = {
  // The request itself
  invalid_json: row(400, "caller", "The body is not JSON.", "Send a JSON document encoded as UTF-8."),
  invalid_query: row(400, "caller", "A query parameter is not valid.", "Correct the parameters listed in errors."),
  invalid_request: row(400, "caller", "The request is not valid.", "Correct the members listed in errors."),
  invalid_runtime_id: row(
    400,
    "caller",
    "The runtime id is not valid.",
    "Use 1 to 96 letters, digits, _ or -, starting with a letter or digit."
  ),
  invalid_worker_id: row(
    400,
    "caller",
    "The worker id is not valid.",
    "Use 1 to 96 letters, digits, _ or -, starting with a letter or digit."
  ),
  invalid_endpoint: row(
    400,
    "caller",
    "The endpoint is not valid.",
    "Use an absolute http or https URL without user name, query or fragment."
  ),
  invalid_cursor: row(400, "caller", "The event cursor is malformed.", "Connect without a cursor to start afresh."),
  invalid_initial_input_kind: row(
    400,
    "caller",
    "The initial input is not of kind user.",
    "Send the initial input with kind user."
  ),
  invalid_profile_selector: row(
    400,
    "caller",
    "The profile is not known here.",
    "Choose one of the profiles that the runtime lists."
  ),
  unsupported_config_declaration: row(
    400,
    "caller",
    "The config bundle declares something that this runtime does not support.",
    "Remove the declaration or use a runtime that supports it."
  ),
  config_bundle_digest_mismatch: row(
    400,
    "caller",
    "The digest does not belong to this config bundle.",
    "Compute the digest again over the bundle as sent."
  ),
  wrong_runtime: row(400, "caller", "The request names another runtime.", "Send it to the runtime that it names."),
  limit_too_large: row(400, "caller", "The limit is above the maximum.", "Ask for at most the maximum and page on."),
  request_timeout: transient(
    408,
    "caller",
    "The request did not arrive in time.",
    "Send the whole request without long pauses."
  ),
  not_found: row(404, "caller", "There is nothing at this path.", "Check the path against the API document."),
  method_not_allowed: row(405, "caller", "The path does not know this method.", "Use one of the methods in Allow."),
  payload_too_large: row(413, "caller", "The body is too large.", "Send less; the maximum is in the answer."),
  unsupported_media_type: row(
    415,
    "caller",
    "The body is not declared as JSON.",
    "Send the header Content-Type: application/json."
  ),
  upgrade_required: row(
    426,
    "caller",
    "This path only speaks WebSocket.",
    "Open it as a WebSocket, or use the event stream path beside it."
  ),
  too_many_requests: transient(429, "caller", "Too many attempts.", "Wait and try again."),
  too_many_streams: transient(
    429,
    "caller",
    "Too many event streams are open.",
    "Close a stream that is no longer needed."
  ),

  // Who is asking
  unauthorized: row(401, "caller", "The token is missing or wrong.", "Send the runtime's token as Bearer."),
  session_required: row(401, "caller", "You are not logged in.", "Log in with the access token."),
  origin_refused: row(
    403,
    "caller",
    "The request comes from a place that is not allowed.",
    "Open the page under the address it is served from, or add the host to server.allowed_hosts."
  ),

  // Idempotency
  idempotency_key_reused: row(
    422,
    "caller",
    "The idempotency key was used for another request.",
    "Use a new key for a new request."
  ),
  idempotency_in_flight: transient(
    409,
    "caller",
    "The first request with this idempotency key is still running.",
    "Wait and repeat it with the same key."
  ),

  // Runtimes and workers
  runtime_not_found: row(404, "caller", "There is no such runtime.", "List the runtimes and use one of their ids."),
  worker_not_found: row(404, "caller", "There is no such worker.", "List the workers and use one of their ids."),
  worker_id_taken: row(409, "caller", "The worker id is taken.", "Choose another id, or leave it out."),
  worker_busy: transient(
    409,
    "runtime",
    "The worker is still busy with its last input.",
    "Wait until it is idle, or stop it."
  ),
  input_queue_full: transient(
    409,
    "runtime",
    "As many inputs wait for the worker as may.",
    "Wait for a turn to end, or take a waiting input back."
  ),
  queued_input_not_found: row(
    404,
    "caller",
    "No such input waits for the worker.",
    "Look at the inputs that wait; this one has started or was taken back."
  ),
  permission_not_found: row(
    404,
    "caller",
    "No such permission request is open.",
    "Look at the open requests; this one was answered, has expired or ended with its turn."
  ),
  worker_not_running: row(409, "caller", "The worker has ended.", "Create a new worker."),
  worker_limit_reached: row(
    409,
    "runtime",
    "The runtime hosts as many workers as it may.",
    "Stop and prune workers, or raise the limit."
  ),
  worker_execution_unavailable: row(
    409,
    "runtime",
    "The worker is not connected to anything that could run it.",
    "Create a new worker; the reason is in its diagnostics."
  ),
  execution_backend_unavailable: transient(
    409,
    "runtime",
    "What would run the worker is not available.",
    "Check the runtime's diagnostics and try again."
  ),
  worker_execution_rejected: row(
    409,
    "runtime",
    "The worker refused the input.",
    "Read the message and change the input."
  ),
  runtime_stopped: row(409, "runtime", "The runtime is stopped.", "Start the runtime."),
  config_bundle_missing: row(
    404,
    "caller",
    "The config bundle is not on this runtime.",
    "Send the bundle to the runtime first."
  ),
  config_bundle_limit_reached: row(
    409,
    "runtime",
    "The runtime holds as many config bundles as it may.",
    "Replace a bundle by sending one with the same id."
  ),
  store_io: transient(
    500,
    "runtime",
    "The runtime could not write to its store.",
    "Check free space and permissions of the runtime's store."
  ),
  store_missing: row(500, "runtime", "The runtime's store has gone.", "Check the runtime's store folder."),
  store_corrupt: row(
    500,
    "runtime",
    "A record in the runtime's store is damaged.",
    "Read the runtime's diagnostics; the damaged part was set aside."
  ),
  internal: transient(500, "gateway", "Something went wrong here.", "Try again; if it stays, report the request id."),

  // Reaching a runtime
  operation_unsupported: row(
    501,
    "runtime",
    "The runtime does not support this operation.",
    "Use a runtime that declares the capability."
  ),
  runtime_unreachable: transient(
    502,
    "network",
    "The runtime cannot be reached.",
    "Check that it runs and that this machine can reach it."
  ),
  runtime_protocol_error: row(
    502,
    "runtime",
    "What answered does not speak the runtime API.",
    "Check that the endpoint points at a worker-runtime."
  ),
  runtime_incompatible: row(
    502,
    "runtime",
    "The runtime speaks an incompatible version.",
    "Use versions of runtime and backend that fit together."
  ),
  host_key_refused: row(
    502,
    "network",
    "The host that answered has not shown a key that is known.",
    "Compare the host's key with what its administrator says, and correct the known hosts of the connection only then."
  ),
  runtime_failed: transient(
    502,
    "runtime",
    "The runtime failed to answer the request.",
    "Look at the runtime's log with the request id."
  ),
  runtime_auth_failed: row(
    401,
    "gateway",
    "The runtime did not accept the backend's credentials.",
    "Check the connection's token_ref and the runtime's token."
  ),
  runtime_unavailable: transient(
    503,
    "runtime",
    "The runtime is not ready for work.",
    "Wait until it is running again."
  ),
  runtime_timeout: transient(504, "network", "The runtime did not answer in time.", "Try again."),
  secret_unresolvable: row(
    503,
    "gateway",
    "The secret that the connection refers to cannot be resolved.",
    "Set the secret, or correct the connection's token_ref."
  ),
  egress_refused: row(
    403,
    "gateway",
    "The egress policy does not allow this endpoint.",
    "Choose another endpoint, or change the egress section of the config file."
  ),

  // Settings
  connection_not_found: row(
    404,
    "caller",
    "There is no such connection.",
    "List the connections and use one of their ids."
  ),
  runtime_id_taken: row(409, "caller", "The id is taken by another runtime.", "Choose another id."),
  kind_taken: row(
    409,
    "plugin",
    "Another plugin has this kind already.",
    "Load one of the two plugins, or give one of them another kind."
  ),
  plugin_failed: row(
    502,
    "plugin",
    "The plugin that reaches this runtime failed.",
    "Look for the plugin's failure in the backend's log, and update the plugin or take it out of the config file."
  ),
  runtime_built_in: row(409, "caller", "The built-in runtime cannot be changed.", "Choose another connection."),
  runtime_in_use: row(
    409,
    "caller",
    "Workers run or streams are open on this runtime.",
    "Stop what is listed in blockers, or force the change."
  ),
  config_changed: row(
    412,
    "caller",
    "The config changed since it was read.",
    "Read it again and repeat the change on what is there now."
  ),
  config_unwritable: row(
    409,
    "gateway",
    "The config file cannot be changed safely.",
    "Mend the config file by hand; the reason is in the answer."
  ),
  config_io: transient(
    500,
    "gateway",
    "The config file could not be read or written.",
    "Check free space and permissions of the workspace folder."
  )
} as const satisfies Record<string, Row>

export type Code = keyof typeof catalogue

export const codes = Object.keys(catalogue) as ReadonlyArray<Code>

/** Widened, so that a `Code` that is only known at run time can be looked up. */
export const rowOf = (code: Code): Row => catalogue[code]

export const isCode = (value: string): value is Code => Object.hasOwn(catalogue, value)
