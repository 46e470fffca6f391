/**
 * The least that a fan-out in Node can be: a frame is built once, and every socket gets one write per turn of the event
 * loop. It passes on what comes, knows no cursor and checks nothing. `--send` lets `ws` send to each watcher instead.
 */
import { createServer } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import * as Ws from "ws"

const [, , source, mode] = process.argv
const { Sender } = Ws as unknown as {
  readonly Sender: { readonly frame: (data: Buffer, options: object) => ReadonlyArray<Buffer> }
}
/** As the backend has it. */
const maxWaitingBytes = 2_097_152

class Hub {
  readonly sockets = new Map<Ws.WebSocket, Socket>()
  readonly #first: Array<Buffer> = []
  #pending: Array<Buffer> = []
  #scheduled = false

  constructor(path: string) {
    const upstream = new Ws.WebSocket(`${source!.replace("http", "ws")}${path}`, "worker-events.v1", {
      perMessageDeflate: false
    })
    upstream.on("message", (data: Buffer) => this.#take(data))
  }

  #take(data: Buffer): void {
    // What greets the hub greets every watcher: the number of events is not known yet.
    if (this.#first.length < 2) this.#first.push(data)
    if (mode === "--send") {
      for (const webSocket of this.sockets.keys()) webSocket.send(data, { binary: false })
      return
    }
    this.#pending.push(
      Buffer.concat(Sender.frame(data, { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: true }))
    )
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      const bytes = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending)
      this.#pending = []
      for (const [webSocket, socket] of this.sockets) {
        if (socket.writableLength > maxWaitingBytes) webSocket.terminate()
        else socket.write(bytes)
      }
    })
  }

  join(webSocket: Ws.WebSocket, socket: Socket): void {
    for (const data of this.#first) webSocket.send(data, { binary: false })
    this.sockets.set(webSocket, socket)
    webSocket.on("close", () => this.sockets.delete(webSocket))
    webSocket.on("error", () => undefined)
  }
}

const hubs = new Map<string, Hub>()
const server = createServer()
const sockets = new Ws.WebSocketServer({
  server,
  perMessageDeflate: false,
  clientTracking: false,
  handleProtocols: () => "worker-events.v1"
})
sockets.on("connection", (webSocket, request) => {
  const path = request.url!.replace(/^\/api\/runtimes\/[^/]+/, "/v1")
  const hub = hubs.get(path) ?? new Hub(path)
  hubs.set(path, hub)
  hub.join(webSocket, request.socket)
})
process.once("SIGTERM", () => process.exit(0))
server.listen(0, "127.0.0.1", 4_096, () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
