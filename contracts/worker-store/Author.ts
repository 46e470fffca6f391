/** Writes the commits of one worker as the engine does: its numbers go on without a gap. */
import { RuntimeId, WorkerId } from "../../src/domain/Identifiers.ts"
import type { TranscriptItem } from "../../src/domain/Transcript.ts"
import type { Worker } from "../../src/domain/Worker.ts"
import type { Commit, Receipt, StoredEvent } from "../../src/domain/WorkerStore.ts"

export interface Change {
  /** Content of each transcript item; every item comes with its event. */
  readonly say?: ReadonlyArray<string>
  /** Events without an item. */
  readonly events?: number
  readonly receipt?: Receipt
  readonly worker?: Partial<Worker>
}

export class Author {
  readonly id: WorkerId
  readonly logEpoch: string
  #worker: Worker

  constructor(id: string, from?: Worker, logEpoch = `log-of-${id}`) {
    this.id = WorkerId.make(id)
    this.logEpoch = logEpoch
    this.#worker = from ?? {
      runtime_id: RuntimeId.make("rt-1"),
      worker_id: this.id,
      display_name: `Worker ${id}`,
      profile: { kind: "runtime_default" },
      state: "idle",
      config_bundle: null,
      transcript_len: 0,
      last_event_id: 0
    }
  }

  get worker(): Worker {
    return this.#worker
  }

  /** The next commit, without taking it for granted: `accept` it when the store has. */
  draft(change: Change = {}): Commit {
    const events: Array<StoredEvent> = []
    const items: Array<TranscriptItem> = []
    let seq = this.#worker.last_event_id
    let sequence = this.#worker.transcript_len
    for (const content of change.say ?? []) {
      seq += 1
      sequence += 1
      const segments = [{ kind: "text", content }]
      events.push({ seq, event: { event: "user_message", data: { segments, sequence } } })
      items.push({ sequence, role: "user", content, event_id: seq })
    }
    for (let more = 0; more < (change.events ?? 0); more++) {
      seq += 1
      events.push({ seq, event: { event: "status", data: { status: "running" } } })
    }
    const worker = { ...this.#worker, ...change.worker, last_event_id: seq, transcript_len: sequence }
    const commit = { worker, log_epoch: this.logEpoch, events, items }
    return change.receipt === undefined ? commit : { ...commit, receipt: change.receipt }
  }

  accept(commit: Commit): void {
    this.#worker = commit.worker
  }

  next(change: Change = {}): Commit {
    const commit = this.draft(change)
    this.accept(commit)
    return commit
  }
}
