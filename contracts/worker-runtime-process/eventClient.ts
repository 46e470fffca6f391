/** A plain WebSocket client that keeps every frame, and a plain HTTP request for handshakes that are refused. */
import { request } from "node:http"

// eslint-disable-next-line typescript/no-explicit-any -- frames are looked at without any type of ours
export type Frame = any

export interface EventClient {
  readonly frames: Array<Frame>
  readonly protocol: () => string
  /** The first frame that satisfies, from those that came and those that will, at most for ten seconds. */
  readonly next: (satisfies: (frame: Frame) => boolean) => Promise<Frame>
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  readonly send: (text: string) => void
  readonly close: () => void
}

export interface Options {
  readonly cursor?: string
  readonly protocols?: ReadonlyArray<string>
  readonly token?: string
}

const pathOf = (worker_id: string, cursor: string | undefined): string =>
  `/v1/workers/${worker_id}/events/ws${cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`}`

interface WebSocketInit {
  readonly protocols: Array<string>
  readonly headers: Record<string, string>
}

/** Node's own, which unlike a browser's lets its caller set headers. */
const NodeWebSocket = WebSocket as unknown as new (url: string, init: WebSocketInit) => WebSocket

export const connect = (url: string, worker_id: string, options: Options = {}): EventClient => {
  const socket = new NodeWebSocket(url.replace("http", "ws") + pathOf(worker_id, options.cursor), {
    protocols: [...(options.protocols ?? ["worker-events.v1"])],
    headers: options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }
  })
  const frames: Array<Frame> = []
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const look of waiting) look()
  }
  socket.addEventListener("message", ({ data }) => {
    frames.push(JSON.parse(String(data)))
    wake()
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }))
  })
  return {
    frames,
    protocol: () => socket.protocol,
    closed,
    send: (text) => socket.send(text),
    close: () => socket.close(),
    next: (satisfies) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look)
          reject(new Error(`no such frame among ${JSON.stringify(frames.map((frame) => frame.kind))}`))
        }, 10_000)
        const look = () => {
          const found = frames.find(satisfies)
          if (found === undefined) return
          clearTimeout(timer)
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      })
  }
}

/** What a handshake gets that is answered as HTTP. */
export const refused = (url: string, path: string, headers: Readonly<Record<string, string>> = {}) =>
  new Promise<{ readonly status: number; readonly type: string | undefined; readonly body: Frame }>(
    (resolve, reject) => {
      const sent = request(url + path, {
        headers: {
          connection: "Upgrade",
          upgrade: "websocket",
          "sec-websocket-version": "13",
          "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
          ...headers
        }
      })
      sent.on("error", reject)
      sent.on("upgrade", (_response, socket) => {
        socket.destroy()
        reject(new Error("the handshake was accepted"))
      })
      sent.on("response", (response) => {
        let text = ""
        response.setEncoding("utf8").on("data", (part: string) => (text += part))
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, type: response.headers["content-type"], body: JSON.parse(text) })
        )
      })
      sent.end()
    }
  )

export const isEvent =
  (name: string) =>
  (frame: Frame): boolean =>
    frame.kind === "event" && frame.envelope.payload.event === name

/** Durable event ids in the order in which they came; snapshots are not events. */
export const durableIds = (frames: ReadonlyArray<Frame>): ReadonlyArray<number> =>
  frames
    .filter((frame) => frame.kind === "event" && frame.envelope.payload.event !== "snapshot")
    .map((frame) => frame.envelope.event_id as string)
    .filter((id) => !id.includes("."))
    .map(Number)
