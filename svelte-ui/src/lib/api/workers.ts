/** Workers: list, create, converse, steer, end. Commands carry an idempotency key. */
import { request, segment } from "./http.ts"
import type { Ack, CreateWorker, InputMode, TranscriptPage, Worker, WorkerList, WorkerState } from "./wire.ts"

/** The largest page of a transcript that the API gives. */
export const transcriptPageItems = 200

export interface WorkerFilter {
  readonly runtime_id?: string | undefined
  readonly state?: WorkerState | undefined
  readonly cursor?: string | undefined
}

const workersOf = (runtimeId: string) => `/api/runtimes/${segment(runtimeId)}/workers`
const workerPath = (runtimeId: string, workerId: string) => `${workersOf(runtimeId)}/${segment(workerId)}`

export const listWorkers = (filter: WorkerFilter, signal?: AbortSignal) =>
  request<WorkerList>({ path: "/api/workers", query: { ...filter }, ...(signal && { signal }) })

export const getWorker = (runtimeId: string, workerId: string, signal?: AbortSignal) =>
  request<{ readonly worker: Worker }>({ path: workerPath(runtimeId, workerId), ...(signal && { signal }) })

export const createWorker = (runtimeId: string, body: CreateWorker, key: string) =>
  request<{ readonly worker: Worker }>({ method: "POST", path: workersOf(runtimeId), body, key })

/** @param mode undefined for a runtime that does not declare any: it refuses input while the worker is busy */
export const sendInput = (
  runtimeId: string,
  workerId: string,
  content: string,
  mode: InputMode | undefined,
  key: string
) =>
  request<{ readonly ack: Ack }>({
    method: "POST",
    path: `${workerPath(runtimeId, workerId)}/input`,
    body: { kind: "user", content, ...(mode === undefined ? {} : { mode }) },
    key
  })

/** Ends the turn and not the worker. */
export const interruptTurn = (runtimeId: string, workerId: string, key: string) =>
  request<{ readonly ack: Ack }>({
    method: "POST",
    path: `${workerPath(runtimeId, workerId)}/interrupt`,
    body: {},
    key
  })

export const answerPermission = (
  runtimeId: string,
  workerId: string,
  permissionId: string,
  optionId: string,
  key: string
) =>
  request<{ readonly ack: Ack }>({
    method: "POST",
    path: `${workerPath(runtimeId, workerId)}/permissions/${segment(permissionId)}`,
    body: { option_id: optionId },
    key
  })

export const takeBackInput = (runtimeId: string, workerId: string, inputId: string, key: string) =>
  request<{ readonly ack: Ack }>({
    method: "DELETE",
    path: `${workerPath(runtimeId, workerId)}/queue/${segment(inputId)}`,
    key
  })

export const endWorker = (how: "stop" | "cancel", runtimeId: string, workerId: string, key: string, reason?: string) =>
  request<{ readonly ack: Ack }>({
    method: "POST",
    path: `${workerPath(runtimeId, workerId)}/${how}`,
    body: reason === undefined || reason === "" ? {} : { reason },
    key
  })

export const transcriptPage = (runtimeId: string, workerId: string, start: number, signal?: AbortSignal) =>
  request<{ readonly transcript: TranscriptPage }>({
    path: `${workerPath(runtimeId, workerId)}/transcript`,
    query: { start, limit: transcriptPageItems },
    ...(signal && { signal })
  })
