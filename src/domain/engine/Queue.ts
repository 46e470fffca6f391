/** Inputs that wait for the turn to end: each durable before it is answered, and taken back the same way. */
import { DateTime, Effect } from "effect"
import type { WorkerId } from "../Identifiers.ts"
import * as Problem from "../Problem.ts"
import {
  type Ack,
  type InputAck,
  maxQueuedBytes,
  maxQueuedInputs,
  previewed,
  type QueuedInput,
  type Worker,
  type WorkerInput
} from "../Worker.ts"
import { event } from "../WorkerEvent.ts"
import { ackOf, busyRetryMs, type Engine, locked, type ToReceipt } from "./Host.ts"
import { commit, type HostedWorker } from "./HostedWorker.ts"
import { unqueued } from "./Turns.ts"

const encoder = new TextEncoder()

const bytesOf = (inputs: ReadonlyArray<WorkerInput>): number =>
  inputs.reduce((sum, { content }) => sum + encoder.encode(content).length, 0)

const full = (detail: string, max: number) =>
  Problem.fail("input_queue_full", detail, { max, retry_after_ms: busyRetryMs })

/** Lets an input wait, with the worker's lock held. */
export const enqueue = Effect.fnUntraced(function* (
  engine: Engine,
  hosted: HostedWorker,
  { content, kind }: WorkerInput,
  toReceipt: ToReceipt<InputAck>
) {
  const waiting = hosted.worker.queued_inputs ?? []
  if (waiting.length >= maxQueuedInputs) {
    return yield* full(`At most ${maxQueuedInputs} inputs wait for a worker.`, maxQueuedInputs)
  }
  if (bytesOf(waiting) + encoder.encode(content).length > maxQueuedBytes) {
    return yield* full(`The inputs that wait for a worker have at most ${maxQueuedBytes} bytes.`, maxQueuedBytes)
  }
  const input: QueuedInput = {
    input_id: yield* engine.random.uuidV7(),
    kind,
    content,
    queued_at: DateTime.formatIso(yield* DateTime.now)
  }
  const queued_inputs = [...waiting, input]
  const answer = (worker: Worker): InputAck => ({
    ...ackOf(worker),
    transcript_sequence: 0,
    queued: { input_id: input.input_id, position: queued_inputs.length }
  })
  const told = event({ event: "input_queued", data: previewed(input) })
  const worker = yield* commit(engine.store, hosted, [told], { queued_inputs }, (after) => toReceipt(answer(after)))
  return answer(worker)
}, Effect.uninterruptible)

/** Takes a waiting input back. */
export const unqueue = (engine: Engine, worker_id: WorkerId, input_id: string, toReceipt: ToReceipt<Ack>) =>
  locked(
    engine,
    worker_id,
    Effect.fnUntraced(function* (hosted) {
      const waiting = hosted.worker.queued_inputs ?? []
      const input = waiting.find((it) => it.input_id === input_id)
      if (input === undefined) return yield* Problem.make("queued_input_not_found")
      const change = { queued_inputs: waiting.filter((it) => it !== input) }
      const worker = yield* commit(engine.store, hosted, [unqueued(input, "cancelled")], change, (after) =>
        toReceipt(ackOf(after))
      )
      return ackOf(worker)
    }, Effect.uninterruptible)
  )
