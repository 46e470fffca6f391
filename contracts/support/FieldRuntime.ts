/**
 * A worker-runtime of field v1: no capability map, no subprotocol, stub snapshots, opaque cursors, one code for busy and
 * rejected, no idempotency. Plain Node, so that nothing of ours decides what it says.
 */
import { Effect, type Scope } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { type WebSocket, WebSocketServer } from "ws"

interface Item {
  readonly sequence: number
  readonly role: string
  readonly content: string
  readonly event_id: number
}

interface FieldWorker {
  status: "running" | "stopped" | "cancelled"
  run_state: string
  last_result: Record<string, unknown> | undefined
  last_event_id: number
  readonly items: Array<Item>
  readonly watchers: Set<WebSocket>
}

export interface Options {
  readonly runtime_id?: string
  readonly token?: string
  /** Largest transcript page. */
  readonly maxItems?: number
  /** The subprotocol that it chooses whatever is offered, for a runtime that claims to be newer. */
  readonly protocol?: string
  /** How an event is called on the stream; the default is the number that REST uses. */
  readonly eventId?: (number: number) => string | number
}

export class FieldRuntime {
  readonly options: Options
  runtime_id: string
  port = 0
  readonly workers = new Map<string, FieldWorker>()
  /** Method, path and headers of every request, in order. */
  readonly requests: Array<{ readonly line: string; readonly headers: IncomingMessage["headers"]; body: string }> = []
  /** Called when a watcher has subscribed, before it gets the stub. */
  onSubscribe: (worker_id: string) => void = () => undefined
  /** Called before a request is answered. */
  onRequest: (line: string) => void = () => undefined
  /** Raw bytes that answer an upgrade instead. */
  upgradeAnswer: string | undefined
  /** Refuses the next inputs, as a worker does that will not take them. */
  rejecting = false
  #created = 0

  constructor(options: Options = {}) {
    this.options = options
    this.runtime_id = options.runtime_id ?? "field-1"
  }

  worker(worker_id: string): FieldWorker {
    return this.workers.get(worker_id)!
  }

  emit(worker_id: string, event: string, data?: Record<string, unknown>): number {
    const worker = this.worker(worker_id)
    const id = (worker.last_event_id += 1)
    const envelope = {
      cursor: `opaque:${worker_id}/${id}==`,
      event_id: (this.options.eventId ?? String)(id),
      worker_id,
      payload: data === undefined ? { event } : { event, data }
    }
    for (const socket of worker.watchers) socket.send(JSON.stringify({ kind: "event", envelope }))
    return id
  }

  say(worker_id: string, role: "user" | "assistant", content: string): Item {
    const event_id =
      role === "user"
        ? this.emit(worker_id, "user_message", { segments: [{ kind: "text", content }] })
        : this.emit(worker_id, "text_done", { text: content })
    const { items } = this.worker(worker_id)
    const item = { sequence: items.length + 1, role, content, event_id }
    items.push(item)
    return item
  }

  /** Ends the turn of a busy worker with an answer. */
  answer(worker_id: string, content: string): void {
    this.emit(worker_id, "text_delta", { text: content })
    this.say(worker_id, "assistant", content)
    this.worker(worker_id).run_state = "idle"
    this.emit(worker_id, "run_end", { result: "finished" })
    this.emit(worker_id, "status", { status: "idle" })
  }

  create(): string {
    this.#created += 1
    const worker_id = `worker-${String(this.#created).padStart(8, "0")}`
    this.workers.set(worker_id, {
      status: "running",
      run_state: "idle",
      last_result: { operation: "spawn", outcome: "accepted", run_state: "idle" },
      last_event_id: 0,
      items: [],
      watchers: new Set()
    })
    this.emit(worker_id, "status", { status: "idle" })
    return worker_id
  }

  end(worker_id: string, status: "stopped" | "cancelled"): void {
    const worker = this.worker(worker_id)
    if (worker.status !== "running") return
    worker.status = status
    worker.run_state = "stopped"
    this.emit(worker_id, "run_end", { result: "rolled_back" })
  }

  /** Hangs up on every watcher of the worker, without a close frame. */
  hangUp(worker_id: string): void {
    for (const socket of this.worker(worker_id).watchers) socket.terminate()
  }

