/** What a person does to a turn that runs: interrupt it, answer what it asks, take back what waits for it. */
import { IntentKey } from "#lib/api/key.ts"
import type { Outcome, Problem } from "#lib/api/problem.ts"
import { answerPermission, interruptTurn, takeBackInput } from "#lib/api/workers.ts"
import type { Permission } from "./asideList.ts"

/** The answer to a request as far as this page knows; the stream tells the rest. */
export type Answering =
  | { readonly kind: "sending" | "sent"; readonly option: string }
  | { readonly kind: "failed"; readonly option: string; readonly problem: Problem }

export class Steering {
  interrupting = $state.raw(false)
  interruptProblem = $state.raw<Problem>()
  /** By the key of the request's row: a request's own id comes again after its agent was started anew. */
  answers = $state.raw<ReadonlyMap<string, Answering>>(new Map())
  /** The waiting input that is being taken back. */
  takingBack = $state.raw<string>()
  takeBackProblem = $state.raw<{ readonly id: string; readonly problem: Problem }>()

  readonly #runtimeId: string
  readonly #workerId: string
  readonly #keys = new Map<string, IntentKey>()
  /** Inputs of this page that wait, in full: lists and snapshots hold only their beginning. */
  readonly #sent = new Map<string, string>()

  constructor(runtimeId: string, workerId: string) {
    this.#runtimeId = runtimeId
    this.#workerId = workerId
  }

  /** @param turn names the turn, so that a repeated call never ends a later one */
  interrupt = async (turn: number): Promise<boolean> => {
    if (this.interrupting) return false
    this.interrupting = true
    this.interruptProblem = undefined
    const outcome = await this.#once("interrupt", turn, (key) => interruptTurn(this.#runtimeId, this.#workerId, key))
    this.interrupting = false
    if (!outcome.ok) this.interruptProblem = outcome.problem
    return outcome.ok
  }

  /** The turn that it was about is over. */
  forgetInterrupt = (): void => {
    this.interruptProblem = undefined
  }

  answer = async (asked: Permission, option: string): Promise<boolean> => {
    const before = this.answers.get(asked.key)
    if (before !== undefined && before.kind !== "failed") return false
    this.#note(asked.key, { kind: "sending", option })
    const outcome = await this.#once(asked.key, option, (key) =>
      answerPermission(this.#runtimeId, this.#workerId, asked.request.id, option, key)
    )
    this.#note(asked.key, outcome.ok ? { kind: "sent", option } : { kind: "failed", option, problem: outcome.problem })
    return outcome.ok
  }

  /** Remembers what was sent until it has left the queue. */
  remember = (inputId: string, content: string): void => {
    this.#sent.set(inputId, content)
  }

  /** The whole text of a waiting input, when it can be known. */
  wholeOf = (inputId: string, shown: string): string | undefined =>
    this.#sent.get(inputId) ?? (shown.length < previewLength ? shown : undefined)

  takeBack = async (inputId: string): Promise<boolean> => {
    if (this.takingBack !== undefined) return false
    this.takingBack = inputId
    this.takeBackProblem = undefined
    const outcome = await this.#once(`take back ${inputId}`, inputId, (key) =>
      takeBackInput(this.#runtimeId, this.#workerId, inputId, key)
    )
    this.takingBack = undefined
    if (!outcome.ok) this.takeBackProblem = { id: inputId, problem: outcome.problem }
    return outcome.ok
  }

  #note(row: string, answering: Answering): void {
    this.answers = new Map(this.answers).set(row, answering)
  }

  async #once<A>(name: string, content: unknown, call: (key: string) => Promise<Outcome<A>>): Promise<Outcome<A>> {
    const key = this.#keys.get(name) ?? new IntentKey()
    this.#keys.set(name, key)
    const outcome = await call(key.for(content))
    key.settle(outcome)
    return outcome
  }
}

/** Shorter ones were not cut; see the wire. */
const previewLength = 200
