/** How the backend steers a turn: inputs that wait or end the turn, interrupt, permissions; each with its failures. */
import type { InputMode } from "../../src/domain/Worker.ts"
import type { Case } from "./Case.ts"
import { fromState, words } from "./matchers.ts"
import {
  asked as ask,
  type Asked,
  type Call,
  echo,
  exchange,
  id,
  noWorker,
  ofWorker,
  options,
  refused
} from "./runtimeCall.ts"
import * as shape from "./runtimeShapes.ts"

/** Nothing of it is sent to a runtime that does not declare it. */
const declared = exchange({
  given: "a runtime whose turns can be steered",
  name: "what the runtime says of itself and of steering",
  method: "GET",
  path: "/v1/runtime",
  status: 200,
  answer: shape.steerable
})

const asked = (it: Asked, call: Call, then?: string): Case => ask(it, call, then, [declared])

const ok = (answer: unknown) => ({ status: 200, answer })

const interrupt = { method: "POST", path: ofWorker("/interrupt"), keyed: true } as const
const interrupting: Call = (it) => it.interrupt(id, undefined, options)

const interrupts: ReadonlyArray<Case> = [
  asked(
    {
      ...interrupt,
      given: "a busy worker of a runtime with workers.interrupt",
      name: "interrupt of a busy worker",
      ...ok(shape.ack(words("running")))
    },
    interrupting
  ),
  asked(
    {
      ...interrupt,
      given: "a busy worker of a runtime with workers.interrupt",
      name: "interrupt of a busy worker with a reason",
      body: { reason: "enough" },
      ...ok(shape.ack(words("running")))
    },
    (it) => it.interrupt(id, "enough", options)
  ),
  asked(
    {
      ...interrupt,
      given: "an idle worker of a runtime with workers.interrupt",
      name: "interrupt of a worker without a turn",
      ...ok(shape.ack(words("running")))
    },
    interrupting
  ),
  asked(
    {
      ...interrupt,
      given: "a stopped worker of a runtime with workers.interrupt",
      name: "interrupt of a worker that has been stopped",
      ...refused(409, "worker_not_running")
    },
    interrupting,
    "worker_not_running"
  ),
  asked(
    {
      ...interrupt,
      given: "a runtime with workers.interrupt",
      name: "interrupt of a worker that is not there",
      path: `/v1/workers/${noWorker}/interrupt`,
      ...refused(404, "worker_not_found")
    },
    (it) => it.interrupt(noWorker, undefined, options),
    "worker_not_found"
  )
]

const input = (mode: InputMode, it: Pick<Asked, "given" | "name" | "status" | "answer">, then?: string) =>
  asked(
    { ...it, method: "POST", path: ofWorker("/input"), keyed: true, body: { ...echo, mode } },
    (source) => source.input(id, { ...echo, mode }, options),
    then
  )

const unqueue = { method: "DELETE", path: ofWorker("/queue/${input_id}"), keyed: true } as const

const inputs: ReadonlyArray<Case> = [
  input("queue", {
    given: "a busy worker whose inputs can wait",
    name: "input that waits for a busy worker",
    ...ok(shape.queuedAck)
  }),
  input("queue", {
    given: "an idle worker whose inputs can wait",
    name: "input that could wait and need not",
    ...ok(shape.inputAck)
  }),
  input(
    "queue",
    {
      given: "a busy worker for which as many inputs wait as may",
      name: "input for which there is no place to wait",
      ...refused(409, "input_queue_full")
    },
    "input_queue_full"
  ),
  input("interrupt", {
    given: "a busy worker whose turn an input can end",
    name: "input that ends the turn of a busy worker",
    ...ok(shape.inputAck)
  }),
  asked(
    {
      ...unqueue,
      given: "a busy worker with a waiting input",
      name: "a waiting input is taken back",
      ...ok(shape.anyAck)
    },
    (it) => it.unqueue(id, shape.inputId, options)
  ),
  asked(
    {
      ...unqueue,
      given: "a busy worker whose inputs can wait",
      name: "an input that does not wait is taken back",
      path: ofWorker("/queue/input-that-is-not-there"),
      ...refused(404, "queued_input_not_found")
    },
    (it) => it.unqueue(id, "input-that-is-not-there", options),
    "queued_input_not_found"
  )
]

const asking = {
  given: "a worker that asks for permission",
  method: "POST",
  path: ofWorker("/permissions/${permission_id}"),
  keyed: true
} as const

const permissions: ReadonlyArray<Case> = [
  asked(
    {
      ...asking,
      name: "the answer to a permission request",
      body: { option_id: fromState("option_id", shape.optionId) },
      ...ok(shape.ack(words("running")))
    },
    (it) => it.permit(id, shape.permissionId, shape.optionId, options)
  ),
  asked(
    {
      ...asking,
      name: "an answer to a permission request that is none of its options",
      body: { option_id: "no-such-option" },
      ...refused(400, "invalid_request")
    },
    (it) => it.permit(id, shape.permissionId, "no-such-option", options),
    "invalid_request"
  ),
  asked(
    {
      ...asking,
      name: "the answer to a permission request that nobody made",
      path: ofWorker("/permissions/permission-that-is-not-there"),
      body: { option_id: "yes" },
      ...refused(404, "permission_not_found")
    },
    (it) => it.permit(id, "permission-that-is-not-there", "yes", options),
    "permission_not_found"
  )
]

export const steeringCases: ReadonlyArray<Case> = [...interrupts, ...inputs, ...permissions]
