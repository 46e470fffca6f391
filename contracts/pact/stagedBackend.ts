/** States of the page's pact that need a worker which does on command what an agent does, on a runtime behind a backend. */
import { serve } from "../backend/BackendLayer.ts"
import { begins, type Call, caller, create, until, workersOf } from "./BackendCalls.ts"
import * as RuntimeInProcess from "./RuntimeInProcess.ts"
import * as StagedExecutor from "./StagedExecutor.ts"

const runtime_id = "staged"

type Reached = Record<string, string>

const said = (worker_id: string, content: string) =>
  ({ method: "POST", path: `${workersOf(runtime_id)}/${worker_id}/input`, body: { content } }) as const

const about = (stage: string) => async (call: Call) => {
  const worker_id = await create(call, runtime_id)
  return { worker_id, ...begins(said(worker_id, stage)) }
}

const asking = async (call: Call) => {
  const worker_id = await create(call, runtime_id)
  const { body, method, path } = said(worker_id, StagedExecutor.stages.ask)
  await call(method, path, body)
  const { permission_requests = [] } = await until(
    call,
    runtime_id,
    worker_id,
    ({ permission_requests: open }) => open !== undefined
  )
  const [request] = permission_requests
  return { worker_id, permission_id: request?.id ?? "", option_id: request?.options[0]?.id ?? "" }
}

const states: Readonly<Record<string, (call: Call) => Promise<Reached>>> = {
  "a worker that thinks aloud": about(StagedExecutor.stages.think),
  "a worker that uses a tool": about(StagedExecutor.stages.tool),
  "a worker whose turn fails": about(StagedExecutor.stages.fail),
  "a worker that is about to ask for permission": about(StagedExecutor.stages.ask),
  "a worker that asks for permission": asking,
  "a worker whose permission request is answered": async (call) => {
    const { option_id, permission_id, worker_id } = await asking(call)
    const path = `${workersOf(runtime_id)}/${worker_id}/permissions/${permission_id}`
    return { worker_id, ...begins({ method: "POST", path, body: { option_id } }) }
  }
}

export const stagedNames: ReadonlyArray<string> = Object.keys(states)

export interface StagedBackend {
  readonly port: number
  readonly reach: (name: string) => Promise<Reached>
  readonly stop: () => Promise<void>
}

export const start = async (): Promise<StagedBackend> => {
  const runtime = await RuntimeInProcess.start({ executor: StagedExecutor.executor, open: true })
  const backend = await serve()
  const call = caller(backend.url)
  const endpoint = `http://127.0.0.1:${runtime.port}`
  await call("POST", "/api/settings/runtime-connections?apply=true", { id: runtime_id, endpoint })
  const made: Array<string> = []
  return {
    port: backend.port,
    reach: async (name) => {
      const reached = await states[name]!(call)
      if (reached["worker_id"] !== undefined) made.push(reached["worker_id"])
      return { ...reached, runtime_id, url: backend.url }
    },
    stop: async () => {
      for (const id of made) await call("POST", `${workersOf(runtime_id)}/${id}/cancel`)
      await backend.stop()
      await runtime.stop()
    }
  }
}
