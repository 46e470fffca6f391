/**
 * A runtime that says again what a real one has said, so that whatever stands before it is the slowest part. Takes
 * `path → body` as a JSON file. An answer to a path with `start=` comes in two halves with a pause between them.
 */
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

const answers = new Map<string, Buffer>(
  Object.entries(JSON.parse(readFileSync(process.argv[2]!, "utf8")) as Record<string, string>).map(([path, body]) => [
    path,
    Buffer.from(body)
  ])
)
/** Between the halves of a slow answer, in milliseconds. */
const pauseMs = 400

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  const url = request.url ?? "/"
  const query = url.indexOf("?")
  const body = answers.get(query < 0 ? url : url.slice(0, query))
  request.resume()
  if (body === undefined) {
    response.writeHead(404, { "content-type": "application/json" })
    return void response.end(`{"error":{"code":"worker_not_found","message":"not here"}}`)
  }
  response.writeHead(200, ["content-type", "application/json", "content-length", String(body.length)])
  if (!url.includes("start=")) return void response.end(body)
  const half = body.length >> 1
  response.write(body.subarray(0, half))
  setTimeout(() => response.end(body.subarray(half)), pauseMs)
})

process.on("message", (message: { ask?: string }) => {
  if (message.ask === "connections") server.getConnections((_, count) => process.send?.({ answer: count }))
})
process.channel?.unref()
process.once("SIGTERM", () => process.exit(0))
server.listen(0, "127.0.0.1", 4_096, () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
