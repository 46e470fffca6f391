/**
 * A runtime whose workers say what they are told to, at the rate they are told. Only the source of events: nothing of it
 * is measured. Speaks `worker-events.v1`; every text carries its number and the time it was sent.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { type WebSocket, WebSocketServer } from "ws"

/** Given by the bench. */
export interface Run {
  /** Events per second of each worker. */
  readonly rate: number
  readonly milliseconds: number
  readonly workers: ReadonlyArray<string>
  /** Length of an event's text. */
  readonly length: number
  /** One event of so many is durable. */
  readonly durableEvery: number
}

/** Between two bursts, in milliseconds, where the rate is above one event each. */
const tickMs = 5

class Worker {
  readonly watchers = new Set<WebSocket>()
  sent = 0
  #durable = 0
  #transient = 0
  readonly #id: string

  constructor(id: string) {
    this.#id = id
  }

  attach(socket: WebSocket): void {
    const cursor = `e.${this.#durable}`
    const snapshot = {
      status: "running",
      state: "busy",
      transcript: { start: 0, total_items: 0, items: [] },
      in_flight: null,
      as_of: String(this.#durable)
    }
    socket.send(
      JSON.stringify({ kind: "hello", epoch: "e", heartbeat_ms: 15_000, retained_events: 1_000, head: cursor })
    )
    const payload = { event: "snapshot", data: snapshot }
    const envelope = { cursor, event_id: String(this.#durable), worker_id: this.#id, payload }
    socket.send(JSON.stringify({ kind: "event", envelope }))
    this.watchers.add(socket)
    socket.on("close", () => this.watchers.delete(socket))
    socket.on("error", () => undefined)
  }

  say(length: number, durableEvery: number): void {
    this.sent += 1
    const isDurable = this.sent % durableEvery === 0
    if (isDurable) {
      this.#durable += 1
      this.#transient = 0
    } else this.#transient += 1
    const id = isDurable ? String(this.#durable) : `${this.#durable}.${this.#transient}`
    const at = Math.round(performance.timeOrigin * 1_000 + performance.now() * 1_000)
    const text = `#${String(this.sent).padStart(10, "0")} ${String(at).padStart(16, "0")} `.padEnd(length, "x")
    const name = isDurable ? "text_done" : "text_delta"
    const frame = `{"kind":"event","envelope":{"cursor":"e.${this.#durable}","event_id":"${id}","worker_id":"${this.#id}","payload":{"event":"${name}","data":{"text":"${text}"}}}}`
    for (const watcher of this.watchers) watcher.send(frame)
  }
}

const workers = new Map<string, Worker>()
const workerOf = (id: string): Worker => {
  const known = workers.get(id) ?? new Worker(id)
  workers.set(id, known)
  return known
}

const runtime = {
  runtime_id: "source",
  display_name: null,
  backend: "memory",
  status: "running",
  worker_count: 1,
  active_worker_count: 1,
  stopped_worker_count: 0,
  cancelled_worker_count: 0,
  diagnostic_count: 0,
  limits: { max_transcript_projection_items: 256, max_event_batch_items: 256 },
  worker_creation_available: false,
  version: "0.1.0",
  epoch: "e",
  capabilities: { "workers.transcript": { max_items: 256 }, "events.ws": { resume: true } },
  profiles: []
}

const server = createServer((_, response) => {
  response.writeHead(200, { "content-type": "application/json" })
  response.end(JSON.stringify({ runtime }))
})
const sockets = new WebSocketServer({ server, perMessageDeflate: false, handleProtocols: () => "worker-events.v1" })
sockets.on("connection", (socket, request) => workerOf(request.url!.split("/")[3]!).attach(socket))

const run = ({ rate, milliseconds, workers: ids, length, durableEvery }: Run): Promise<number> =>
  new Promise((resolve) => {
    const speaking = ids.map(workerOf)
    const total = Math.round((rate * milliseconds) / 1_000)
    const period = Math.max(tickMs, 1_000 / rate)
    const started = performance.now()
    let said = 0
    const beat = () => {
      const due = Math.min(total, Math.floor(((performance.now() - started) / period + 1) * ((rate * period) / 1_000)))
      for (; said < due; said++) for (const worker of speaking) worker.say(length, durableEvery)
      if (said >= total) return resolve(total)
      setTimeout(beat, Math.max(0, started + (said * 1_000) / rate - performance.now()))
    }
    beat()
  })

process.on("message", (message: { run?: Run }) => {
  if (message.run !== undefined) void run(message.run).then((answer) => process.send?.({ answer }))
})
process.channel?.unref()
process.once("SIGTERM", () => process.exit(0))
server.listen(0, "127.0.0.1", 4_096, () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
