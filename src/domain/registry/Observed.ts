/**
 * What the backend knows about reaching one runtime. Tests of a connection and live calls write to the same place, so
 * they cannot disagree; nothing here is ever persisted.
 */
import { Cause, DateTime, Option } from "effect"
import type * as Problem from "../Problem.ts"
import type { Fact, Facts, RuntimeStatus } from "../Runtime.ts"

/** So many failures in a row are needed before a runtime that was reachable is said not to be: one slow call is not a dead runtime. */
export const failuresUntilUnreachable = 2

/** So many failures in a row open the circuit: calls then fail at once instead of waiting for a deadline each. */
export const failuresUntilOpen = 5

/** How long an open circuit refuses calls: doubled from the first to the last, in milliseconds. */
const firstOpenMs = 1_000
const lastOpenMs = 30_000

/** A snapshot of what is known. */
export interface Observation {
  readonly facts: Facts
  readonly last_seen_at: string | undefined
  readonly circuit: "closed" | "open" | "half_open"
}

/** Problems that mean that nothing came back. */
const unreached: ReadonlySet<Problem.Code> = new Set(["runtime_unreachable", "runtime_timeout", "host_key_refused"])
/** Problems that never left this process and say nothing about the runtime. */
const ours: ReadonlySet<Problem.Code> = new Set(["secret_unresolvable", "egress_refused", "internal", "plugin_failed"])
const incompatible: ReadonlySet<Problem.Code> = new Set(["runtime_protocol_error", "runtime_incompatible"])

export class Observed {
  #facts: Facts
  #lastSeen: number | undefined
  #failures = 0
  #openUntil = 0
  #opened = 0
  #probing = false

  constructor(now: number) {
    const unknown: Fact = { value: "unknown", since: iso(now) }
    this.#facts = { reachable: unknown, authenticated: unknown, compatible: unknown }
  }

  at(now: number): Observation {
    const open = this.#openUntil > 0
    return {
      facts: this.#facts,
      last_seen_at: this.#lastSeen === undefined ? undefined : iso(this.#lastSeen),
      circuit: !open ? "closed" : now < this.#openUntil ? "open" : "half_open"
    }
  }

  /** Milliseconds to wait before a call may be made; 0 = now. While half open, one call goes through at a time. */
  admit(now: number): number {
    if (this.#openUntil === 0) return 0
    if (now < this.#openUntil) return this.#openUntil - now
    if (this.#probing) return firstOpenMs
    this.#probing = true
    return 0
  }

  succeeded(now: number): void {
    this.#seen(now)
    this.#set("authenticated", "yes", now)
    this.#set("compatible", "yes", now)
  }

  failed(problem: Problem.Problem, now: number): void {
    this.#probing = false
    const code = problem._tag
    if (ours.has(code)) {
      if (code === "secret_unresolvable") this.#set("authenticated", "unknown", now, code)
      return
    }
    if (unreached.has(code)) {
      this.#failures += 1
      if (this.#failures >= failuresUntilUnreachable || this.#facts.reachable.value !== "yes") {
        this.#set("reachable", "no", now, code)
      }
      if (this.#failures >= failuresUntilOpen) {
        this.#openUntil = now + Math.min(lastOpenMs, firstOpenMs * 2 ** this.#opened)
        this.#opened += 1
      }
      return
    }
    this.#seen(now)
    if (code === "runtime_auth_failed") this.#set("authenticated", "no", now, code)
    else if (incompatible.has(code)) this.#set("compatible", "no", now, code)
    else {
      this.#set("authenticated", "yes", now)
      this.#set("compatible", "yes", now)
    }
  }

  /** A call that was given up, or that broke off in a defect of ours, says nothing. */
  ended(cause: Cause.Cause<Problem.Problem>, now: number): void {
    const problem = Option.getOrUndefined(Cause.findErrorOption(cause))
    if (problem === undefined) this.#probing = false
    else this.failed(problem, now)
  }

  #seen(now: number): void {
    this.#probing = false
    this.#failures = 0
    this.#openUntil = 0
    this.#opened = 0
    this.#lastSeen = now
    this.#set("reachable", "yes", now)
  }

  #set(name: keyof Facts, value: Fact["value"], now: number, code?: string): void {
    const known = this.#facts[name]
    if (known.value === value && known.code === code) return
    const fact: Fact = { value, since: iso(now), ...(code === undefined ? undefined : { code }) }
    this.#facts = { ...this.#facts, [name]: fact }
  }
}

const iso = (ms: number): string => DateTime.formatIso(DateTime.makeUnsafe(ms))

/** The one word that the facts amount to, when the runtime itself says that it is running or stopped. */
export const statusOf = (facts: Facts, said: "running" | "stopped" | undefined): RuntimeStatus => {
  if (facts.reachable.value === "no") return "unreachable"
  if (facts.authenticated.value === "no") return "auth_failed"
  if (facts.compatible.value === "no") return "incompatible"
  if (facts.reachable.value === "unknown") return "unknown"
  return said ?? "unknown"
}
