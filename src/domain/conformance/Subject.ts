/** What the conformance kit is let loose on: a way to reach one runtime, and what the kit may know and do about it. */
import type { Effect, Redacted, Scope } from "effect"
import type { WorkerId } from "../Identifiers.ts"
import type { Problem } from "../Problem.ts"
import type { RuntimeSource } from "../RuntimeSource.ts"
import type { CreateWorker } from "../Worker.ts"

export type Source = RuntimeSource["Service"]

/** Opens a connection for as long as the scope lives. */
export type Connect = Effect.Effect<Source, Problem, Scope.Scope>

/** How the source proves who it is. A source that takes a token must also bring a wrong one. */
export type Credential =
  | { readonly kind: "none"; readonly reason: string }
  | {
      readonly kind: "token"
      /** The same runtime with a token that it must refuse. That token belongs into `hidden`, too. */
      readonly bad: Connect
    }

/** A text that nobody may ever see in an answer, a frame or a problem: a token, an address, a folder. */
export interface Hidden {
  /** What it is called in a report. */
  readonly name: string
  readonly text: Redacted.Redacted<string>
}

export interface Subject {
  readonly name: string
  /** Every call reaches the same runtime. Workers of others may live there; the kit only looks at its own. */
  readonly connect: Connect
  readonly credential: Credential
  readonly hidden: ReadonlyArray<Hidden>
  /**
   * What makes a worker that takes user text, works on it for a moment and is idle again, as it is for `builtin:echo`.
   * Absent = the runtime's default profile does.
   */
  readonly create?: CreateWorker
  /** User text that keeps such a worker busy for a minute unless it is ended. */
  readonly hold?: string
  /** User text that makes such a worker ask for a permission, and wait until somebody answers. */
  readonly ask?: string
  /** A source of the same kind whose runtime is not there. */
  readonly unreachable?: Connect
  /** Breaks every open connection to the runtime, which lives on. */
  readonly cut?: Effect.Effect<void>
  /** Event streams that the source holds open on its runtime. */
  readonly openStreams?: Effect.Effect<number>
  /** Makes the worker's earliest resume points expire. */
  readonly expire?: (source: Source, worker_id: WorkerId) => Effect.Effect<void, Problem>
  /** Ends the runtime as it would end in an update and starts it over what it has stored. */
  readonly restart?: Effect.Effect<void, Problem>
  /** Cases that are left out, by id, each with the reason. The case of the wrong token cannot be. */
  readonly exemptions?: Readonly<Record<string, string>>
}
