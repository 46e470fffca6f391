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

/** Frames that wait for a slow consumer of one stream; above it the stream resynchronises. */
export const maxQueuedFrames = 4_096

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

/** One attachment: snapshot, replay, live, until the worker ends or the consumer falls behind. */
const attach = Effect.fnUntraced(function* <E>(watch: Watch<E>, cursor: string | undefined) {
  const queue = yield* Queue.make<SourceFrame, Cause.Done>()
  /** Entries that arrive before the snapshot is out; undefined afterwards. */
  let early: Array<LogEntry> | undefined = []
  let lost: ResyncReason | undefined
  const deliver = (entry: LogEntry) => {
    if (lost !== undefined) return
    if (Queue.sizeUnsafe(queue) >= maxQueuedFrames) {
      lost = "overflow"
      Queue.endUnsafe(queue)
      return
    }
    Queue.offerUnsafe(queue, frameOf(entry))
    const state = endOf(entry)
    if (state !== undefined) end(state)
  }
  const end = (state: TerminalState) => {
    Queue.offerUnsafe(queue, { kind: "end", state })
    Queue.endUnsafe(queue)
  }
  const watching = yield* watch(
    cursor,
    (entry) => {
      if (early === undefined) deliver(entry)
      else early.push(entry)
    },
    (reason) => {
      if (reason !== "gone") lost ??= reason
      Queue.endUnsafe(queue)
    }
  )
  if (watching.resync !== undefined) Queue.offerUnsafe(queue, { kind: "resync", reason: watching.resync })
  Queue.offerUnsafe(queue, { kind: "snapshot", cursor: watching.cursor, snapshot: watching.snapshot })
  for (const entry of watching.replay) Queue.offerUnsafe(queue, frameOf(entry))
  if (watching.ended !== undefined) end(watching.ended)
  for (const entry of early) deliver(entry)
  early = undefined
  return { frames: Stream.fromQueue(queue), lost: () => lost }
})

/**
 * Snapshot, replay, live, as `RuntimeSource.events` has it. A consumer that falls behind starts again from a fresh
 * snapshot, and is told so.
 */
export const frames = <E>(watch: Watch<E>, cursor: string | undefined): Stream.Stream<SourceFrame, E> =>
  Stream.unwrap(
    Effect.map(attach(watch, cursor), (attached) =>
      Stream.concat(
        attached.frames,
        Stream.suspend(() => {
          const reason = attached.lost()
          return reason === undefined
            ? Stream.empty
            : Stream.concat(Stream.succeed({ kind: "resync", reason } as const), frames(watch, undefined))
        })
      )
    )
  )
