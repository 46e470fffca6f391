/** One thing that every source owes its callers: which group and tier it belongs to, what it needs, and the proof. */
import type { Effect, Scope } from "effect"
import type { Bench } from "./Bench.ts"
import type { Failure } from "./Expect.ts"
import type { Subject } from "./Subject.ts"

export const groups = [
  "identity",
  "honesty",
  "operations",
  "lists",
  "errors",
  "idempotency",
  "transcript",
  "events",
  "resume",
  "slow",
  "interruption",
  "steering",
  "bundles",
  "restart",
  "egress",
  "secrets"
] as const
export type Group = (typeof groups)[number]

/** Each includes the ones before it. */
export const tiers = ["core", "streaming", "durable"] as const
export type Tier = (typeof tiers)[number]

/** A capability of the runtime, `events` for a stream over either wire, or a mode of `workers.input`. */
export type Need =
  | "workers.create"
  | "workers.input"
  | "workers.input.queue"
  | "workers.input.interrupt"
  | "workers.interrupt"
  | "workers.permissions"
  | "workers.stop"
  | "workers.cancel"
  | "workers.transcript"
  | "events"
  | "idempotency"
  | "config_bundles"

/** Something that only the subject can bring. */
export type Hook = "credential" | "hold" | "ask" | "unreachable" | "cut" | "openStreams" | "expire" | "restart"

export interface Case {
  /** `<group>.<words>`; never changes its meaning. */
  readonly id: `${Group}.${string}`
  /** The tier that it counts for; undefined = none, but its failure still denies every tier. */
  readonly tier: Tier | undefined
  readonly needs: ReadonlyArray<Need>
  readonly hook?: Hook
  /** What must hold, in one sentence. */
  readonly sentence: string
  readonly run: (bench: Bench) => Effect.Effect<void, Failure, Scope.Scope>
}

export const groupOf = ({ id }: Pick<Case, "id">): Group => id.slice(0, id.indexOf(".")) as Group

/** Why a subject has nothing to show for a hook; undefined when it has. */
export const lacks = (hook: Hook, subject: Subject): string | undefined => {
  switch (hook) {
    case "credential":
      return subject.credential.kind === "none" ? subject.credential.reason : undefined
    case "hold":
      return subject.hold === undefined ? "No input is known that keeps a worker busy." : undefined
    case "ask":
      return subject.ask === undefined ? "No input is known that makes a worker ask for a permission." : undefined
    case "unreachable":
      return subject.unreachable === undefined ? "A runtime that is not there was not given." : undefined
    case "cut":
      return subject.cut === undefined ? "No way to break its connections was given." : undefined
    case "openStreams":
      return subject.openStreams === undefined ? "Its open streams cannot be counted." : undefined
    case "expire":
      return subject.expire === undefined ? "No way to make resume points expire was given." : undefined
    case "restart":
      return subject.restart === undefined ? "No way to restart the runtime was given." : undefined
  }
}
