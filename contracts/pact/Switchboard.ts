/** One address for the verifier, and behind it whichever provider the state at hand needs. Requests name the host they end at. */
import { createServer, request as call } from "node:http"
import type { AddressInfo } from "node:net"

export interface Switchboard {
  readonly url: string
  /** From now on requests go to this port. */
  readonly connect: (port: number) => void
  readonly close: () => Promise<void>
}

export const open = async (): Promise<Switchboard> => {
  let port = 0
  const server = createServer((asked, answer) => {
    const { headers, method, url } = asked
    const passed = call(
      { host: "127.0.0.1", port, path: url, method, headers: { ...headers, host: `127.0.0.1:${port}` } },
      (said) => {
        answer.writeHead(said.statusCode ?? 502, said.headers)
        said.pipe(answer)
      }
    )
    passed.once("error", () => answer.destroy())
    asked.pipe(passed)
  })
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  return {
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
}
