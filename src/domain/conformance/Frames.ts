/** Reading what a stream said: its durable events, the state that it adds up to, and where it could be resumed from. */
import type { SourceFrame } from "../RuntimeSource.ts"
import * as Snapshot from "../Snapshot.ts"
import type { WorkerEvent } from "../WorkerEvent.ts"

export type EventFrame = Extract<SourceFrame, { readonly kind: "event" }>

export const isEvent = (frame: SourceFrame): frame is EventFrame => frame.kind === "event"

export const events = (frames: ReadonlyArray<SourceFrame>): ReadonlyArray<EventFrame> => frames.filter(isEvent)

export const durable = (frames: ReadonlyArray<SourceFrame>): ReadonlyArray<EventFrame> =>
  events(frames).filter((frame) => frame.durable)

/** What identifies a durable event: its id, its place and its name. */
export const marks = (frames: ReadonlyArray<SourceFrame>): ReadonlyArray<string> =>
  durable(frames).map((frame) => `${frame.event_id} ${frame.cursor} ${frame.event.event}`)

export const kinds = (frames: ReadonlyArray<SourceFrame>): ReadonlyArray<string> => frames.map(({ kind }) => kind)

/** Where to resume from after these frames. */
export const cursorOf = (frames: ReadonlyArray<SourceFrame>): string | undefined => {
  const last = frames.findLast((frame) => "cursor" in frame)
  return last === undefined || !("cursor" in last) ? undefined : last.cursor
}

export const states = (wanted: string) => (frame: SourceFrame) =>
  isEvent(frame) && frame.event.event === "status" && frame.event.data.state === wanted

export const named = (name: WorkerEvent["event"]) => (frame: SourceFrame) =>
  isEvent(frame) && frame.event.event === name

/**
 * What a watcher shows after these frames. A snapshot replaces everything, and holds what is replayed up to the event
 * that it names.
 */
export const shown = (frames: ReadonlyArray<SourceFrame>): Snapshot.Snapshot => {
  let state = Snapshot.empty
  let held = false
  const isHeld = (frame: EventFrame) => frame.durable && frame.event_id === state.as_of
  for (const [index, frame] of frames.entries()) {
    if (frame.kind === "snapshot") {
      state = frame.snapshot
      const rest = frames.slice(index + 1)
      const next = rest.findIndex(({ kind }) => kind === "snapshot")
      held = (next < 0 ? rest : rest.slice(0, next)).some((later) => isEvent(later) && isHeld(later))
    } else if (isEvent(frame)) {
      if (held) held = !isHeld(frame)
      else state = Snapshot.apply(state, frame.event, frame.durable ? frame.event_id : undefined)
    }
  }
  return state
}
