/** Permission requests of an agent: answered as the profile says, or by a person within the time that there is. */
import { randomUUID } from "node:crypto"
import type * as acp from "@agentclientprotocol/sdk"
import { Clock, DateTime, Deferred, Effect, Exit, Option } from "effect"
import type { AcpProfile } from "../../domain/ProfileDeclaration.ts"
import type { WorkerEvent } from "../../domain/WorkerEvent.ts"

/** Requests that wait at once; a further one is rejected. */
export const maxOpen = 16
/** Options of one request. */
const maxOptions = 16
/** Options that are looked at for these. */
const maxOptionsRead = 256
/** Of an option's id, in UTF-16 units; one with a longer id could not be named in an answer. */
const maxOptionId = 500
/** Of a title and a name, in UTF-16 units. */
const maxTitle = 500

type Outcome = acp.RequestPermissionOutcome
type Kind = acp.PermissionOption["kind"]

const cancelled: Outcome = { outcome: "cancelled" }

/** The first option of the kinds, in their order; without one the request is called off, which no agent takes for a yes. */
const choose = (options: ReadonlyArray<acp.PermissionOption>, kinds: ReadonlyArray<Kind>): Outcome => {
  const chosen = kinds.flatMap((kind) => options.filter((it) => it.kind === kind))[0]
  return chosen === undefined ? cancelled : { outcome: "selected", optionId: chosen.optionId }
}

/** Those that an answer can name, each once. */
const answerable = (options: ReadonlyArray<acp.PermissionOption>): ReadonlyArray<acp.PermissionOption> =>
  options
    .filter(
      ({ optionId }, index) =>
        optionId !== "" &&
        optionId.length <= maxOptionId &&
        options.findIndex((other) => other.optionId === optionId) === index
    )
    .slice(0, maxOptions)

const allow = (options: ReadonlyArray<acp.PermissionOption>) => choose(options, ["allow_once", "allow_always"])
const reject = (options: ReadonlyArray<acp.PermissionOption>) => choose(options, ["reject_once", "reject_always"])

interface Open {
  readonly options: ReadonlyArray<acp.PermissionOption>
  readonly answered: Deferred.Deferred<Outcome>
}

export class AcpPermissions {
  readonly #declared: AcpProfile
  readonly #open = new Map<string, Open>()

  constructor(declared: AcpProfile) {
    this.#declared = declared
  }

  get waiting(): boolean {
    return this.#open.size > 0
  }

  /** @param tell makes an event part of the turn; undefined between turns, when nobody could answer */
  readonly ask = Effect.fnUntraced(function* (
    this: AcpPermissions,
    request: acp.RequestPermissionRequest,
    tell: ((event: WorkerEvent) => void) | undefined
  ) {
    const { permissions, limits } = this.#declared
    const options = answerable(request.options.slice(0, maxOptionsRead))
    if (permissions === "allow") return allow(options)
    if (permissions === "reject" || tell === undefined || this.#open.size >= maxOpen) return reject(options)
    // Never given twice, also by the agent's next process: an answer to an old request must not meet a new one.
    const id = randomUUID()
    const answered = Deferred.makeUnsafe<Outcome>()
    const expires = (yield* Clock.currentTimeMillis) + limits.permission_ms
    this.#open.set(id, { options, answered })
    tell({
      event: "permission_request",
      data: {
        id,
        tool_call_id: request.toolCall.toolCallId.slice(0, maxTitle),
        title: (request.toolCall.title ?? "").slice(0, maxTitle),
        options: options.map(({ kind, name, optionId }) => ({ id: optionId, kind, name: name.slice(0, maxTitle) })),
        expires_at: DateTime.formatIso(DateTime.makeUnsafe(expires))
      }
    })
    const answer = yield* Effect.timeoutOption(Deferred.await(answered), limits.permission_ms)
    this.#open.delete(id)
    const outcome = Option.getOrElse(answer, () => reject(options))
    tell({
      event: "permission_resolved",
      data: {
        id,
        outcome: Option.isNone(answer) ? "expired" : outcome.outcome,
        ...(outcome.outcome === "selected" ? { option_id: outcome.optionId } : undefined)
      }
    })
    return outcome
  }).bind(this)

  /** False when nothing with this id waits, or it has no such option. */
  answer(id: string, option_id: string): boolean {
    const open = this.#open.get(id)
    if (open?.options.some((it) => it.optionId === option_id) !== true) return false
    this.#open.delete(id)
    return Deferred.doneUnsafe(open.answered, Exit.succeed<Outcome>({ outcome: "selected", optionId: option_id }))
  }

  /** The turn is over for all of them. */
  cancel(): void {
    for (const { answered } of this.#open.values()) Deferred.doneUnsafe(answered, Exit.succeed<Outcome>(cancelled))
    this.#open.clear()
  }
}
