/**
 * The WebSocket server options of both servers, and the way from an upgraded request to its `ws` object, which Effect's
 * `Socket` hides: fan-out needs pings, close codes and the raw socket for frames that are built once.
 */
import type { IncomingMessage } from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { Effect } from "effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Ws from "ws"

/** The subprotocol in which a client asks for every frame of ours. */
export const subprotocol = "worker-events.v1"

/** Clients have nothing to say on an event stream: what they send is refused and must be small. */
const maxPayload = 4_096

const { WebSocket } = Ws

/** Exported by `ws`, unknown to its types. */
const { Sender } = Ws as unknown as {
  readonly Sender: { readonly frame: (data: Buffer, options: object) => ReadonlyArray<Buffer> }
}

const bySocket = new WeakMap<Duplex, Ws.WebSocket>()

/** Remembers which connection it was made for. */
class RegisteredWebSocket extends WebSocket {
  /** Called by `ws` at the end of the handshake. */
  setSocket(socket: Duplex, head: Buffer, options: unknown): void {
    bySocket.set(socket, this)
    const inherited = WebSocket.prototype as unknown as { setSocket: (...args: ReadonlyArray<unknown>) => void }
    inherited.setSocket.call(this, socket, head, options)
  }
}

export const serverOptions = {
  WebSocket: RegisteredWebSocket,
  perMessageDeflate: false,
  maxPayload,
  clientTracking: false,
  // A client that offers others only is told so with a close code, and to see it the handshake must succeed.
  handleProtocols: (offered: Set<string>) => {
    if (offered.has(subprotocol)) return subprotocol
    for (const first of offered) return first
    return false
  }
} as const

const key = /^[+/0-9A-Za-z]{22}==$/
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Whether `ws` would take the handshake. It answers one that it does not take with a page of its own. */
export const isHandshake = (headers: Readonly<Record<string, string | undefined>>): boolean => {
  const { "sec-websocket-key": sent, "sec-websocket-protocol": offered, "sec-websocket-version": version } = headers
  if (sent === undefined || !key.test(sent) || (version !== "13" && version !== "8")) return false
  if (offered === undefined) return true
  const names = offered.split(",").map((name) => name.trim())
  return names.every((name) => token.test(name)) && new Set(names).size === names.length
}

export interface Upgraded {
  readonly webSocket: Ws.WebSocket
  readonly socket: Socket
}

/** Completes the handshake; the connection lives as long as the scope. */
export const upgrade = Effect.gen(function* () {
  const request = yield* HttpServerRequest
  const incoming = NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage
  const socket = incoming.socket
  const effectSocket = yield* request.upgrade
  yield* effectSocket.reader
  const webSocket = bySocket.get(socket)
  if (webSocket === undefined) return yield* Effect.die(new Error("the WebSocket server does not use serverOptions"))
  // Effect's reader would keep what the client says for somebody who takes it: nobody does.
  webSocket.removeAllListeners("message")
  return { webSocket, socket } satisfies Upgraded
})

/** Waits until the connection has ended, however it ended. */
export const closed = ({ webSocket }: Upgraded): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (webSocket.readyState === WebSocket.CLOSED) return resume(Effect.void)
    const onClose = () => resume(Effect.void)
    webSocket.once("close", onClose)
    return Effect.sync(() => webSocket.off("close", onClose))
  })

/** One unmasked text frame as bytes, to be written to any number of sockets. */
export const textFrame = (text: string): Buffer =>
  Buffer.concat(Sender.frame(Buffer.from(text), { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: false }))
