/** A loopback TCP or TLS server that answers raw bytes, so it can break every rule of HTTP. Scoped; it keeps count. */
import { Effect, type Scope } from "effect"
import { createServer, type Socket } from "node:net"
import { createServer as createTlsServer } from "node:tls"

export interface ScriptedPeer {
  readonly port: number
  /** The heads of the requests that arrived, with their final blank line. */
  readonly requests: ReadonlyArray<string>
  readonly accepted: () => number
  readonly open: () => number
  /** Completes when a request head has arrived that nobody waited for yet. */
  readonly arrived: Effect.Effect<void>
  /** Completes when no connection is open. */
  readonly drained: Effect.Effect<void>
}

export interface Options {
  readonly tls?: { readonly key: string; readonly cert: string }
  readonly host?: "127.0.0.1" | "127.0.0.2" | "::1"
  /** Listens here rather than on a port of its own. */
  readonly port?: number
}

/** A response with a length, as bytes. */
export const answer = (body: string, headers = "", status = "200 OK") =>
  `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`

/** Calls `respond` once per request head, with its number on this peer from 0. */
export const make = (
  respond: (socket: Socket, head: string, number: number) => void,
  options: Options = {}
): Effect.Effect<ScriptedPeer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const requests: Array<string> = []
    const sockets = new Set<Socket>()
    let accepted = 0
    let unseen = 0
    let onArrival: () => void = () => undefined
    let onDrain: () => void = () => undefined
    const serve = (socket: Socket) => {
      let head = ""
      socket.on("error", () => undefined)
      socket.on("data", (chunk: Buffer) => {
        head += chunk.toString("latin1")
        const end = head.indexOf("\r\n\r\n")
        if (end < 0) return
        const complete = head.slice(0, end + 4)
        head = ""
        requests.push(complete)
        unseen++
        respond(socket, complete, requests.length - 1)
        onArrival()
      })
    }
    const server = options.tls === undefined ? createServer(serve) : createTlsServer({ ...options.tls }, serve)
    server.on("tlsClientError", () => undefined)
    server.on("connection", (socket: Socket) => {
      accepted++
      sockets.add(socket)
      socket.on("error", () => undefined)
      socket.on("close", () => {
        sockets.delete(socket)
        if (sockets.size === 0) onDrain()
      })
    })
    const port = yield* Effect.acquireRelease(
      Effect.callback<number>((resume) => {
        server.listen(options.port ?? 0, options.host ?? "127.0.0.1", () => {
          const bound = server.address()
          resume(Effect.succeed(typeof bound === "object" && bound !== null ? bound.port : 0))
        })
      }),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          for (const socket of sockets) socket.destroy()
        })
    )
    return {
      port,
      requests,
      accepted: () => accepted,
      open: () => sockets.size,
      arrived: Effect.callback<void>((resume) => {
        const take = () => {
          if (unseen === 0) return
          unseen--
          onArrival = () => undefined
          resume(Effect.void)
        }
        onArrival = take
        take()
      }),
      drained: Effect.callback<void>((resume) => {
        onDrain = () => resume(Effect.void)
        if (sockets.size === 0) onDrain()
      })
    }
  })
