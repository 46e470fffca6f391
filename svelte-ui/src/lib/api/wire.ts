/** Shapes of the browser API as this page reads them. Unknown members are ignored, unknown words are shown as they are. */

export type FactValue = "yes" | "no" | "unknown"
export interface Fact {
  readonly value: FactValue
  /** RFC 3339 */
  readonly since: string
  readonly code?: string
}
export interface Facts {
  readonly reachable: Fact
  readonly authenticated: Fact
  readonly compatible: Fact
}
export interface Diagnostic {
  readonly code: string
  readonly severity: "info" | "warning" | "error"
  readonly message: string
}
export type RuntimeStatus = "running" | "stopped" | "unreachable" | "auth_failed" | "incompatible" | "unknown"
export type Capabilities = Readonly<Record<string, Readonly<Record<string, unknown>>>>
export interface Runtime {
  readonly runtime_id: string
  readonly display_name: string
  readonly kind: string
  readonly built_in: boolean
  readonly status: RuntimeStatus
  readonly capabilities?: Capabilities
  readonly worker_count?: number | null
  readonly last_seen_at?: string | null
  readonly facts: Facts
  /** `open`: calls are paused after repeated failures. */
  readonly circuit?: string
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

export type WorkerState = "idle" | "busy" | "errored" | "stale" | "stopped" | "cancelled"
export const workerStates: ReadonlyArray<WorkerState> = ["idle", "busy", "errored", "stale", "stopped", "cancelled"]
export const isTerminal = (state: string | undefined): boolean => state === "stopped" || state === "cancelled"

/** What becomes of an input while the worker is busy. Other words than these are a newer runtime's. */
export type InputMode = "reject" | "queue" | "interrupt"
export interface QueuedInput {
  readonly input_id: string
  /** Its beginning, at most 200 characters. */
  readonly content: string
  readonly queued_at: string
}
export interface PermissionRequest {
  readonly id: string
  readonly title: string
  readonly expires_at: string
}
export interface Worker {
  readonly runtime_id: string
  readonly worker_id: string
  readonly display_name: string
  readonly profile: string
  /** Text of a program, to be shown as it is; absent = Markdown. */
  readonly text_format?: "plain"
  readonly state: WorkerState
  readonly kind?: string
  readonly transcript_len: number
  readonly queued_inputs?: ReadonlyArray<QueuedInput>
  readonly permission_requests?: ReadonlyArray<PermissionRequest>
  readonly created_at?: string
  readonly updated_at?: string
  readonly diagnostics?: ReadonlyArray<Diagnostic>
}
export interface Source {
  readonly runtime_id: string
  readonly state: "ok" | "failed"
  readonly problem?: ProblemBody
}
export interface WorkerList {
  readonly items: ReadonlyArray<Worker>
  readonly sources?: ReadonlyArray<Source>
  readonly next_cursor?: string | null
}
export interface CreateWorker {
  readonly display_name?: string
  readonly profile?: string
  readonly initial_input?: { readonly kind: "user"; readonly content: string }
}
export interface Ack {
  readonly runtime_id: string
  readonly worker_id: string
  readonly state: WorkerState
  readonly event_id: string | number
  /** Of input only: where the text stands in the transcript; 0 while it waits. */
  readonly transcript_sequence?: number
  /** Of input only, when it waits. */
  readonly queued?: { readonly input_id: string; readonly position: number }
}

export type Role = "user" | "assistant" | "system"
export interface TranscriptItem {
  /** 1 for the first item of a worker. */
  readonly sequence: number
  readonly role: Role
  readonly content: string
  readonly event_id: string | number
}
export interface TranscriptPage {
  /** 0-based position of the first item. */
  readonly start: number
  readonly limit: number
  readonly total_items: number
  readonly next_start: number | null
  readonly items: ReadonlyArray<TranscriptItem>
}

export interface LaunchRuntime {
  readonly runtime_id: string
  readonly display_name: string
  readonly built_in: boolean
  readonly can_create: boolean
  readonly status: RuntimeStatus
  readonly diagnostics: ReadonlyArray<Diagnostic>
  /** Ids of the profiles that this runtime offers. */
  readonly profiles?: ReadonlyArray<string>
}
export interface LaunchProfile {
  readonly id: string
  readonly label: string
  readonly description?: string
}
export interface LaunchOptions {
  readonly runtimes: ReadonlyArray<LaunchRuntime>
  readonly profiles: ReadonlyArray<LaunchProfile>
}

export type CredentialState = "none" | "resolvable" | "unresolvable" | "rejected"
export interface Connection {
  readonly id: string
  readonly display_name: string
  readonly kind: string
  readonly origin: "built_in" | "file"
  readonly endpoint?: string
  readonly token_ref?: string
  readonly options?: Readonly<Record<string, unknown>>
  readonly editable: boolean
  readonly deletable: boolean
  readonly credential: CredentialState
  readonly active: boolean
  readonly restart_required: boolean
  readonly status: RuntimeStatus
  /** null while it is not active. */
  readonly facts: Facts | null
  readonly diagnostics: ReadonlyArray<Diagnostic>
}
export interface Pending {
  readonly added: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
}
export interface ConnectionList {
  readonly connections: ReadonlyArray<Connection>
  readonly restart_required: boolean
  readonly pending: Pending
  /** Whether the file can be changed; the diagnostics say why not. */
  readonly writable?: boolean
  readonly diagnostics: ReadonlyArray<Diagnostic>
}
/** What a person may write down about a connection; the body of POST, PATCH and the draft test. */
export interface ConnectionDraft {
  readonly id: string
  readonly kind?: string
  readonly endpoint?: string
  readonly display_name?: string
  readonly token_ref?: string
  readonly options?: Readonly<Record<string, unknown>>
}
export interface Kind {
  readonly kind: string
  readonly label: string
  readonly description: string
  /** `none`: the kind reaches nothing over the network. */
  readonly endpoint?: "required" | "none"
  readonly options_schema: JsonSchema
  readonly secret_fields: ReadonlyArray<string>
}
export type JsonSchema = { readonly [keyword: string]: unknown } | boolean

export interface TestStep {
  readonly step: string
  readonly status: "pass" | "warn" | "fail" | "skip"
  readonly code: string
  readonly latency_ms?: number | null
  readonly summary: string
  readonly fix?: string
}
export interface TestReport {
  readonly id?: string
  readonly checked_at: string
  readonly compatible: boolean
  readonly protocol?: { readonly compatible: boolean; readonly basis: string }
  readonly observed?: {
    readonly runtime_id?: string
    readonly display_name?: string | null
    readonly status?: string
    readonly version?: string
    readonly capabilities?: Capabilities
  } | null
  readonly steps: ReadonlyArray<TestStep>
  readonly operations: ReadonlyArray<{
    readonly operation: string
    readonly needed: boolean
    readonly verdict: "available" | "unavailable" | "unchecked"
  }>
  readonly diagnostics: ReadonlyArray<Diagnostic>
}

/** A line of a running test: its steps, and the report as the last. Kinds that are not known are passed over. */
export interface TestLine {
  readonly kind?: string
  readonly step?: TestStep
  readonly report?: TestReport
}

export interface FieldError {
  /** JSON pointer into the body that was sent. */
  readonly pointer: string
  readonly code: string
  readonly message?: string
}
export interface Blocker {
  readonly kind: string
  readonly runtime_id: string
  readonly worker_id?: string
  readonly count?: number
}
/** RFC 9457 with the members of this API. */
export interface ProblemBody {
  readonly code: string
  readonly title?: string
  readonly status?: number
  readonly detail?: string
  /** The request id, for the log. */
  readonly instance?: string
  readonly origin?: string
  readonly retryable?: boolean
  readonly retry_after_ms?: number
  readonly runtime_id?: string
  readonly worker_id?: string
  readonly operation?: string
  readonly capability?: string
  readonly reason?: string
  readonly fix?: string
  readonly errors?: ReadonlyArray<FieldError>
  readonly blockers?: ReadonlyArray<Blocker>
}

/** Frames of the event socket, before their payload is understood. */
export type Frame =
  | { readonly kind: "hello"; readonly epoch: string; readonly heartbeat_ms: number; readonly head?: string }
  | { readonly kind: "event"; readonly envelope: Envelope }
  | { readonly kind: "bookmark"; readonly cursor: string }
  | { readonly kind: "resync"; readonly reason: string; readonly cursor: string }
  | { readonly kind: "end"; readonly status: string }
  | { readonly kind: "diagnostic"; readonly diagnostic: { readonly code: string; readonly message: string } }
export interface Envelope {
  readonly cursor: string
  readonly event_id: string
  readonly worker_id?: string
  readonly runtime_id?: string
  readonly payload: { readonly event: string; readonly data: Readonly<Record<string, unknown>> }
}
