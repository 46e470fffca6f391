/** The backend on a real port over a workspace folder of the test's own; it can be stopped and started again. */
import * as fs from "node:fs"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { HttpServer } from "effect/http/HttpServer"
import * as Backend from "../../src/app/backend/Backend.ts"
import * as Workspace from "../../src/app/cli/Workspace.ts"
import { makeFolder, removeFolder } from "../backend/BackendProcess.ts"

export const root = "/api/settings/runtime-connections"

// oxlint-disable-next-line typescript/no-explicit-any -- answers are looked at, not computed with
export type Body = any

export interface Answer {
  readonly status: number
  readonly etag: string | null
  readonly headers: Headers
  readonly text: string
  /** Undefined when it is not JSON. */
  readonly body: Body
}

export interface Sent {
  readonly body?: unknown
  readonly ifMatch?: string
  readonly headers?: Readonly<Record<string, string>>
}

export const workspace = Effect.acquireRelease(Effect.sync(makeFolder), (folder) =>
  Effect.sync(() => removeFolder(folder))
)

const parse = (text: string): Body => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const send =
  (url: string) =>
  (method: string, path: string, { body, headers, ifMatch }: Sent = {}) =>
    Effect.promise(async (signal): Promise<Answer> => {
      const response = await fetch(url + path, {
        method,
        signal,
        headers: {
          ...(body === undefined ? undefined : { "content-type": "application/json" }),
          ...(ifMatch === undefined ? undefined : { "if-match": ifMatch }),
          ...headers
        },
        ...(body === undefined ? undefined : { body: JSON.stringify(body) })
      })
      const text = await response.text()
      return {
        status: response.status,
        etag: response.headers.get("etag"),
        headers: response.headers,
        text,
        body: parse(text)
      }
    })

export const configPath = (folder: string) => join(folder, ".yoi/workspace-backend.local.toml")

export const writeConfig = (folder: string, text: string) =>
  Effect.sync(() => {
    fs.mkdirSync(join(folder, ".yoi"), { recursive: true, mode: 0o700 })
    fs.writeFileSync(configPath(folder), text, { mode: 0o600 })
  })

export const readConfig = (folder: string): string => fs.readFileSync(configPath(folder), "utf8")

/** Serves until the scope closes, or `stop`. */
export const serve = Effect.fnUntraced(function* (folder: string) {
  const scope = yield* Scope.Scope
  const own = yield* Scope.fork(scope)
  const context = yield* Layer.buildWithScope(
    Backend.layer({
      listen: { host: "127.0.0.1", port: 0 },
      dataRoot: join(folder, ".yoi/data"),
      accessToken: undefined,
      allowedHosts: [],
      pageRoot: undefined
    }).pipe(Layer.provide(Layer.fresh(Workspace.layer(folder))), Layer.provide(NodeServices.layer)),
    own
  )
  const { address } = Context.get(context, HttpServer)
  const url = `http://127.0.0.1:${"port" in address ? address.port : 0}`
  const call = send(url)
  const list = Effect.map(call("GET", root), ({ body }) => body)
  return {
    url,
    folder,
    call,
    list,
    /** One connection as it is listed. */
    view: (id: string) => Effect.map(list, (it: Body) => it.connections.find((one: Body) => one.id === id)),
    add: (body: object, query = "", sent: Sent = {}) => call("POST", `${root}${query}`, { ...sent, body }),
    stop: Scope.close(own, Exit.void)
  }
})

/** A server over a new folder, with this in its config file. */
export const fresh = Effect.fnUntraced(function* (config?: string) {
  const folder = yield* workspace
  if (config !== undefined) yield* writeConfig(folder, config)
  return yield* serve(folder)
})

export const mock = (id: string, more: object = {}) => ({ id, kind: "mock", ...more })
/** Where nobody listens. */
export const remote = (id: string, more: object = {}) => ({ id, endpoint: "http://127.0.0.1:48111", ...more })
