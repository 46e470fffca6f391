/** What is asked of a remote runtime's workers: only what it declares, and with a key only where it keeps receipts. */
import { Effect, Option } from "effect"
import * as Mapping from "../../domain/api/RuntimeMapping.ts"
import * as Wire from "../../domain/api/RuntimeWire.ts"
import type { RuntimeId, WorkerId } from "../../domain/Identifiers.ts"
import * as Problem from "../../domain/Problem.ts"
import { capability, type RuntimeDescription } from "../../domain/Runtime.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"
import type { Ack, CommandOptions, InputAck, InputMode, InputRequest, Replayable } from "../../domain/Worker.ts"
import type * as RemoteCall from "./RemoteCall.ts"
import type { RemoteIdentity } from "./RemoteIdentity.ts"
import * as RemotePath from "./RemotePath.ts"

/** What a worker that was busy is worth waiting for, in milliseconds, where the runtime does not say. */
const busyRetryMs = 1_000

/** The runtime that the commands go to. */
export interface Runtime {
  /** The backend's alias. */
  readonly alias: RuntimeId
  readonly identity: RemoteIdentity
  readonly send: <A>(call: RemoteCall.Call<A>) => Effect.Effect<RemoteCall.Answer<A>, Problem.Problem>
  readonly worker: (worker_id: WorkerId) => Effect.Effect<Wire.Worker, Problem.Problem>
  /** Fails unless an answer is about the worker that was asked for. */
  readonly about: (
    worker_id: WorkerId,
    ref: { readonly runtime_id: string; readonly worker_id: string }
  ) => Effect.Effect<void, Problem.Problem>
}

/** A runtime of field v1 declares nothing. */
export const isCurrent = (description: RuntimeDescription): boolean => description.capabilities !== undefined

const hasMode = ({ capabilities }: RuntimeDescription, mode: InputMode): boolean => {
  const modes = capabilities?.[capability.input]?.modes
  return Array.isArray(modes) && modes.includes(mode)
}

/** A runtime is never sent what it does not declare: the command is refused before it leaves. */
const needs = (declared: boolean, name: string) =>
  declared ? Effect.void : Effect.fail(RuntimeFault.problem("unsupported", { capability: name }))

const declares = ({ capabilities }: RuntimeDescription, name: string) => needs(capabilities?.[name] !== undefined, name)

const takes = (description: RuntimeDescription, mode: InputMode) =>
  needs(hasMode(description, mode), `${capability.input}.${mode}`)

interface Command<A> extends Pick<RemoteCall.Call<A>, "method" | "path" | "answer"> {
  readonly body?: unknown
}

/** Sends a command, with its key where the runtime keeps receipts. */
export const command = <A>(
  { send }: Pick<Runtime, "send">,
  { body, ...asked }: Command<A>,
  { idempotency_key }: CommandOptions,
  { capabilities }: RuntimeDescription
) => {
  const keyed = idempotency_key !== undefined && capabilities?.[capability.idempotency] !== undefined
  return send({
    ...asked,
    ...(body === undefined ? undefined : { body }),
    ...(keyed ? { idempotency_key } : undefined)
  })
}

/** Field v1 has one code for a worker that is busy and one that refused: the worker itself knows which it was. */
const tellBusy = Effect.fnUntraced(function* (runtime: Runtime, worker_id: WorkerId, rejected: Problem.Problem) {
  const found = yield* Effect.option(runtime.worker(worker_id))
  const execution = Option.isSome(found) ? found.value.execution : undefined
  const busy = execution?.run_state === "busy" || execution?.last_result?.outcome === "busy"
  return busy ? Problem.make("worker_busy", undefined, { retry_after_ms: busyRetryMs }) : rejected
})

export const make = (runtime: Runtime) => {
  const { about, alias, identity } = runtime

  const input = Effect.fnUntraced(function* (
    worker_id: WorkerId,
    { content, kind, mode = "reject" }: InputRequest,
    options: CommandOptions
  ): Effect.fn.Return<Replayable<InputAck>, Problem.Problem> {
    const description = yield* identity.vouched
    if (mode !== "reject") yield* takes(description, mode)
    const path = RemotePath.ofWorker(worker_id, "/input")
    // Runtimes that know no modes refuse, and so this one is not told to.
    const body = mode === "reject" ? { kind, content } : { kind, content, mode }
    const sent = command(runtime, { method: "POST", path, body, answer: Wire.InputAckAnswer }, options, description)
    const { replayed, value } = yield* isCurrent(description)
      ? sent
      : Effect.catchTag(sent, "worker_execution_rejected", (rejected) =>
          Effect.flatMap(tellBusy(runtime, worker_id, rejected), Effect.fail)
        )
    yield* about(worker_id, value.ack.worker_ref)
    return { answer: Mapping.fromInputAck(alias, value.ack), replayed }
  })

  /** One command that is answered with an ack. */
  const acked = Effect.fnUntraced(function* (
    worker_id: WorkerId,
    asked: { readonly method: "POST" | "DELETE"; readonly rest: string; readonly body?: unknown },
    options: CommandOptions,
    permitted: (description: RuntimeDescription) => Effect.Effect<void, Problem.Problem> = () => Effect.void
  ): Effect.fn.Return<Replayable<Ack>, Problem.Problem> {
    const description = yield* identity.vouched
    yield* permitted(description)
    const { rest, ...sent } = asked
    const path = RemotePath.ofWorker(worker_id, rest)
    const { replayed, value } = yield* command(runtime, { ...sent, path, answer: Wire.AckAnswer }, options, description)
    yield* about(worker_id, value.ack.worker_ref)
    return { answer: Mapping.fromAck(alias, value.ack), replayed }
  })

  const ending =
    (verb: "stop" | "cancel" | "interrupt", permitted?: Parameters<typeof acked>[3]) =>
    (worker_id: WorkerId, reason: string | undefined, options: CommandOptions) => {
      const body = reason === undefined ? undefined : { reason }
      return acked(worker_id, { method: "POST", rest: `/${verb}`, body }, options, permitted)
    }

  return {
    input,
    // Every runtime ends workers; what is newer has to be declared.
    stop: ending("stop"),
    cancel: ending("cancel"),
    interrupt: ending("interrupt", (description) => declares(description, capability.interrupt)),
    permit: (worker_id: WorkerId, permission_id: string, option_id: string, options: CommandOptions) =>
      acked(
        worker_id,
        { method: "POST", rest: `/permissions/${RemotePath.encoded(permission_id)}`, body: { option_id } },
        options,
        (description) => declares(description, capability.permissions)
      ).pipe(
        // The body has no other member, and what a runtime says about it in detail is not passed on.
        Effect.catchTag("invalid_request", () =>
          Problem.fail("invalid_request", "The permission request has no such option.", {
            errors: [{ pointer: "/option_id", code: "unknown" }]
          })
        )
      ),
    unqueue: (worker_id: WorkerId, input_id: string, options: CommandOptions) =>
      acked(worker_id, { method: "DELETE", rest: `/queue/${RemotePath.encoded(input_id)}` }, options, (description) =>
        takes(description, "queue")
      )
  }
}
