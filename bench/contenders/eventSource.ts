/**
 * A runtime whose workers say what they are told to, at the rate they are told. Only the source of events: nothing of it
 * is measured. Speaks `worker-events.v1`; every text carries its number and the time it was sent. What is due at one
 * moment is written at once, as the product's own runtime does. `redis:PORT` or `nats:PORT` as argument: it publishes
 * there instead.
 */
import { createServer } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import * as Ws from "ws"
import { broker } from "./broker.ts"

const { Sender } = Ws as unknown as {
  readonly Sender: { readonly frame: (data: Buffer, options: object) => ReadonlyArray<Buffer> }
}

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

const wireOf = (frames: ReadonlyArray<string>): Buffer =>
  Buffer.concat(
    frames.flatMap((frame) =>
      Sender.frame(Buffer.from(frame), { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: false })
    )
  )

const publish = broker(process.argv[2])

class Worker {
  readonly watchers = new Set<Socket>()
  sent = 0
  #due: Array<string> = []
  #durable = 0
  #transient = 0
  readonly #id: string

  constructor(id: string) {
    this.#id = id
  }

  attach(webSocket: Ws.WebSocket, socket: Socket): void {
    const cursor = `e.${this.#durable}`
    const snapshot = {
      status: "running",
      state: "busy",
      transcript: { start: 0, total_items: 0, items: [] },
      in_flight: null,
      as_of: String(this.#durable)
    }
    webSocket.send(
      JSON.stringify({ kind: "hello", epoch: "e", heartbeat_ms: 15_000, retained_events: 1_000, head: cursor })
    )
    const payload = { event: "snapshot", data: snapshot }
    const envelope = { cursor, event_id: String(this.#durable), worker_id: this.#id, payload }
    webSocket.send(JSON.stringify({ kind: "event", envelope }))
    this.watchers.add(socket)
    webSocket.on("close", () => this.watchers.delete(socket))
    webSocket.on("error", () => undefined)
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
    this.#due.push(
      `{"kind":"event","envelope":{"cursor":"e.${this.#durable}","event_id":"${id}","worker_id":"${this.#id}","payload":{"event":"${name}","data":{"text":"${text}"}}}}`
    )
  }

  flush(): void {
    const due = this.#due
    if (due.length === 0) return
    this.#due = []
    publish?.(this.#id, due)
    if (this.watchers.size === 0) return
    const wire = wireOf(due)
    for (const watcher of this.watchers) watcher.write(wire)
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
const sockets = new Ws.WebSocketServer({ server, perMessageDeflate: false, handleProtocols: () => "worker-events.v1" })
sockets.on("connection", (socket, request) => workerOf(request.url!.split("/")[3]!).attach(socket, request.socket))

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
      for (const worker of speaking) worker.flush()
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
