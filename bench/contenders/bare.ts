/** A server that answers one sentence: what Node itself costs. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

const server = createServer((_, response) => response.end("{}"))
process.once("SIGTERM", () => process.exit(0))
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
