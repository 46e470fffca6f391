/** One address for the verifier, and behind it whichever provider the state at hand needs. Requests name the host they end at. */
import { createServer, request as call } from "node:http"
import type { AddressInfo } from "node:net"

/** Pact's own proxy lets no body above 100 kB pass: a text that has to be larger stands as this word until it is here. */
export const placeholder = "a-text-that-grows-on-its-way"

export interface Switchboard {
  readonly url: string
  /** What the placeholder in a body stands for. */
  grown: string
  /** From now on requests go to this port. */
  readonly connect: (port: number) => void
  readonly close: () => Promise<void>
}

export const open = async (): Promise<Switchboard> => {
  let port = 0
  const server = createServer((asked, answer) => {
    const { headers, method, url } = asked
    const chunks: Array<Buffer> = []
    asked.on("data", (chunk: Buffer) => chunks.push(chunk))
    asked.once("end", () => {
      const body = Buffer.from(Buffer.concat(chunks).toString("utf8").replace(placeholder, board.grown))
      const length = chunks.length === 0 ? undefined : { "content-length": String(body.length) }
      const passed = call(
        { host: "127.0.0.1", port, path: url, method, headers: { ...headers, ...length, host: `127.0.0.1:${port}` } },
        (said) => {
          answer.writeHead(said.statusCode ?? 502, said.headers)
          said.pipe(answer)
        }
      )
      passed.once("error", () => answer.destroy())
      passed.end(body)
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  const board: Switchboard = {
    grown: "",
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connect: (to) => {
      port = to
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }
  return board
}
