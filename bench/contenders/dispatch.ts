/** The least that a proxy in Node can be: node:http in front, undici's dispatch behind, the bytes passed on as they are. */
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { type Dispatcher, Pool } from "undici"

const pool = new Pool(process.argv[2]!, { connections: 128 })

class Relay implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse
  #controller: Dispatcher.DispatchController | undefined
  #chunks: Array<Buffer> = []
  #status = 0

  constructor(response: ServerResponse) {
    this.#response = response
    response.once("close", () => {
      if (!response.writableFinished) this.#controller?.abort(new Error("the client has gone"))
    })
  }
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
  }
  onResponseStart(_: Dispatcher.DispatchController, status: number): void {
    this.#status = status
  }
  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk)
  }
  onResponseEnd(): void {
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    this.#response.writeHead(this.#status, ["content-type", "application/json", "content-length", String(body.length)])
    this.#response.end(body)
  }
  onResponseError(): void {
    if (!this.#response.headersSent) this.#response.writeHead(502)
    this.#response.end()
  }
}

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  const body = request.method === "GET" ? null : request
  pool.dispatch(
    {
      path: request.url!,
      method: request.method as Dispatcher.HttpMethod,
      body,
      headers: { accept: "application/json" }
    },
    new Relay(response)
  )
})
process.once("SIGTERM", () => process.exit(0))
server.listen(0, "127.0.0.1", 4_096, () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
