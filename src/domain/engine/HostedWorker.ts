/** One worker as it lives in the engine: its record, its log, its session, and the one way in which it changes. */
import { DateTime, Effect, type Fiber, type Scope, Semaphore } from "effect"
import { EventLog } from "../EventLog.ts"
import * as Snapshot from "../Snapshot.ts"
import type { TranscriptItem } from "../Transcript.ts"
import type { Worker } from "../Worker.ts"
import type { WorkerEvent } from "../WorkerEvent.ts"
import type { WorkerSession } from "../WorkerExecutor.ts"
import type { Receipt, StoredEvent, WorkerStore } from "../WorkerStore.ts"

export interface HostedWorker {
  /** The record as last stored. */
  worker: Worker
  readonly log: EventLog
  /** Held by whatever changes the worker; commands and the run take turns. */
  readonly lock: Semaphore.Semaphore
  /** Ends the session when it is closed. */
  readonly scope: Scope.Closeable
  session: WorkerSession | undefined
  run: Fiber.Fiber<unknown, unknown> | undefined
  /** Whether the log's snapshot holds the tail of the stored transcript; false after a restart until somebody looks. */
  tailLoaded: boolean
}

export const make = (options: {
  readonly worker: Worker
  readonly log_epoch: string
  readonly scope: Scope.Closeable
  readonly tailLoaded: boolean
}): HostedWorker => {
  const { worker } = options
  return {
    worker,
    log: new EventLog({
      epoch: options.log_epoch,
      head: worker.last_event_id,
      snapshot: {
        ...Snapshot.empty,
        status: worker.state === "busy" ? "running" : "idle",
        state: worker.state,
        transcript: { start: worker.transcript_len, total_items: worker.transcript_len, items: [] },
        as_of: String(worker.last_event_id)
      }
    }),
    lock: Semaphore.makeUnsafe(1),
    scope: options.scope,
    session: undefined,
    run: undefined,
    tailLoaded: options.tailLoaded
  }
}

const roles: Readonly<Record<string, TranscriptItem["role"]>> = {
  user_message: "user",
  text_done: "assistant",
  system_item: "system"
}

const content = (event: WorkerEvent): string => {
  switch (event.event) {
    case "user_message":
      return (event.data.segments as ReadonlyArray<{ readonly content: string }>).map((it) => it.content).join("")
    case "system_item":
      return (event.data.item as { readonly content: string }).content
    default:
      return event.data.text as string
  }
}

/**
 * Stores events and the changed record as one commit and only then shows them. Must run with the worker's lock held.
 * Uninterruptible: what the store has taken must also be shown.
 */
export const commit = (
  store: WorkerStore["Service"],
  hosted: HostedWorker,
  events: ReadonlyArray<WorkerEvent>,
  change: Partial<Worker> = {},
  receiptOf?: (worker: Worker) => Receipt | undefined
) =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const updated_at = DateTime.formatIso(yield* DateTime.now)
      let seq = hosted.worker.last_event_id
      let transcript_len = hosted.worker.transcript_len
      const stored: Array<StoredEvent> = []
      const items: Array<TranscriptItem> = []
      for (const event of events) {
        seq += 1
        const role = roles[event.event]
        if (role === undefined) {
          stored.push({ seq, event })
          continue
        }
        transcript_len += 1
        items.push({ sequence: transcript_len, role, content: content(event), event_id: seq })
        stored.push({ seq, event: { event: event.event, data: { ...event.data, sequence: transcript_len } } })
      }
      const worker: Worker = { ...hosted.worker, ...change, transcript_len, last_event_id: seq, updated_at }
      const receipt = receiptOf?.(worker)
      yield* store.commit({
        worker,
        log_epoch: hosted.log.epoch,
        events: stored,
        items,
        ...(receipt === undefined ? undefined : { receipt })
      })
      hosted.worker = worker
      for (const { event } of stored) hosted.log.append(event, true)
      return worker
    })
  )

/** Loads the tail of the stored transcript into the snapshot, once. */
export const loadTail = Effect.fnUntraced(function* (store: WorkerStore["Service"], hosted: HostedWorker) {
  while (!hosted.tailLoaded) {
    const total_items = hosted.worker.transcript_len
    const start = Math.max(0, total_items - Snapshot.maxTailItems)
    const items = Snapshot.trim(yield* store.transcript(hosted.worker.worker_id, start, Snapshot.maxTailItems))
    // The worker may have gone on while the store was read: then read again.
    if (hosted.worker.transcript_len !== total_items) continue
    hosted.log.reset({
      ...hosted.log.snapshot,
      transcript: { start: total_items - items.length, total_items, items }
    })
    hosted.tailLoaded = true
  }
})
