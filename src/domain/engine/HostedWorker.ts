/** One worker as it lives in the engine: its record, its log, its session, and the one way in which it changes. */
import { DateTime, Effect, type Fiber, type Scope, Semaphore } from "effect"
import { EventLog } from "../EventLog.ts"
import * as Snapshot from "../Snapshot.ts"
import type { TranscriptItem } from "../Transcript.ts"
import { previewed, type Worker, type WorkerState } from "../Worker.ts"
import { event, type WorkerEvent } from "../WorkerEvent.ts"
import type { WorkerSession } from "../WorkerExecutor.ts"
import type { Receipt, StoredEvent, WorkerStore } from "../WorkerStore.ts"
import { GiveWay } from "./GiveWay.ts"

export interface HostedWorker {
  /** The record as last stored. */
  worker: Worker
  /** Told when the record's state becomes another. */
  onState: ((from: WorkerState, to: WorkerState) => void) | undefined
  readonly log: EventLog
  /** Held by whatever changes the worker; commands and the run take turns. */
  readonly lock: Semaphore.Semaphore
  /** Lets the end of the worker pass whoever holds the lock for long. */
  readonly giveWay: GiveWay
  /** Ends the session when it is closed. */
  readonly scope: Scope.Closeable
  session: WorkerSession | undefined
  /** The newest run, which may be over. */
  run: Fiber.Fiber<unknown, unknown> | undefined
  /** Whether a fiber is about to start the next waiting input. */
  starting: boolean
  /** Whether a fiber waits for the session to end by itself. */
  guarded: boolean
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
  let current = worker
  return {
    get worker() {
      return current
    },
    set worker(next) {
      const { state } = current
      current = next
      if (next.state !== state) this.onState?.(state, next.state)
    },
    onState: undefined,
    log: new EventLog({
      epoch: options.log_epoch,
      head: worker.last_event_id,
      snapshot: {
        ...Snapshot.empty,
        status: worker.state === "busy" ? "running" : "idle",
        state: worker.state,
        transcript: { start: worker.transcript_len, total_items: worker.transcript_len, items: [] },
        ...(worker.queued_inputs === undefined ? undefined : { queued_inputs: worker.queued_inputs.map(previewed) }),
        ...(worker.permission_requests === undefined ? undefined : { permission_requests: worker.permission_requests }),
        as_of: String(worker.last_event_id)
      }
    }),
    lock: Semaphore.makeUnsafe(1),
    giveWay: new GiveWay(),
    scope: options.scope,
    session: undefined,
    run: undefined,
    starting: false,
    guarded: false,
    tailLoaded: options.tailLoaded
  }
}

/**
 * The record after a change. A reason and what a turn asks for belong to the state they were given in and go with it;
 * empty lists are left out.
 */
export const changed = (worker: Worker, change: Partial<Worker>): Worker => {
  const { permission_requests, queued_inputs, state } = change
  if (state === undefined && queued_inputs === undefined && permission_requests === undefined) {
    return { ...worker, ...change }
  }
  const { permission_requests: open, queued_inputs: waiting, state_reason, ...rest } = worker
  const asked = permission_requests ?? (state === undefined ? open : undefined) ?? []
  const queue = queued_inputs ?? waiting ?? []
  const { permission_requests: _, queued_inputs: __, ...others } = change
  return {
    ...rest,
    ...(state !== undefined || state_reason === undefined ? undefined : { state_reason }),
    ...others,
    ...(queue.length === 0 ? undefined : { queued_inputs: queue }),
    ...(asked.length === 0 ? undefined : { permission_requests: asked })
  }
}

/**
 * Stores events and the changed record as one commit and only then shows them. Must run with the worker's lock held.
 * Uninterruptible: what the store has taken must also be shown.
 *
 * @param refusal why an event must not be stored; then nothing of the commit is
 */
export const commit = <E = never>(
  store: WorkerStore["Service"],
  hosted: HostedWorker,
  events: ReadonlyArray<WorkerEvent>,
  change: Partial<Worker> = {},
  receiptOf?: (worker: Worker) => Receipt | undefined,
  refusal?: (json: string) => E | undefined
) =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const now = DateTime.formatIso(yield* DateTime.now)
      let seq = hosted.worker.last_event_id
      let transcript_len = hosted.worker.transcript_len
      const stored: Array<StoredEvent> = []
      /** Encoded before anything is stored: an event that is not JSON must fail the command, not the showing. */
      const encoded: Array<string> = []
      const items: Array<TranscriptItem> = []
      for (const event of events) {
        seq += 1
        const said = Snapshot.spoken(event)
        if (said !== undefined) items.push({ sequence: ++transcript_len, ...said, event_id: seq })
        const numbered: WorkerEvent =
          said === undefined ? event : { event: event.event, data: { ...event.data, sequence: transcript_len } }
        const json = JSON.stringify(numbered)
        const refused = refusal?.(json)
        if (refused !== undefined) return yield* Effect.fail(refused)
        encoded.push(json)
        stored.push({ seq, event: numbered })
      }
      const updated_at = events.length === 0 ? hosted.worker.updated_at : now
      const worker: Worker = {
        ...changed(hosted.worker, change),
        transcript_len,
        last_event_id: seq,
        ...(updated_at === undefined ? undefined : { updated_at })
      }
      const receipt = receiptOf?.(worker)
      yield* store.commit({
        worker,
        log_epoch: hosted.log.epoch,
        events: stored,
        items,
        ...(receipt === undefined ? undefined : { receipt })
      })
      hosted.worker = worker
      for (const [index, { event }] of stored.entries()) hosted.log.append(event, true, encoded[index])
      return worker
    })
  )

/** Text that was shown and is not complete, as it becomes part of the transcript: whoever read it must find it again. */
export const shown = ({ log }: HostedWorker): ReadonlyArray<WorkerEvent> => {
  const text = log.snapshot.in_flight?.text ?? ""
  return text === "" ? [] : [event({ event: "text_done", data: { text } })]
}

/** Loads the tail of the stored transcript into the snapshot, once. */
export const loadTail = Effect.fnUntraced(function* (store: WorkerStore["Service"], hosted: HostedWorker) {
  while (!hosted.tailLoaded) {
    const total_items = hosted.worker.transcript_len
    const start = Math.max(0, total_items - Snapshot.maxTailItems)
    // No more than is known here: what the store has taken but nobody has seen yet comes as an event.
    const items = Snapshot.trim(yield* store.transcript(hosted.worker.worker_id, start, total_items - start))
    // The worker may have gone on while the store was read: then read again.
    if (hosted.worker.transcript_len !== total_items) continue
    hosted.log.reset({
      ...hosted.log.snapshot,
      transcript: { start: total_items - items.length, total_items, items }
    })
    hosted.tailLoaded = true
  }
})
