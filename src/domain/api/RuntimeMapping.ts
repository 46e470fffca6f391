/**
 * Between the domain's words and those of the runtime API, both ways. The wire splits a worker's one state in two:
 * `status` says whether it has ended, `execution` how its executor is.
 */
import type { Diagnostic } from "../Diagnostic.ts"
import type { RuntimeId } from "../Identifiers.ts"
import type { RuntimeDescription } from "../Runtime.ts"
import { maxPageItems, type TranscriptPage } from "../Transcript.ts"
import {
  type Ack,
  type CreateWorker,
  type InputAck,
  type InputMode,
  type InputRequest,
  type OperationResult,
  previewed,
  type Worker,
  type WorkerCounts,
  type WorkerInput,
  WorkerState
} from "../Worker.ts"
import type * as Wire from "./RuntimeWire.ts"

/** Other languages write an absent member as null. */
const known = <A>(it: A | null | undefined): it is A => it !== null && it !== undefined

export const statusOf = (state: WorkerState): Wire.WorkerStatus =>
  state === "stopped" || state === "cancelled" ? state : "running"

const runStates: Readonly<Record<WorkerState, Wire.RunState>> = {
  idle: "idle",
  busy: "busy",
  errored: "errored",
  stale: "unconnected",
  stopped: "stopped",
  cancelled: "stopped"
}

const resultOf = (result: OperationResult, run_state: Wire.RunState) => ({
  operation: result.operation,
  outcome: result.outcome,
  run_state: result.outcome === "rejected" || result.outcome === "errored" ? result.outcome : run_state,
  ...(result.message === undefined ? undefined : { message: result.message })
})

const executionOf = (worker: Worker): Wire.Execution => {
  const run_state = runStates[worker.state]
  return {
    backend: worker.state === "stale" ? "stale" : run_state === "stopped" ? "unconnected" : "connected",
    run_state,
    ...(worker.backend_id === undefined ? undefined : { binding: { backend_id: worker.backend_id } }),
    ...(worker.last_result === undefined ? undefined : { last_result: resultOf(worker.last_result, run_state) }),
    ...(worker.state_reason === undefined ? undefined : { reason: worker.state_reason })
  }
}

const ref = ({ runtime_id, worker_id }: Pick<Worker, "runtime_id" | "worker_id">) => ({ runtime_id, worker_id })

export const worker = (it: Worker): Wire.Worker => ({
  worker_ref: ref(it),
  runtime_id: it.runtime_id,
  worker_id: it.worker_id,
  status: statusOf(it.state),
  execution: executionOf(it),
  profile: it.profile,
  ...(it.text_format === undefined ? undefined : { text_format: it.text_format }),
  config_bundle: it.config_bundle,
  transcript_len: it.transcript_len,
  last_event_id: it.last_event_id,
  ...(it.queued_inputs === undefined ? undefined : { queued_inputs: it.queued_inputs.map(previewed) }),
  ...(it.permission_requests === undefined ? undefined : { permission_requests: it.permission_requests }),
  display_name: it.display_name,
  ...(it.created_at === undefined ? undefined : { created_at: it.created_at }),
  ...(it.updated_at === undefined ? undefined : { updated_at: it.updated_at })
})

export const ack = (it: Ack): Wire.Ack => ({
  worker_ref: ref(it),
  status: statusOf(it.state),
  event_id: it.event_id,
  run_state: runStates[it.state]
})

export const inputAck = (it: InputAck): Wire.InputAck => ({
  ...ack(it),
  transcript_sequence: it.transcript_sequence,
  ...(it.queued === undefined ? undefined : { queued: it.queued })
})

export const transcript = (owner: Pick<Worker, "runtime_id" | "worker_id">, page: TranscriptPage): Wire.Transcript => {
  const worker_ref = ref(owner)
  return {
    worker_ref,
    start: page.start,
    limit: page.limit,
    total_items: page.total_items,
    next_start: page.next_start,
    items: page.items.map((item) => ({ ...item, worker_ref }))
  }
}

/** Field v1 publishes it; events are not fetched in batches here. */
const maxEventBatchItems = 256

export const runtime = (
  description: RuntimeDescription,
  backend: "memory" | "fs_store",
  counts: WorkerCounts,
  diagnostics: ReadonlyArray<Diagnostic>
): Wire.Runtime => {
  const count = { running: 0, stopped: 0, cancelled: 0 }
  for (const state of WorkerState.literals) count[statusOf(state)] += counts[state]
  return {
    runtime_id: description.runtime_id,
    display_name: description.display_name,
    backend,
    status: description.status,
    worker_count: count.running + count.stopped + count.cancelled,
    active_worker_count: count.running,
    stopped_worker_count: count.stopped,
    cancelled_worker_count: count.cancelled,
    diagnostic_count: diagnostics.length,
    limits: {
      max_transcript_projection_items: description.max_transcript_items,
      max_event_batch_items: maxEventBatchItems
    },
    worker_creation_available: description.worker_creation_available,
    ...(description.version === undefined ? undefined : { version: description.version }),
    ...(description.epoch === undefined ? undefined : { epoch: description.epoch }),
    ...(description.capabilities === undefined ? undefined : { capabilities: description.capabilities }),
    profiles: description.profiles
  }
}

