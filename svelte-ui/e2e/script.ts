/** A worker whose events a test writes itself: the page's socket is answered by the test, frame by frame. */
import type { Page } from "playwright"

export interface Script {
  /** A frame as the backend would send it. */
  readonly send: (frame: object) => void
  /** `id` as on the wire: "12" durable, "12.3" transient. */
  readonly event: (id: string, name: string, data: object) => void
  readonly snapshot: (as_of: string, items: ReadonlyArray<object>, over?: object) => void
}

/** @param first is sent whenever the page connects */
export const script = async (page: Page, first: (script: Script) => void): Promise<Script> => {
  let send: (frame: object) => void = () => undefined
  const event: Script["event"] = (id, name, data) =>
    send({
      kind: "event",
      envelope: { cursor: `c${Number.parseInt(id, 10)}`, event_id: id, payload: { event: name, data } }
    })
  const it: Script = {
    send: (frame) => send(frame),
    event,
    snapshot: (as_of, items, over = {}) =>
      event(as_of, "snapshot", {
        status: "idle",
        state: "idle",
        transcript: { start: 0, total_items: items.length, items },
        in_flight: null,
        as_of,
        ...over
      })
  }
  await page.routeWebSocket(/events\/ws/, (socket) => {
    send = (frame) => socket.send(JSON.stringify(frame))
    first(it)
  })
  return it
}
