/** Guards the one rule a store depends on: a worker's numbers go on without a gap. */
import type { Commit, StoredWorker } from "../../domain/WorkerStore.ts"

/** What is wrong with the numbers of a commit, or nothing. A caller that gets it wrong has a bug, not bad luck. */
export const violation = (stored: StoredWorker | undefined, commit: Commit): string | undefined => {
  const { worker, events, items } = commit
  if (stored !== undefined && stored.log_epoch !== commit.log_epoch) return "The log epoch of a worker never changes."
  let seq = stored?.worker.last_event_id ?? 0
  for (const event of events) if (event.seq !== ++seq) return `Event ${event.seq} came where ${seq} was due.`
  if (worker.last_event_id !== seq) return `The worker says ${worker.last_event_id} events, the store has ${seq}.`
  let sequence = stored?.worker.transcript_len ?? 0
  for (const item of items) {
    if (item.sequence !== ++sequence) return `Item ${item.sequence} came where ${sequence} was due.`
  }
  if (worker.transcript_len !== sequence) {
    return `The worker says ${worker.transcript_len} items, the store has ${sequence}.`
  }
  return undefined
}
