/** The least that a durable HTTP append can be: node:http in front, a group commit of the body behind, then the answer. */
import { closeSync, fdatasync, fsyncSync, openSync, write, writeSync } from "node:fs"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

const path = process.argv[2]!
const preparedBytes = 134_217_728
const filling = openSync(path, "w")
const zeros = Buffer.alloc(1_048_576)
for (let at = 0; at < preparedBytes; at += zeros.length) writeSync(filling, zeros)
fsyncSync(filling)
closeSync(filling)
const fd = openSync(path, "r+")

let queue: Array<readonly [string, ServerResponse]> = []
let running = false
let position = 0
let number = 0

const cut = (): void => {
  running = queue.length > 0
  if (!running) return
  const batch = queue
  queue = []
  const bytes = Buffer.from(batch.map(([text]) => `${text}\n`).join(""))
  if (position + bytes.length > preparedBytes) position = 0
  write(fd, bytes, 0, bytes.length, position, (failed) => {
    if (failed !== null) throw failed
    position += bytes.length
    fdatasync(fd, (unsynced) => {
      if (unsynced !== null) throw unsynced
      for (const [, response] of batch) {
        const answer = JSON.stringify({ ack: { transcript_sequence: ++number } })
        response.writeHead(200, ["content-type", "application/json", "content-length", String(answer.length)])
        response.end(answer)
      }
      setImmediate(cut)
    })
  })
}

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  let body = ""
  request.setEncoding("utf8")
  request.on("data", (part: string) => (body += part))
  request.on("end", () => {
    queue.push([JSON.stringify(JSON.parse(body)), response])
    if (running) return
    running = true
    setImmediate(cut)
  })
})
process.once("SIGTERM", () => process.exit(0))
server.listen(0, "127.0.0.1", 4_096, () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
