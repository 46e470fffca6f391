/** A client that knows the documents and nothing of the code: plain fetch, and bytes on a socket. */
import { assert } from "@effect/vitest"
import { connect } from "node:net"
import { assertShape, bool, type Json, type Shape, text, uuid } from "./Shape.ts"

export const runtimeId = "backend-internal"
export const workersPath = `/api/runtimes/${runtimeId}/workers`
export const workerPath = (id: string, rest = ""): string => `${workersPath}/${id}${rest}`

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON. */
  readonly body: Json
}

export interface Asked {
  /** An object is sent as JSON, a text as it is. */
  readonly body?: object | string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

export const request = async (url: string, method: string, { body, headers }: Asked = {}): Promise<Answer> => {
  const isText = typeof body === "string" || body instanceof Uint8Array
  const response = await fetch(url, {
    method,
    redirect: "manual",
    headers: { ...(body === undefined || isText ? undefined : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? undefined : { body: isText ? (body as string) : JSON.stringify(body) })
  })
  const said = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    text: said,
    get body() {
      return JSON.parse(said)
    }
  }
}

export const get = (url: string, headers?: Readonly<Record<string, string>>) =>
  request(url, "GET", headers === undefined ? {} : { headers })
export const post = (url: string, body?: Asked["body"], headers?: Readonly<Record<string, string>>) =>
  request(url, "POST", {
    ...(body === undefined ? undefined : { body }),
    ...(headers === undefined ? undefined : { headers })
  })

/** Creates a worker and answers its id. */
export const create = async (base: string, body: object = {}): Promise<string> => {
  const answer = await post(base + workersPath, body)
  assert.strictEqual(answer.status, 201, answer.text)
  return answer.body.worker.worker_id
}

/** Asks until the worker is in the state. */
export const until = async (base: string, worker: string, state: string): Promise<void> => {
  const answer = await get(base + workerPath(worker))
  assert.strictEqual(answer.status, 200, answer.text)
  return answer.body.worker.state === state ? undefined : until(base, worker, state)
}

/** One after the other. */
export const inTurn = <A>(items: Iterable<A>, visit: (item: A) => Promise<unknown>): Promise<unknown> =>
  Array.from(items).reduce((before: Promise<unknown>, item) => before.then(() => visit(item)), Promise.resolve())

const origins = new Set<unknown>(["caller", "gateway", "network", "runtime", "plugin"])

export interface Problem {
  readonly status: number
  readonly code: string
  /** Members beside those that every problem has. */
  readonly more?: { readonly [member: string]: Shape }
}

/** The whole body of a problem, and the headers that go with it. */
export const assertProblem = (answer: Answer, { code, more = {}, status }: Problem): void => {
  assert.strictEqual(answer.status, status, answer.text)
  assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
  assert.strictEqual(answer.headers.get("cache-control"), "no-store")
  assertShape(answer.body, {
    type: `https://yoi-workspace.invalid/problems/${code.replaceAll("_", "-")}`,
    title: text,
    status,
    detail: text,
    instance: uuid,
    code,
    origin: (value) => origins.has(value),
    retryable: bool,
    fix: text,
    ...more
  })
  assert.strictEqual(answer.headers.get("x-request-id"), answer.body.instance)
  const wait: number | undefined = answer.body.retry_after_ms
  assert.strictEqual(answer.headers.get("retry-after"), wait === undefined ? null : String(Math.ceil(wait / 1_000)))
  assert.notMatch(answer.text, /\/(work|tmp|home|root|src|node_modules)\b|    at |\.ts:/)
}

export interface Exchange {
  /** Everything that came back. */
  readonly said: string
  /** Milliseconds until the server hung up. */
  readonly after: number
}

/** Writes bytes and reads until the server hangs up. Does not hang up itself: whoever is cut is cut by the server. */
export const exchange = (port: number, ...parts: ReadonlyArray<string | Uint8Array>): Promise<Exchange> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    const begun = performance.now()
    let said = ""
    socket.setEncoding("latin1").on("data", (part) => (said += String(part)))
    socket.on("error", () => {})
    socket.on("close", () => resolve({ said, after: performance.now() - begun }))
    for (const part of parts) socket.write(part)
  })

/** A request as bytes, with its length, that ends the connection. */
export const bytes = (port: number, line: string, headers: ReadonlyArray<string> = [], body = ""): string =>
  [
    `${line} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Connection: close",
    ...(body === "" ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
    ...headers,
    "",
    body
  ].join("\r\n")

/** The last answer in what came back. */
export const parse = (said: string): Answer => {
  const start = said.lastIndexOf("HTTP/1.1 ")
  const end = said.indexOf("\r\n\r\n", start)
  assert.isAbove(end, start, `no answer in ${JSON.stringify(said)}`)
  const [status, ...lines] = said.slice(start, end).split("\r\n")
  const headers = new Headers(
    lines.map((line): [string, string] => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)])
  )
  const body = said.slice(end + 4)
  return {
    status: Number(status!.split(" ")[1]),
    headers,
    text: body,
    get body() {
      return JSON.parse(body)
    }
  }
}
