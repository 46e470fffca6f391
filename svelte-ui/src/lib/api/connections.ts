/** Settings: the runtime connections of the config file. Every write names the version it was based on. */
import { request, requestText, segment } from "./http.ts"
import type { Connection, ConnectionDraft, ConnectionList, Diagnostic, Kind, Pending, TestReport } from "./wire.ts"

const root = "/api/settings/runtime-connections"
const connectionPath = (id: string) => `${root}/${segment(id)}`

export interface Write {
  /** The ETag that the person saw. */
  readonly ifMatch: string | undefined
  /** Whether the change takes effect at once. */
  readonly apply?: boolean
}
export interface Written {
  readonly connection?: Connection
  readonly restart_required: boolean
  readonly diagnostics?: ReadonlyArray<Diagnostic>
}

const query = (write: Write) => (write.apply === true ? { apply: "true" } : {})

export const listConnections = (signal?: AbortSignal) =>
  request<ConnectionList>({ path: root, ...(signal && { signal }) })

export const listKinds = (signal?: AbortSignal) =>
  request<{ readonly kinds: ReadonlyArray<Kind> }>({ path: `${root}/kinds`, ...(signal && { signal }) })

export const addConnection = (body: ConnectionDraft, write: Write) =>
  request<Written>({ method: "POST", path: root, body, ifMatch: write.ifMatch, query: query(write) })

/** `null` removes a member. */
export const editConnection = (id: string, body: Readonly<Record<string, unknown>>, write: Write) =>
  request<Written>({ method: "PATCH", path: connectionPath(id), body, ifMatch: write.ifMatch, query: query(write) })

export const deleteConnection = (id: string, write: Write) =>
  request<Written>({ method: "DELETE", path: connectionPath(id), ifMatch: write.ifMatch, query: query(write) })

export const testSaved = (id: string, signal?: AbortSignal) =>
  request<TestReport>({ method: "POST", path: `${connectionPath(id)}/test`, ...(signal && { signal }) })

export const testDraft = (body: ConnectionDraft, signal?: AbortSignal) =>
  request<TestReport>({ method: "POST", path: `${root}/test`, body, ...(signal && { signal }) })

/** @param force also when workers run or streams are open on what goes away */
export const applyConnections = (ifMatch: string | undefined, force: boolean) =>
  request<{ readonly applied: Pending; readonly restart_required: boolean }>({
    method: "POST",
    path: `${root}/apply`,
    ifMatch,
    query: force ? { force: "true" } : {}
  })

export const exportConnections = () => requestText({ path: `${root}/export` })
