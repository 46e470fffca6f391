/** The runtime inside the backend: calls the engine directly, with no address, token or socket in between. */
import { type Cause, Effect, Queue, Stream } from "effect"
import type { LogEntry } from "../../domain/EventLog.ts"
import { embeddedRuntimeId, type WorkerId } from "../../domain/Identifiers.ts"
import type { Problem } from "../../domain/Problem.ts"
import { make as makeSource, type SourceFrame } from "../../domain/RuntimeSource.ts"
import { isTerminal, type TerminalState, type WorkerState } from "../../domain/Worker.ts"
import { WorkerRuntime } from "../../domain/WorkerRuntime.ts"
import type { StoreProblem } from "../../domain/WorkerStore.ts"

/** Frames that wait for a slow consumer of one stream; above it the stream resynchronises. */
export const maxQueuedFrames = 4_096

type EventStream = Stream.Stream<SourceFrame, StoreProblem | Problem<"worker_not_found" | "invalid_cursor">>

const frameOf = (entry: LogEntry): SourceFrame => ({
  kind: "event",
  cursor: entry.cursor,
  event_id: entry.event_id,
  durable: entry.durable,
  event: entry.event
})

/** The final state that a status event announces. */
const endOf = (entry: LogEntry): TerminalState | undefined => {
  const state = entry.event.event === "status" ? (entry.event.data.state as WorkerState | undefined) : undefined
  return state !== undefined && isTerminal(state) ? state : undefined
}

/** One attachment to the engine: snapshot, replay, live, until the worker ends or the consumer falls behind. */
const attach = Effect.fnUntraced(function* (
  runtime: WorkerRuntime["Service"],
  worker_id: WorkerId,
  cursor: string | undefined
) {
  const queue = yield* Queue.make<SourceFrame, Cause.Done>()
  /** Entries that arrive before the snapshot is out; undefined afterwards. */
  let early: Array<LogEntry> | undefined = []
  let overflowed = false
  const deliver = (entry: LogEntry) => {
    if (overflowed) return
    if (Queue.sizeUnsafe(queue) >= maxQueuedFrames) {
      overflowed = true
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
  const watching = yield* runtime.watch(worker_id, cursor, (entry) => {
    if (early === undefined) deliver(entry)
    else early.push(entry)
  })
  if (watching.resync !== undefined) Queue.offerUnsafe(queue, { kind: "resync", reason: watching.resync })
  Queue.offerUnsafe(queue, { kind: "snapshot", cursor: watching.cursor, snapshot: watching.snapshot })
  for (const entry of watching.replay) Queue.offerUnsafe(queue, frameOf(entry))
  if (watching.ended !== undefined) end(watching.ended)
  for (const entry of early) deliver(entry)
  early = undefined
  return { frames: Stream.fromQueue(queue), overflowed: () => overflowed }
})

const overflow: SourceFrame = { kind: "resync", reason: "overflow" }

/** A consumer that fell behind starts again from a fresh snapshot, and is told so. */
const events = (runtime: WorkerRuntime["Service"], worker_id: WorkerId, cursor: string | undefined): EventStream =>
  Stream.unwrap(
    Effect.map(attach(runtime, worker_id, cursor), ({ frames, overflowed }) =>
      Stream.concat(
        frames,
        Stream.suspend(() =>
          overflowed() ? Stream.concat(Stream.succeed(overflow), events(runtime, worker_id, undefined)) : Stream.empty
        )
      )
    )
  )

export const make = Effect.gen(function* () {
  const runtime = yield* WorkerRuntime
  return makeSource(
    { id: embeddedRuntimeId, kind: "embedded", display_name: "Built-in runtime", built_in: true },
    {
      describe: runtime.describe,
      list: runtime.list,
      get: runtime.get,
      create: runtime.create,
      input: runtime.input,
      stop: (worker_id, _reason, options) => runtime.stop(worker_id, options),
      cancel: (worker_id, _reason, options) => runtime.cancel(worker_id, options),
      transcript: runtime.transcript,
      events: (worker_id, cursor) => events(runtime, worker_id, cursor),
      bundles: runtime.bundles,
      putBundle: runtime.putBundle,
      bundleAvailability: runtime.bundleAvailability
    }
  )
})
