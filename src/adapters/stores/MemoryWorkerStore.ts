/** Keeps workers in this process: gone when it ends, and honest about it (`kind` is `memory`). */
import { randomBytes } from "node:crypto"
import { Clock, Effect, Layer } from "effect"
import type { ConfigBundle } from "../../domain/ConfigBundle.ts"
import type { Diagnostic } from "../../domain/Diagnostic.ts"
import type { TranscriptItem } from "../../domain/Transcript.ts"
import { type StoredWorker, WorkerStore } from "../../domain/WorkerStore.ts"
import { violation } from "./Continuity.ts"
import { EventTail } from "./EventTail.ts"
import { ReceiptBook } from "./ReceiptBook.ts"
import { defaultRetention, type Retention } from "./Retention.ts"

interface Entry {
  stored: StoredWorker
  readonly items: Array<TranscriptItem>
  readonly events: EventTail
}

const make = (retention: Retention) =>
  Effect.sync(() => {
    const workers = new Map<string, Entry>()
    const bundles = new Map<string, ConfigBundle>()
    const receipts = new ReceiptBook(retention.maxReceipts)

    return WorkerStore.of({
      kind: "memory",
      epoch: randomBytes(8).toString("hex"),

      load: Effect.map(Clock.currentTimeMillis, (now) => ({
        workers: Array.from(workers.values(), (entry) => entry.stored),
        damaged: [],
        receipts: receipts.current(now),
        bundles: Array.from(bundles.values())
      })),

      commit: Effect.fnUntraced(function* (commit) {
        const id = commit.worker.worker_id
        const known = workers.get(id)
        const wrong = violation(known?.stored, commit)
        if (wrong !== undefined) return yield* Effect.die(new Error(wrong))
        const now = yield* Clock.currentTimeMillis
        const stored = { worker: commit.worker, log_epoch: commit.log_epoch }
        const entry = known ?? { stored, items: [], events: new EventTail(retention) }
        entry.stored = stored
        for (const item of commit.items) entry.items.push(item)
        for (const event of commit.events) entry.events.append(event)
        if (commit.receipt !== undefined) receipts.put(commit.receipt, now)
        workers.set(id, entry)
      }),

      transcript: (id, start, limit) =>
        Effect.sync(
          () => workers.get(id)?.items.slice(Math.max(0, start), Math.max(0, start) + Math.max(0, limit)) ?? []
        ),

      events: (id, after, limit) => Effect.sync(() => workers.get(id)?.events.read(after, limit) ?? []),

      putBundle: (bundle) => Effect.sync(() => void bundles.set(bundle.id, bundle)),

      remove: (id) => Effect.sync(() => void workers.delete(id)),

      diagnostics: Effect.sync((): ReadonlyArray<Diagnostic> =>
        receipts.forgotten === 0
          ? []
          : [
              {
                code: "store.receipts_forgotten",
                severity: "warning",
                message: `${receipts.forgotten} idempotency receipts were forgotten before they expired.`
              }
            ]
      )
    })
  })

export const layer: Layer.Layer<WorkerStore> = Layer.effect(WorkerStore, make(defaultRetention))

/** The same with other bounds. */
export const layerRetaining = (retention: Partial<Retention>): Layer.Layer<WorkerStore> =>
  Layer.effect(WorkerStore, make({ ...defaultRetention, ...retention }))
