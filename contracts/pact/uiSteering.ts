/** How the web page steers a turn: inputs that wait or end the turn, interrupt, permissions; each with its failures. */
import * as workers from "../../svelte-ui/src/lib/api/workers.ts"
import type { InputMode } from "../../svelte-ui/src/lib/api/wire.ts"
import type { Case, Exchange } from "./Case.ts"
import { fromState, pathOf } from "./matchers.ts"
import { asked, get, key, noWorker, ofWorker, ok, refused, workersPath } from "./uiCall.ts"
import * as shape from "./uiShapes.ts"

const { inputId, optionId, permissionId, runtimeId, workerId } = shape
const names = { runtime_id: runtimeId, worker_id: workerId, input_id: inputId, permission_id: permissionId }

const waiting = "a busy worker with a waiting input"

const interrupt = (given: string, name: string, answer: Pick<Exchange, "status" | "answer">, then?: string) =>
  asked(
    { given, name, method: "POST", path: ofWorker("/interrupt"), keyed: true, body: {}, ...answer },
    () => workers.interruptTurn(runtimeId, workerId, key),
    then
  )

const interrupts: ReadonlyArray<Case> = [
  interrupt("a busy worker", "interrupt of a busy worker", { ...ok, answer: shape.ack }),
  interrupt("an idle worker", "interrupt of a worker without a turn", { ...ok, answer: shape.ack }),
  interrupt(
    "a stopped worker",
    "interrupt of a stopped worker",
    refused(409, "worker_not_running"),
    "worker_not_running"
  ),
  asked(
    {
      ...get,
      method: "POST",
      name: "interrupt of a worker that is not there",
      path: `${workersPath}/${noWorker}/interrupt`,
      keyed: true,
      body: {},
      ...refused(404, "worker_not_found")
    },
    () => workers.interruptTurn(runtimeId, noWorker, key),
    "worker_not_found"
  )
]

const input = (
  mode: InputMode,
  given: string,
  name: string,
  answer: Pick<Exchange, "status" | "answer">,
  then?: string
) =>
  asked(
    {
      given,
      name,
      method: "POST",
      path: ofWorker("/input"),
      keyed: true,
      body: { kind: "user", content: "hello", mode },
      ...answer
    },
    () => workers.sendInput(runtimeId, workerId, "hello", mode, key),
    then
  )

const inputs: ReadonlyArray<Case> = [
  input("queue", "a busy worker", "input that waits for a busy worker", { ...ok, answer: shape.queuedAck }),
  input("interrupt", "a busy worker", "input that ends the turn of a busy worker", { ...ok, answer: shape.inputAck }),
  input(
    "queue",
    "a busy worker for which as many inputs wait as may",
    "input for which there is no place to wait",
    refused(409, "input_queue_full"),
    "input_queue_full"
  ),
  asked(
    {
      given: waiting,
      name: "a waiting input is taken back",
      method: "DELETE",
      path: pathOf(`${workersPath}/\${worker_id}/queue/\${input_id}`, names),
      keyed: true,
      ...ok,
      answer: shape.ack
    },
    () => workers.takeBackInput(runtimeId, workerId, inputId, key)
  ),
  asked(
    {
      given: waiting,
      name: "an input that does not wait is taken back",
      method: "DELETE",
      path: ofWorker("/queue/input-that-is-not-there"),
      keyed: true,
      ...refused(404, "queued_input_not_found")
    },
    () => workers.takeBackInput(runtimeId, workerId, "input-that-is-not-there", key),
    "queued_input_not_found"
  ),
  asked(
    {
      given: waiting,
      name: "a worker with a waiting input",
      method: "GET",
      path: ofWorker(),
      ...ok,
      answer: shape.waitingWorker
    },
    () => workers.getWorker(runtimeId, workerId)
  )
]

const asking = { given: "a worker that asks for permission", keyed: true } as const
/** The runtime of that worker is another one: the built-in one's workers ask for nothing. */
const ofAsking = (rest: string) => pathOf(`/api/runtimes/\${runtime_id}/workers/\${worker_id}${rest}`, names)

const permissions: ReadonlyArray<Case> = [
  asked(
    {
      ...asking,
      name: "the answer to a permission request",
      method: "POST",
      path: ofAsking("/permissions/${permission_id}"),
      body: { option_id: fromState("option_id", optionId) },
      ...ok,
      answer: shape.ack
    },
    () => workers.answerPermission(runtimeId, workerId, permissionId, optionId, key)
  ),
  asked(
    {
      ...asking,
      name: "an answer to a permission request that is none of its options",
      method: "POST",
      path: ofAsking("/permissions/${permission_id}"),
      body: { option_id: "no-such-option" },
      ...refused(400, "invalid_request")
    },
    () => workers.answerPermission(runtimeId, workerId, permissionId, "no-such-option", key),
    "invalid_request"
  ),
  asked(
    {
      ...asking,
      name: "the answer to a permission request that nobody made",
      method: "POST",
      path: ofAsking("/permissions/permission-that-is-not-there"),
      body: { option_id: optionId },
      ...refused(404, "permission_not_found")
    },
    () => workers.answerPermission(runtimeId, workerId, "permission-that-is-not-there", optionId, key),
    "permission_not_found"
  ),
  asked(
    {
      given: asking.given,
      name: "a worker that asks for permission",
      method: "GET",
      path: ofAsking(""),
      ...ok,
      answer: shape.askingWorker
    },
    () => workers.getWorker(runtimeId, workerId)
  )
]

export const uiSteeringCases: ReadonlyArray<Case> = [...interrupts, ...inputs, ...permissions]