/** What a client asked for; a null member is an absent one. */
export const fromCreate = (body: Wire.CreateWorker): CreateWorker => ({
  ...(!known(body.profile) ? undefined : { profile: body.profile }),
  ...(!known(body.config_bundle) ? undefined : { config_bundle: body.config_bundle }),
  ...(!known(body.initial_input) ? undefined : { initial_input: body.initial_input }),
  ...(!known(body.display_name) ? undefined : { display_name: body.display_name }),
  ...(!known(body.worker_id) ? undefined : { worker_id: body.worker_id })
})

export const fromInput = ({ mode, ...said }: WorkerInput & { readonly mode?: InputMode | null }): InputRequest =>
  known(mode) ? { ...said, mode } : said

/** The one state that the wire's two words stand for; what nobody could send input to is `stale`. */
const fromExecution = (status: Wire.WorkerStatus, { backend, run_state }: Wire.Execution): WorkerState => {
  if (status !== "running") return status
  return backend === "connected" ? fromRunState(run_state) : "stale"
}

const fromRunState = (run_state: Wire.RunState): WorkerState => {
  switch (run_state) {
    case "busy":
    case "errored":
      return run_state
    case "idle":
    case "rejected":
      return "idle"
    case "stopped":
    case "unconnected":
      return "stale"
  }
}

/** An empty list is left out, as the engine does it. */
const listed = <K extends string, A>(key: K, items: ReadonlyArray<A> | null | undefined) =>
  known(items) && items.length > 0 ? ({ [key]: items } as { readonly [_ in K]: ReadonlyArray<A> }) : undefined

/** A worker as its runtime tells it, under the backend's alias. */
export const fromWorker = (runtime_id: RuntimeId, it: Wire.Worker): Worker => {
  const { last_result, binding, reason } = it.execution
  return {
    runtime_id,
    worker_id: it.worker_id,
    display_name: it.display_name ?? it.worker_id,
    profile: it.profile,
    ...(!known(it.text_format) ? undefined : { text_format: it.text_format }),
    state: fromExecution(it.status, it.execution),
    ...(!known(reason) ? undefined : { state_reason: reason }),
    config_bundle: it.config_bundle ?? null,
    transcript_len: it.transcript_len,
    last_event_id: it.last_event_id,
    ...listed("queued_inputs", it.queued_inputs),
    ...listed("permission_requests", it.permission_requests),
    ...(!known(last_result)
      ? undefined
      : {
          last_result: {
            operation: last_result.operation,
            outcome: last_result.outcome,
            ...(!known(last_result.message) ? undefined : { message: last_result.message })
          }
        }),
    ...(!known(binding) ? undefined : { backend_id: binding.backend_id }),
    ...(!known(it.created_at) ? undefined : { created_at: it.created_at }),
    ...(!known(it.updated_at) ? undefined : { updated_at: it.updated_at })
  }
}

/** An ack of a runtime that says no more than whether the worker has ended: it has just taken an input. */
export const fromAck = (runtime_id: RuntimeId, it: Wire.Ack): Ack => ({
  runtime_id,
  worker_id: it.worker_ref.worker_id,
  state: it.status !== "running" ? it.status : known(it.run_state) ? fromRunState(it.run_state) : "busy",
  event_id: it.event_id
})

export const fromInputAck = (runtime_id: RuntimeId, it: Wire.InputAck): InputAck => ({
  ...fromAck(runtime_id, it),
  transcript_sequence: it.transcript_sequence,
  ...(known(it.queued) ? { queued: it.queued } : undefined)
})

export const fromTranscript = (it: Wire.Transcript): TranscriptPage => ({
  start: it.start,
  limit: it.limit,
  total_items: it.total_items,
  next_start: it.next_start ?? null,
  items: it.items.map(({ content, event_id, role, sequence }) => ({ sequence, role, content, event_id }))
})

export const fromRuntime = (it: Wire.Runtime): RuntimeDescription => ({
  runtime_id: it.runtime_id,
  display_name: it.display_name ?? null,
  status: it.status,
  capabilities: it.capabilities ?? undefined,
  worker_count: it.worker_count,
  worker_creation_available: it.worker_creation_available,
  profiles: it.profiles ?? [],
  max_transcript_items: Math.max(1, Math.min(maxPageItems, it.limits.max_transcript_projection_items)),
  ...(!known(it.version) ? undefined : { version: it.version }),
  ...(!known(it.epoch) ? undefined : { epoch: it.epoch })
})