  handle(request: IncomingMessage, response: ServerResponse, body: string): void {
    const line = `${request.method} ${request.url}`
    this.requests.push({ line, headers: request.headers, body })
    this.onRequest(line)
    const send = (status: number, value: unknown) => {
      response.writeHead(status, { "content-type": "application/json" })
      response.end(JSON.stringify(value))
    }
    const fail = (status: number, code: string) =>
      send(status, { error: { code, message: `secret upstream text ${code}` } })
    if (!this.allowed(request)) return fail(401, "unauthorized")
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://field.invalid")
    const [, , collection, id, verb] = pathname.split("/")
    if (pathname === "/v1/runtime") return send(200, { runtime: this.#runtime() })
    if (collection === "config-bundles") return send(200, { bundles: [] })
    if (collection !== "workers") {
      response.writeHead(404)
      return void response.end()
    }
    if (id === undefined) {
      if (request.method === "GET") return send(200, { workers: [...this.workers.keys()].map((it) => this.#view(it)) })
      const asked = JSON.parse(body) as Record<string, unknown>
      const unknown = Object.keys(asked).find((it) => !["profile", "config_bundle", "initial_input"].includes(it))
      if (unknown !== undefined) return fail(400, "invalid_request")
      return send(200, { worker: this.#view(this.create()) })
    }
    const worker = this.workers.get(decodeURIComponent(id))
    if (worker === undefined) return fail(404, "worker_not_found")
    const ref = { runtime_id: this.runtime_id, worker_id: id }
    switch (verb) {
      case undefined:
        return send(200, { worker: this.#view(id) })
      case "input": {
        if (worker.status !== "running") return fail(409, "worker_execution_unavailable")
        if (worker.run_state === "busy" || this.rejecting) {
          const outcome = worker.run_state === "busy" ? "busy" : "rejected"
          worker.last_result = { operation: "input", outcome, run_state: worker.run_state }
          return fail(409, "worker_execution_rejected")
        }
        const { content } = JSON.parse(body) as { content: string }
        worker.run_state = "busy"
        worker.last_result = { operation: "input", outcome: "accepted", run_state: "busy" }
        const item = this.say(id, "user", content)
        this.emit(id, "status", { status: "running" })
        const ack = {
          worker_ref: ref,
          status: worker.status,
          transcript_sequence: item.sequence,
          event_id: item.event_id
        }
        return send(200, { ack })
      }
      case "stop":
      case "cancel":
        this.end(id, verb === "stop" ? "stopped" : "cancelled")
        return send(200, { ack: { worker_ref: ref, status: worker.status, event_id: worker.last_event_id } })
      case "transcript": {
        const start = Number(searchParams.get("start") ?? 0)
        const limit = Number(searchParams.get("limit") ?? 256)
        if (limit > this.#maxItems || limit < 1) return fail(400, "limit_too_large")
        const items = worker.items.slice(start, start + limit).map((item) => ({ ...item, worker_ref: ref }))
        const next = start + items.length
        const total_items = worker.items.length
        const next_start = next < total_items ? next : null
        return send(200, { transcript: { worker_ref: ref, start, limit, total_items, next_start, items } })
      }
      default:
        response.writeHead(404)
        return void response.end()
    }
  }

  subscribe(socket: WebSocket, worker_id: string): void {
    const worker = this.worker(worker_id)
    worker.watchers.add(socket)
    socket.on("close", () => worker.watchers.delete(socket))
    socket.on("error", () => undefined)
    this.onSubscribe(worker_id)
    const payload = { event: "snapshot", data: { status: "idle" } }
    const envelope = { cursor: "opaque:start", event_id: "stub", worker_id, payload }
    socket.send(JSON.stringify({ kind: "event", envelope }))
    socket.send(JSON.stringify({ kind: "diagnostic", diagnostic: { code: "runtime.snapshot_stub", message: "x" } }))
  }

  allowed(request: IncomingMessage): boolean {
    const { token } = this.options
    return token === undefined || request.headers.authorization === `Bearer ${token}`
  }

  get #maxItems(): number {
    return this.options.maxItems ?? 256
  }

  #runtime() {
    const counted = (status: string) => [...this.workers.values()].filter((it) => it.status === status).length
    return {
      runtime_id: this.runtime_id,
      display_name: null,
      backend: "memory",
      status: "running",
      worker_count: this.workers.size,
      active_worker_count: counted("running"),
      stopped_worker_count: counted("stopped"),
      cancelled_worker_count: counted("cancelled"),
      diagnostic_count: 0,
      limits: { max_transcript_projection_items: this.#maxItems, max_event_batch_items: 256 },
      worker_creation_available: true
    }
  }

  #view(worker_id: string) {
    const { items, last_event_id, last_result, run_state, status } = this.worker(worker_id)
    const { runtime_id } = this
    return {
      worker_ref: { runtime_id, worker_id },
      runtime_id,
      worker_id,
      status,
      execution: { backend: "connected", run_state, last_result },
      profile: { kind: "builtin", value: "default profile/1" },
      config_bundle: { id: "builtin", digest: "0".repeat(64) },
      transcript_len: items.length,
      last_event_id
    }
  }
}

/** Serves it on a loopback port of its own until the scope closes. */
export const make = (options: Options = {}): Effect.Effect<FieldRuntime, never, Scope.Scope> =>
  Effect.gen(function* () {
    const runtime = new FieldRuntime(options)
    const { protocol } = options
    const sockets = new WebSocketServer({
      noServer: true,
      ...(protocol === undefined ? undefined : { handleProtocols: () => protocol })
    })
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => runtime.handle(request, response, Buffer.concat(chunks).toString()))
    })
    server.on("upgrade", (request, socket, head) => {
      socket.on("error", () => undefined)
      const refuse = (status: string, code: string) => {
        const body = JSON.stringify({ error: { code, message: "secret upstream text" } })
        socket.end(`HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`)
      }
      const line = `WS ${request.url}`
      runtime.requests.push({ line, headers: request.headers, body: "" })
      runtime.onRequest(line)
      if (runtime.upgradeAnswer !== undefined) return socket.end(runtime.upgradeAnswer)
      if (!runtime.allowed(request)) return refuse("401 Unauthorized", "unauthorized")
      const worker_id = new URL(request.url ?? "/", "http://field.invalid").pathname.split("/")[3] ?? ""
      if (!runtime.workers.has(worker_id)) return refuse("404 Not Found", "worker_not_found")
      // Field v1 knows no subprotocol and chooses none.
      if (protocol === undefined) delete request.headers["sec-websocket-protocol"]
      return sockets.handleUpgrade(request, socket, head, (webSocket) => runtime.subscribe(webSocket, worker_id))
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        server.listen(0, "127.0.0.1", () => {
          const bound = server.address()
          runtime.port = typeof bound === "object" && bound !== null ? bound.port : 0
          resume(Effect.void)
        })
      }),
      () =>
        Effect.callback<void>((resume) => {
          for (const client of sockets.clients) client.terminate()
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    )
    return runtime
  })
