/** `http-proxy` or its maintained heir `httpxy`, with kept-alive connections behind, as their documentation shows it. */
import { Agent, createServer } from "node:http"
import type { AddressInfo } from "node:net"
import httpProxy from "http-proxy"
import { createProxyServer } from "httpxy"

const [, , target, which] = process.argv
const agent = new Agent({ keepAlive: true, maxSockets: 128 })
const heir = createProxyServer({ target: target!, agent })
const first = httpProxy.createProxyServer({ target: target!, agent })
first.on("error", (_, __, response) => response.end())
heir.on("error", (_, __, response) => void response?.end())

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  if (which === "httpxy") void heir.web(request, response)
  else first.web(request, response)
})
process.once("SIGTERM", () => process.exit(0))
server.listen(0, "127.0.0.1", 4_096, () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
