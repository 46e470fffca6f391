/** An opencode session in the words of workers: what can be done with it, what it takes, how it is shown. */
import { DateTime, Effect } from "effect"
import { type RuntimeId, WorkerId } from "../../domain/Identifiers.ts"
import * as Problem from "../../domain/Problem.ts"
import { runtimeDefault } from "../../domain/Profile.ts"
import { capability } from "../../domain/Runtime.ts"
import { maxTitle } from "../../domain/ToolValue.ts"
import { maxPageItems } from "../../domain/Transcript.ts"
import type { Ack, Worker, WorkerInput } from "../../domain/Worker.ts"
import type { Session } from "./OpencodeWire.ts"
import type { SessionLog } from "./SessionLog.ts"

/** Of one input, in bytes of UTF-8. */
export const maxInputBytes = 262_144

export const capabilities = {
  [capability.create]: {},
  [capability.input]: { max_bytes: maxInputBytes },
  [capability.stop]: {},
  [capability.interrupt]: {},
  [capability.transcript]: { max_items: maxPageItems },
  /** Only while the connection to opencode holds; after that a watcher gets a resync. */
  [capability.eventsWs]: { resume: "while_connected" }
}

export const unsupported = (name: string) => Problem.fail("operation_unsupported", undefined, { capability: name })

export const bytesOf = (text: string) => new TextEncoder().encode(text).length

const timestamp = (ms: number) => DateTime.formatIso(DateTime.makeUnsafe(ms))

export const checkInput = (input: WorkerInput) => {
  if (input.kind !== "user") return unsupported("workers.input.system")
  if (input.content.trim() === "") {
    return Problem.fail("invalid_request", "The input is blank.", { errors: [{ pointer: "/content", code: "blank" }] })
  }
  return bytesOf(input.content) > maxInputBytes
    ? Problem.fail("payload_too_large", undefined, { max: maxInputBytes })
    : Effect.void
}

export const workerOf = (
  runtime_id: RuntimeId,
  session: Session,
  state: Worker["state"],
  said: number,
  last_event_id: number
): Worker => ({
  runtime_id,
  worker_id: WorkerId.make(session.id),
  display_name: session.title.slice(0, maxTitle),
  profile: session.agent === undefined ? runtimeDefault : { kind: "named", value: session.agent },
  state,
  config_bundle: null,
  transcript_len: said,
  last_event_id,
  created_at: timestamp(session.time.created),
  updated_at: timestamp(session.time.updated)
})
export const loggedWorker = (runtime_id: RuntimeId, session: Session, { log, said, state }: SessionLog) =>
  workerOf(runtime_id, session, state, said, log.head)

export const ackOf = (runtime_id: RuntimeId, worker_id: WorkerId, { log, state }: SessionLog): Ack => ({
  runtime_id,
  worker_id,
  state,
  event_id: log.head
})
