/** Settings: the runtime connections of the config file. Every write names the version it was based on. */
import { request, requestLines, requestText, segment } from "./http.ts"
import type {
  Connection,
  ConnectionDraft,
  ConnectionList,
  Diagnostic,
  Kind,
  Pending,
  TestLine,
  TestReport,
  TestStep
} from "./wire.ts"

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

export interface Watch {
  /** Gets each step as soon as it is over, in the order in which they end. */
  readonly onStep?: (step: TestStep) => void
  /** Ends the test. */
  readonly signal?: AbortSignal
}

const test = (path: string, body: ConnectionDraft | undefined, { onStep, signal }: Watch) =>
  requestLines<TestReport>(
    { method: "POST", path, query: { stream: "true" }, ...(body && { body }), ...(signal && { signal }) },
    (line) => {
      const { kind, report, step } = (line ?? {}) as TestLine
      if (kind === "step" && typeof step?.step === "string" && signal?.aborted !== true) onStep?.(step)
      return kind === "report" ? report : undefined
    }
  )

export const testSaved = (id: string, watch: Watch = {}) => test(`${connectionPath(id)}/test`, undefined, watch)

export const testDraft = (body: ConnectionDraft, watch: Watch = {}) => test(`${root}/test`, body, watch)

/** @param force also when workers run or streams are open on what goes away */
export const applyConnections = (ifMatch: string | undefined, force: boolean) =>
  request<{ readonly applied: Pending; readonly restart_required: boolean }>({
    method: "POST",
    path: `${root}/apply`,
    ifMatch,
    query: force ? { force: "true" } : {}
  })

export const exportConnections = () => requestText({ path: `${root}/export` })
