/** The provider states of the page's pact: how our backend gets into each of them, over its own API. */
import { createServer, type AddressInfo } from "node:net"
import { maxQueuedInputs } from "../../src/domain/Worker.ts"
import { serve, type Served } from "../backend/BackendLayer.ts"
import { begins, type Call, caller, create, until, workersOf } from "./BackendCalls.ts"
import type { Handler } from "./runtimeProvider.ts"
import * as StagedBackend from "./stagedBackend.ts"
import type { Switchboard } from "./Switchboard.ts"
import { accessToken } from "./uiCall.ts"
import { runtimeId } from "./uiShapes.ts"

const connectionsPath = "/api/settings/runtime-connections"
const workersPath = workersOf(runtimeId)

/** How long a busy worker stays busy, in milliseconds; it is ended with the backend. */
const busyMs = 20_000

/** An endpoint at which nobody listens any more. */
const silent = async (): Promise<string> => {
  const server = createServer()
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}

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

const idle = (call: Call) => create(call, runtimeId)

const busy = async (call: Call): Promise<string> => {
  const worker_id = await create(call, runtimeId, `/wait ${busyMs} busy`)
  await until(call, runtimeId, worker_id, ({ state }) => state === "busy")
  return worker_id
}

const input = (worker_id: string, mode?: "queue") => ({
  method: "POST",
  path: `${workersPath}/${worker_id}/input`,
  body: { content: "hello", ...(mode === undefined ? undefined : { mode }) }
})

const waiting = async (call: Call) => {
  const worker_id = await busy(call)
  const { body, method, path } = input(worker_id, "queue")
  const { ack } = (await call(method, path, body)).body as { ack: { queued: { input_id: string } } }
  return { worker_id, input_id: ack.queued.input_id }
}

const saved = async (call: Call) => {
  await without(call)
  await call("POST", connectionsPath, { id: "contract", endpoint: await silent(), display_name: "Contract" })
  return tag(call)
}

/** The cursor of the first frame of another worker's stream. */
const foreignCursor = async (call: Call, base: string): Promise<string> => {
  const worker_id = await idle(call)
  await call("POST", `${workersPath}/${worker_id}/stop`)
  const said = await fetch(`${base}${workersPath}/${worker_id}/events`).then((response) => response.text())
  return /^id: (\S+)$/m.exec(said)?.[1] ?? ""
}

/** Every state that the pact names, but for those of other backends. */
const states = {
  "a backend": async () => ({}),
  "an idle worker": async (call) => ({ worker_id: await idle(call) }),
  "a worker that answers": async (call) => {
    const worker_id = await idle(call)
    return { worker_id, ...begins(input(worker_id)) }
  },
  "an idle worker that is watched for a while": async (call) => ({ worker_id: await idle(call) }),
  "an idle worker whose watcher speaks": async (call) => ({ worker_id: await idle(call), says: "hello" }),
  "an idle worker that is watched from a cursor of another log": async (call, base) => ({
    worker_id: await idle(call),
    cursor: await foreignCursor(call, base)
  }),
  "a busy worker": async (call) => ({ worker_id: await busy(call) }),
  "a busy worker with a waiting input": waiting,
  "a busy worker for which as many inputs wait as may": async (call) => {
    const worker_id = await busy(call)
    const { body, method, path } = input(worker_id, "queue")
    for (let waits = 0; waits < maxQueuedInputs; waits++) await call(method, path, body)
    return { worker_id }
  },
  "a busy worker that gets an input to wait": async (call) => {
    const worker_id = await busy(call)
    return { worker_id, ...begins(input(worker_id, "queue")) }
  },
  "a busy worker whose waiting input is taken back": async (call) => {
    const { input_id, worker_id } = await waiting(call)
    return { worker_id, ...begins({ method: "DELETE", path: `${workersPath}/${worker_id}/queue/${input_id}` }) }
  },
  "a stopped worker": async (call) => {
    const worker_id = await idle(call)
    await call("POST", `${workersPath}/${worker_id}/stop`)
    return { worker_id }
  },
  "a worker with a transcript": async (call) => {
    const worker_id = await create(call, runtimeId, "hello")
    await until(call, runtimeId, worker_id, ({ transcript_len }) => transcript_len > 0)
    return { worker_id }
  },
  [unreachable]: async (call) => {
    await call("POST", `${connectionsPath}?apply=true`, { id: "unreachable", endpoint: await silent() })
    return {}
  },
  "no connection of the contract": without,
  "a connection of the contract": saved,
  "a test of a connection": saved,
  "nothing to apply": async (call) => {
    await without(call)
    await call("POST", `${connectionsPath}/apply`)
    return tag(call)
  }
} as const satisfies Readonly<Record<string, (call: Call, base: string) => Promise<Record<string, string>>>>

/** Another backend: the first one asks for no login. */
const guarded = "a backend that asks for a login"

export const stateNames: ReadonlyArray<string> = [...Object.keys(states), ...StagedBackend.stagedNames, guarded]

export interface OurBackend {
  /** Undefined for a state that nobody has implemented. */
  readonly handlerOf: (name: string) => Handler | undefined
  readonly stop: () => Promise<void>
}

export const start = async (board: Switchboard): Promise<OurBackend> => {
  const open: Served = await serve()
  const closed: Served = await serve({ accessToken })
  const staged = await StagedBackend.start()
  const made: Array<string> = []
  const call = caller(open.url)
  return {
    handlerOf: (name) => {
      if (name === guarded) {
        return async () => {
          board.connect(closed.port)
          return {}
        }
      }
      if (StagedBackend.stagedNames.includes(name)) {
        return () => {
          board.connect(staged.port)
          return staged.reach(name)
        }
      }
      if (!Object.hasOwn(states, name)) return undefined
      return async () => {
        board.connect(open.port)
        if (name !== unreachable && (await ids(call)).includes("unreachable")) {
          await call("DELETE", `${connectionsPath}/unreachable?apply=true`)
        }
        const reached: Record<string, string> = await states[name as keyof typeof states](call, open.url)
        if (reached["worker_id"] !== undefined) made.push(reached["worker_id"])
        return { ...reached, runtime_id: runtimeId, url: open.url }
      }
    },
    stop: async () => {
      for (const id of made) await call("POST", `${workersPath}/${id}/cancel`)
      await open.stop()
      await closed.stop()
      await staged.stop()
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
