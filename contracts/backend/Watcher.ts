/** Watches an event stream as a browser does, and waits for what should come. */
import { assert } from "@effect/vitest"
import { WebSocket, type ClientOptions } from "ws"
import type { Json } from "./Shape.ts"
import type { Answer } from "./Stranger.ts"

export interface Closed {
  readonly code: number
  readonly reason: string
}

export interface Watcher {
  readonly socket: WebSocket
  readonly frames: ReadonlyArray<Json>
  readonly closed: Promise<Closed>
  /** The first frame from `from` on that fits; fails when the stream closes without one. */
  readonly until: (fits: (frame: Json) => boolean, from?: number) => Promise<Json>
}

export const isEvent =
  (name: string) =>
  (frame: Json): boolean =>
    frame.kind === "event" && frame.envelope.payload.event === name
export const isKind =
  (kind: string) =>
  (frame: Json): boolean =>
    frame.kind === kind

export const subprotocol = "worker-events.v1"

/** What was answered instead of an upgrade. */
export class Refused extends Error {
  readonly answer: Answer
  constructor(answer: Answer) {
    super(answer.text)
    this.answer = answer
  }
}

/** Resolves once the stream is open; rejects with the answer when it is refused. */
export const watch = (
  url: string,
  protocols: ReadonlyArray<string> = [subprotocol],
  options: ClientOptions = {}
): Promise<Watcher> => {
  const socket = new WebSocket(url.replace(/^http/, "ws"), [...protocols], options)
  const frames: Array<Json> = []
  const waiting = new Set<() => void>()
  let over: Closed | undefined
  const wake = () => {
    for (const check of Array.from(waiting)) check()
  }
  const closed = new Promise<Closed>((resolve) => {
    socket.on("close", (code, reason) => {
      over = { code, reason: reason.toString() }
      resolve(over)
      wake()
    })
  })
  socket.on("message", (data, isBinary) => {
    assert.isFalse(isBinary)
    frames.push(JSON.parse(String(data)))
    wake()
  })
  const until: Watcher["until"] = (fits, from = 0) =>
    new Promise((resolve, reject) => {
      const check = () => {
        const found = frames.slice(from).find(fits)
        if (found === undefined && over === undefined) return
        waiting.delete(check)
        if (found !== undefined) resolve(found)
        else
          reject(
            new Error(`closed with ${over!.code} before it came; frames: ${JSON.stringify(frames).slice(0, 2_000)}`)
          )
      }
      waiting.add(check)
      check()
    })
  return new Promise((resolve, reject) => {
    socket.on("open", () => resolve({ socket, frames, closed, until }))
    socket.on("error", (error) => reject(error))
    socket.on("unexpected-response", (_request, response) => {
      let said = ""
      response.setEncoding("utf8").on("data", (part: string) => (said += part))
      response.on("end", () => {
        const headers = new Headers()
        for (const [name, value] of Object.entries(response.headers)) headers.set(name, String(value))
        reject(
          new Refused({
            status: response.statusCode ?? 0,
            headers,
            text: said,
            get body() {
              return JSON.parse(said)
            }
          })
        )
        socket.terminate()
      })
    })
  })
}

/** The answer that refused a stream. */
export const refusal = async (...args: Parameters<typeof watch>): Promise<Answer> => {
  const outcome = await watch(...args).catch((error: unknown) => error)
  assert.instanceOf(outcome, Refused)
  return (outcome as Refused).answer
}
