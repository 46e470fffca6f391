/** Brings back what the store holds: workers of an earlier process, their sessions, and what waited for them. */
import { Cause, Effect, Exit, Option, Scope } from "effect"
import * as Problem from "../Problem.ts"
import { maxPageBytes, maxPageItems } from "../Transcript.ts"
import { isTerminal, type Worker, type WorkerState } from "../Worker.ts"
import { event, type WorkerEvent } from "../WorkerEvent.ts"
import type { StoredWorker } from "../WorkerStore.ts"
import * as Guard from "./Guard.ts"
import type { Engine } from "./Host.ts"
import { changed, commit, type HostedWorker, make as makeHosted } from "./HostedWorker.ts"
import { status } from "./Run.ts"
import * as Session from "./Session.ts"
import { next } from "./Turns.ts"
import * as Views from "./Views.ts"

/** Sessions brought back at the same time after a restart. */
const restoreConcurrency = 16

const interrupted = "The runtime was restarted while the worker was busy; the turn did not finish."

/** Takes over the record of a worker of an earlier process; it has no session yet. */
const takeOver = Effect.fnUntraced(function* (engine: Engine, stored: StoredWorker) {
  const scope = yield* Scope.fork(engine.scope)
  const worker: Worker = { ...stored.worker, runtime_id: engine.runtime_id }
  const hosted = makeHosted({ worker, log_epoch: stored.log_epoch, scope, tailLoaded: false })
  engine.workers.add(hosted)
  return hosted
})

const told = (state: WorkerState, to: WorkerState): ReadonlyArray<WorkerEvent> => [
  ...(state === "busy"
    ? [
        event({ event: "error", data: { code: "run_interrupted", message: interrupted } }),
        event({ event: "run_end", data: { result: "rolled_back" } })
      ]
    : []),
  status(to)
]

const encoder = new TextEncoder()

/** What a worker has said and heard so far, in bytes of UTF-8, read page by page. */
const transcriptBytes = Effect.fnUntraced(
  function* (engine: Engine, hosted: HostedWorker) {
    let bytes = 0
    const known = hosted.worker.transcript_len
    for (let start = 0; start < known;) {
      const items = yield* engine.store.transcript(
        hosted.worker.worker_id,
        start,
        Math.min(maxPageItems, known - start),
        maxPageBytes
      )
      if (items.length === 0) break
      for (const { content } of items) bytes += encoder.encode(content).length
      start += items.length
    }
    return bytes
  },
  Effect.mapError(() =>
    Problem.make("execution_backend_unavailable", "The runtime could not read the worker's transcript.")
  )
)

/**
 * Brings the session of a worker back. One that cannot be brought back, however its executor fails, is `stale` and says
 * why: it must not keep the others from starting.
 */
const restore = Effect.fnUntraced(function* (engine: Engine, hosted: HostedWorker) {
  const { worker, scope } = hosted
  const { state } = worker
  if (isTerminal(state)) return yield* Scope.close(scope, Exit.void)
  const request = {
    worker_id: worker.worker_id,
    profile: worker.profile,
    resume: { backend_id: worker.backend_id, transcript_bytes: transcriptBytes(engine, hosted) }
  }
  yield* Session.spawn(engine.executor, request, scope).pipe(
    Effect.flatMap(
      Effect.fnUntraced(function* (session) {
        if (state === "busy" || state === "stale") {
          yield* commit(engine.store, hosted, told(state, "idle"), { state: "idle" })
        }
        hosted.session = session
        yield* next(engine, hosted)
        yield* Guard.watch(engine, hosted)
      })
    ),
    Effect.catchCause(
      Effect.fnUntraced(function* (cause) {
        const problem = Option.getOrUndefined(Cause.findErrorOption(cause))
        if (problem === undefined) {
          yield* Effect.logError("A worker could not be restored", cause).pipe(
            Effect.annotateLogs({ worker_id: worker.worker_id })
          )
        }
        const state_reason = problem?.message ?? "What runs the worker failed while it was brought back."
        yield* Scope.close(scope, Exit.void)
        const change = { state: "stale", state_reason } as const
        if (state !== "stale") {
          yield* Effect.ignoreCause(commit(engine.store, hosted, told(state, "stale"), change))
        }
        // Also when the store did not take it: the worker cannot be used.
        hosted.worker = changed(hosted.worker, change)
      })
    )
  )
})

export const restoreAll = Effect.fnUntraced(function* (engine: Engine, stored: ReadonlyArray<StoredWorker>) {
  const ordered = stored.toSorted((a, b) => Views.byCreation(a.worker, b.worker))
  const hosted = yield* Effect.forEach(ordered, (it) => takeOver(engine, it))
  yield* Effect.forEach(hosted, (worker) => restore(engine, worker), {
    concurrency: restoreConcurrency,
    discard: true
  })
})
