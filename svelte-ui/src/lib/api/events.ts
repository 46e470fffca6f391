/** The event socket of one worker: opens it once and hands over decoded frames. Reconnecting is the caller's matter. */
import { segment } from "./http.ts"
import type { Frame } from "./wire.ts"

export const subprotocol = "worker-events.v1"

export interface EventSocket {
  close(): void
}
export interface EventHandlers {
  readonly onopen: () => void
  readonly onframe: (frame: Frame) => void
  /** Once, whatever the reason. 1006 means that the network or the upgrade failed. */
  readonly onclose: (code: number, reason: string) => void
}

const isFrame = (value: unknown): value is Frame =>
  typeof value === "object" && value !== null && typeof (value as { kind?: unknown }).kind === "string"

const decode = (data: unknown): Frame | undefined => {
  if (typeof data !== "string") return undefined
  try {
    const value: unknown = JSON.parse(data)
    return isFrame(value) ? value : undefined
  } catch {
    return undefined
  }
}

export const openEvents = (
  runtimeId: string,
  workerId: string,
  cursor: string | undefined,
  handlers: EventHandlers
): EventSocket => {
  const url = new URL(
    `/api/runtimes/${segment(runtimeId)}/workers/${segment(workerId)}/events/ws`,
    globalThis.location.href
  )
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:"
  if (cursor !== undefined) url.searchParams.set("cursor", cursor)
  const socket = new WebSocket(url, subprotocol)
  let done = false
  const finish = (code: number, reason: string) => {
    if (done) return
    done = true
    handlers.onclose(code, reason)
  }
  socket.addEventListener("open", () => !done && handlers.onopen())
  socket.addEventListener("message", (message) => {
    if (done) return
    const frame = decode(message.data)
    if (frame !== undefined) return handlers.onframe(frame)
    // What cannot be read could have been an event: ask again from the last cursor rather than show a hole.
    socket.close(1000)
    finish(1002, "unreadable frame")
  })
  socket.addEventListener("close", (event) => finish(event.code, event.reason))
  return {
    close: () => {
      done = true
      socket.close(1000)
    }
  }
}
