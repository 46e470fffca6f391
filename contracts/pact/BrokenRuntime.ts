/** Our runtime behind a front that breaks its answers: what another team's first attempt looks like to the verifier. */
import { createServer, request as call } from "node:http"
import type { AddressInfo } from "node:net"

export interface BrokenRuntime {
  readonly url: string
  readonly close: () => Promise<void>
}

/** A worker whose numbers are texts and whose status is a word of its own. */
const retyped = (said: string): string =>
  said
    .replaceAll(/"last_event_id":(\d+)/g, '"last_event_id":"$1"')
    .replaceAll('"status":"running"', '"status":"active"')

export const open = async (port: number): Promise<BrokenRuntime> => {
  const server = createServer((asked, answer) => {
    const passed = call(
      { host: "127.0.0.1", port, path: asked.url, method: asked.method, headers: asked.headers },
      (said) => {
        const parts: Array<Buffer> = []
        said.on("data", (part: Buffer) => parts.push(part))
        said.on("end", () => {
          const text = Buffer.concat(parts).toString("utf8")
          const { "content-length": _, ...headers } = said.headers
          // One code for a worker that is busy and one that refused, and a page where the error body belongs.
          if (text.includes('"worker_busy"'))
            answer.writeHead(500, { "content-type": "text/html" }).end("<h1>Oops</h1>")
          else answer.writeHead(said.statusCode ?? 502, headers).end(asked.url === "/v1/runtime" ? text : retyped(text))
        })
      }
    )
    passed.once("error", () => answer.destroy())
    asked.pipe(passed)
  })
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }
}
