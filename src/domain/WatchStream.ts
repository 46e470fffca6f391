/** A watched event log as a stream of frames, for consumers that pull: sources, server-sent events, RPC. */
import { type Cause, Effect, Queue, type Scope, Stream } from "effect"
import type { LogEntry, OnReset, ResyncReason, Watcher } from "./EventLog.ts"
import type { SourceFrame } from "./RuntimeSource.ts"
import { isTerminal, type TerminalState, type WorkerState } from "./Worker.ts"
import type { Watching } from "./WorkerRuntime.ts"

/** Attaches a watcher to one worker's log until the scope closes. */
export type Watch<E> = (
  cursor: string | undefined,
  watcher: Watcher,
  onReset?: OnReset
) => Effect.Effect<Watching, E, Scope.Scope>

/** Live frames that wait for a slow consumer of one stream; above it the stream resynchronises. */
export const maxQueuedFrames = 4_096

/** The same for the length of their events as JSON, in UTF-16 units; a single larger event still passes. */
export const maxQueuedLength = 8_388_608

const frameOf = (entry: LogEntry): SourceFrame => ({
  kind: "event",
  cursor: entry.cursor,
  event_id: entry.event_id,
  durable: entry.durable,
  ...(entry.durable ? { seq: entry.seq } : undefined),
  event: entry.event,
  json: entry.json
})

/** The final state that a status event announces. */
export const endOf = (entry: LogEntry): TerminalState | undefined => {
  const state = entry.event.event === "status" ? (entry.event.data.state as WorkerState | undefined) : undefined
  return state !== undefined && isTerminal(state) ? state : undefined
}

interface Waiting {
  readonly frame: SourceFrame
  readonly length: number
}

/** How the attachments of one stream follow each other. */
interface Reader {
  /** Why another attachment is due; undefined while or when there is none. */
  lost: ResyncReason | undefined
}

/** One attachment: snapshot, replay, live, until the worker ends or the consumer falls behind. */
const attach = Effect.fnUntraced(function* <E>(watch: Watch<E>, cursor: string | undefined, reader: Reader) {
  const told = reader.lost
  reader.lost = undefined
  const queue = yield* Queue.make<Waiting, Cause.Done>()
  let length = 0
  const offer = (frame: SourceFrame, size: number) => {
    length += size
    Queue.offerUnsafe(queue, { frame, length: size })
  }
  const lose = (reason: ResyncReason) => {
    reader.lost ??= reason
    Queue.endUnsafe(queue)
  }
  const watching = yield* watch(
    cursor,
    (entry) => {
      if (reader.lost !== undefined) return
      const size = entry.json.length
      const full = Queue.sizeUnsafe(queue) >= maxQueuedFrames || (length > 0 && length + size > maxQueuedLength)
      if (full) return lose("overflow")
      offer(frameOf(entry), size)
      const state = endOf(entry)
      if (state === undefined) return
      offer({ kind: "end", state }, 0)
      Queue.endUnsafe(queue)
    },
    (reason) => {
      if (reason === "gone") Queue.endUnsafe(queue)
      else lose(reason)
    }
  )
  const resync = watching.resync ?? told
  const start: Array<SourceFrame> = resync === undefined ? [] : [{ kind: "resync", reason: resync }]
  start.push({ kind: "snapshot", cursor: watching.cursor, snapshot: watching.snapshot })
  for (const entry of watching.replay) start.push(frameOf(entry))
  if (watching.ended !== undefined) {
    start.push({ kind: "end", state: watching.ended })
    Queue.endUnsafe(queue)
  }
  // What was missed goes ahead of the queue and takes no place in it: a long replay is no slow consumer.
  return Stream.concat(
    Stream.fromArray(start),
    Stream.map(Stream.fromQueue(queue), (waiting) => {
      length -= waiting.length
      return waiting.frame
    })
  )
})

/**
 * Snapshot, replay, live, as `RuntimeSource.events` has it. A consumer that falls behind starts again from a fresh
 * snapshot, and is told so; the attachment that it lost is over by then.
 */
export const frames = <E>(watch: Watch<E>, cursor: string | undefined): Stream.Stream<SourceFrame, E> =>
  Stream.suspend(() => {
    const reader: Reader = { lost: undefined }
    let first = true
    const attachments = Stream.unfold(cursor, (from) =>
      Effect.sync(() => {
        if (!first && reader.lost === undefined) return undefined
        first = false
        return [from, undefined] as const
      })
    )
    return Stream.flatMap(attachments, (from) => Stream.unwrap(attach(watch, from, reader)))
  })
