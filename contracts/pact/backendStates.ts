/** The provider states of the page's pact: how our backend gets into each of them, over its own API. */
import { createServer, type AddressInfo } from "node:net"
import { serve, type Served } from "../backend/BackendLayer.ts"
import type { Handler } from "./runtimeProvider.ts"
import type { Switchboard } from "./Switchboard.ts"
import { accessToken } from "./uiCases.ts"
import { runtimeId } from "./uiShapes.ts"

const connectionsPath = "/api/settings/runtime-connections"
const workersPath = `/api/runtimes/${runtimeId}/workers`

/** How long a busy worker stays busy, in milliseconds; it is ended with the backend. */
const busyMs = 20_000

/** How long a worker may take to say something, in milliseconds. */
const settleMs = 10_000
const pollMs = 20

/** An endpoint at which nobody listens any more. */
const silent = async (): Promise<string> => {
  const server = createServer()
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}

interface Answer {
  readonly etag: string
  readonly body: Readonly<Record<string, unknown>>
}

type Call = (method: string, path: string, body?: object) => Promise<Answer>

const caller =
  (base: string): Call =>
  async (method, path, body) => {
    const response = await fetch(base + path, {
      method,
      ...(body === undefined
        ? undefined
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
    })
    const said = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${said}`)
    return { etag: response.headers.get("etag") ?? "", body: JSON.parse(said) as Answer["body"] }
  }

interface Worker {
  readonly worker_id: string
  readonly state: string
  readonly transcript_len: number
}

const workerOf = ({ body }: Answer): Worker => body["worker"] as Worker

const until = async (call: Call, worker_id: string, wanted: (worker: Worker) => boolean): Promise<void> => {
  const end = performance.now() + settleMs
  while (!wanted(workerOf(await call("GET", `${workersPath}/${worker_id}`)))) {
    if (performance.now() > end) throw new Error(`The worker was not as wanted after ${settleMs} ms.`)
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}

const create = async (call: Call, content?: string): Promise<string> =>
  workerOf(await call("POST", workersPath, content === undefined ? {} : { initial_input: { kind: "user", content } }))
    .worker_id

const ids = async (call: Call): Promise<ReadonlyArray<string>> => {
  const { body } = await call("GET", connectionsPath)
  return (body["connections"] as ReadonlyArray<{ readonly id: string }>).map(({ id }) => id)
}

const tag = async (call: Call): Promise<Record<string, string>> => ({ etag: (await call("GET", connectionsPath)).etag })

const without = async (call: Call): Promise<Record<string, string>> => {
  if ((await ids(call)).includes("contract")) await call("DELETE", `${connectionsPath}/contract?apply=true`)
  return tag(call)
}

/** Its runtime is there in no other state. */
const unreachable = "a runtime that cannot be reached"

/** Every state that the pact names. */
const states = {
  "a backend": async () => ({}),
  "an idle worker": async (call) => ({ worker_id: await create(call) }),
  "a worker that answers": async (call) => ({ worker_id: await create(call) }),
  "a busy worker": async (call) => {
    const worker_id = await create(call, `/wait ${busyMs} busy`)
    await until(call, worker_id, ({ state }) => state === "busy")
    return { worker_id }
  },
  "a stopped worker": async (call) => {
    const worker_id = await create(call)
    await call("POST", `${workersPath}/${worker_id}/stop`)
    return { worker_id }
  },
  "a worker with a transcript": async (call) => {
    const worker_id = await create(call, "hello")
    await until(call, worker_id, ({ transcript_len }) => transcript_len > 0)
    return { worker_id }
  },
  [unreachable]: async (call) => {
    await call("POST", `${connectionsPath}?apply=true`, { id: "unreachable", endpoint: await silent() })
    return {}
  },
  "no connection of the contract": without,
  "a connection of the contract": async (call) => {
    await without(call)
    await call("POST", connectionsPath, { id: "contract", endpoint: await silent(), display_name: "Contract" })
    return tag(call)
  },
  "nothing to apply": async (call) => {
    await without(call)
    await call("POST", `${connectionsPath}/apply`)
    return tag(call)
  }
} as const satisfies Readonly<Record<string, (call: Call) => Promise<Record<string, string>>>>

/** Another backend: the first one asks for no login. */
const guarded = "a backend that asks for a login"

export const stateNames: ReadonlyArray<string> = [...Object.keys(states), guarded]

export interface OurBackend {
  /** Of the one that asks for no login. */
  readonly url: string
  /** Undefined for a state that nobody has implemented. */
  readonly handlerOf: (name: string) => Handler | undefined
  readonly stop: () => Promise<void>
}

export const start = async (board: Switchboard): Promise<OurBackend> => {
  const open: Served = await serve()
  const closed: Served = await serve({ accessToken })
  const made: Array<string> = []
  const call = caller(open.url)
  return {
    url: open.url,
    handlerOf: (name) => {
      if (name === guarded) {
        return async () => {
          board.connect(closed.port)
          return {}
        }
      }
      if (!Object.hasOwn(states, name)) return undefined
      return async () => {
        board.connect(open.port)
        if (name !== unreachable && (await ids(call)).includes("unreachable")) {
          await call("DELETE", `${connectionsPath}/unreachable?apply=true`)
        }
        const reached: Record<string, string> = await states[name as keyof typeof states](call)
        if (reached["worker_id"] !== undefined) made.push(reached["worker_id"])
        return reached
      }
    },
    stop: async () => {
      for (const id of made) await call("POST", `${workersPath}/${id}/cancel`)
      await open.stop()
      await closed.stop()
    }
  }
}

/** A handler for each of the names. Fails at once for a name that is not in the catalogue. */
export const handlersFor = (names: Iterable<string>, backend: OurBackend): Record<string, Handler> =>
  Object.fromEntries(
    Array.from(names, (name) => {
      const handler = backend.handlerOf(name)
      if (handler !== undefined) return [name, handler]
      throw new Error(
        `The pact names the state ${JSON.stringify(name)}, and no handler implements it. Add to backendStates.ts:\n  ${JSON.stringify(name)}: async (call) => ({}),`
      )
    })
  )
