import { assert, describe, it } from "@effect/vitest"
import { once } from "node:events"
import type { Server } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { type Gate, make, type Refusal } from "./NodeServer.ts"

const refusal: Refusal = { status: 400, headers: { "x-why": "test" }, body: "no" }

const serve = async (gate: Partial<Gate>): Promise<Server> => {
  const server = make({ admit: () => undefined, headers: [], malformed: () => refusal, ...gate })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return server
}

/** What the server says to a peer that never hangs up. */
const stay = async (server: Server, said: string): Promise<string> => {
  const socket = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true })
  let heard = ""
  socket.setEncoding("utf8").on("data", (part) => (heard += String(part)))
  socket.write(said)
  await once(socket, "end")
  return heard
}

describe("a peer that was refused and never hangs up", () => {
  for (const [name, said, gate] of [
    ["because it speaks no HTTP", "hello?\r\n\r\n", {}],
    [
      "before an upgrade",
      "GET /events/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      { admit: () => refusal }
    ]
  ] as const) {
    it(`${name}, is answered and cut`, async () => {
      const server = await serve(gate)
      server.on("upgrade", () => assert.fail("passed"))
      const gone = new Promise<void>((resolve) => {
        server.on("connection", (socket) => socket.on("close", () => resolve()))
      })
      const heard = await stay(server, said)
      assert.match(
        heard,
        /^HTTP\/1\.1 400 Bad Request\r\nx-why: test\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno$/
      )
      await gone
      server.close()
    }, 10_000)
  }
})
