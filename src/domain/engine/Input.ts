/** Takes an input: runs it, lets it wait, or ends the turn for it; durable before it is answered. */
import { Effect } from "effect"
import type { WorkerId } from "../Identifiers.ts"
import * as Problem from "../Problem.ts"
import {
  type InputAck,
  type InputRequest,
  isTerminal,
  maxInputBytes,
  type Worker,
  type WorkerInput
} from "../Worker.ts"
import type { WorkerSession } from "../WorkerExecutor.ts"
import { ackOf, busyRetryMs, type Engine, ensureOpen, locked, type ToReceipt } from "./Host.ts"
import { commit, type HostedWorker } from "./HostedWorker.ts"
import { endTurn } from "./Interrupt.ts"
import { enqueue } from "./Queue.ts"
import { status } from "./Run.ts"
import * as Session from "./Session.ts"
import { begin, inputEvent, next } from "./Turns.ts"

const encoder = new TextEncoder()

export const checkContent = Effect.fnUntraced(function* (content: string, pointer: string) {
  if (content.trim() === "") {
    return yield* Problem.make("invalid_request", "The input is blank.", { errors: [{ pointer, code: "blank" }] })
  }
  // UTF-8 needs at most three bytes for one UTF-16 unit: short texts need no counting.
  if (content.length * 3 > maxInputBytes && encoder.encode(content).length > maxInputBytes) {
    return yield* Problem.make("payload_too_large", `The input is larger than ${maxInputBytes} bytes.`, {
      max: maxInputBytes
    })
  }
})

const answer = (worker: Worker): InputAck => ({
  ...ackOf(worker),
  transcript_sequence: worker.transcript_len,
  // The number of the message itself; the status that follows it is worth no ack.
  event_id: worker.last_event_id - 1
})

/** Runs the input now, with the lock of a worker that is free held. */
const take = (
  engine: Engine,
  hosted: HostedWorker,
  session: WorkerSession,
  said: WorkerInput,
  toReceipt: ToReceipt<InputAck>
) =>
  // The caller can give up as long as the executor decides; from the commit on the input is taken.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const turn = yield* restore(Session.accept(session, said))
      const change = { state: "busy", last_result: { operation: "input", outcome: "accepted" } } as const
      const worker = yield* commit(engine.store, hosted, [inputEvent(said), status("busy")], change, (after) =>
        toReceipt(answer(after))
      )
      yield* begin(engine, hosted, turn)
      return answer(worker)
    })
  )

/** Ends the turn for the sake of an input. While the lock is lent to the worker's end another turn may begin. */
const endTurns = Effect.fnUntraced(function* (engine: Engine, hosted: HostedWorker) {
  while (hosted.worker.state === "busy") yield* endTurn(engine, hosted, undefined)
  const { state } = hosted.worker
  if (isTerminal(state)) return yield* Problem.make("worker_not_running", `The worker is ${state}.`)
})

export const input = Effect.fnUntraced(function* (
  engine: Engine,
  worker_id: WorkerId,
  { content, kind, mode = "reject" }: InputRequest,
  toReceipt: ToReceipt<InputAck>
) {
  yield* ensureOpen(engine)
  yield* checkContent(content, "/content")
  const said = { kind, content }
  return yield* locked(
    engine,
    worker_id,
    Effect.fnUntraced(function* (hosted) {
      const { queued_inputs, state, state_reason } = hosted.worker
      if (isTerminal(state)) return yield* Problem.make("worker_not_running", `The worker is ${state}.`)
      const { session } = hosted
      if (session === undefined) return yield* Problem.make("worker_execution_unavailable", state_reason)
      if (state !== "busy" && queued_inputs === undefined) {
        return yield* take(engine, hosted, session, said, toReceipt)
      }
      // Between two turns a worker is not free while an input waits for it: nothing overtakes what was acknowledged.
      switch (mode) {
        case "reject":
          return yield* Problem.make("worker_busy", undefined, { retry_after_ms: busyRetryMs })
        case "queue":
          return yield* enqueue(engine, hosted, said, toReceipt)
        case "interrupt":
          // The lock is held from the end of the one turn to the begin of the other: nothing comes in between.
          return yield* endTurns(engine, hosted).pipe(
            Effect.andThen(take(engine, hosted, session, said, toReceipt)),
            Effect.ensuring(Effect.suspend(() => next(engine, hosted)))
          )
      }
    })
  )
})
