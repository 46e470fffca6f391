/** A store around another: fails, waits or breaks at the commit that a test chooses, and counts what happened. */
import { Effect } from "effect"
import type { StoreProblem } from "../../src/domain/WorkerStore.ts"
import { type Commit, WorkerStore } from "../../src/domain/WorkerStore.ts"

type Step = Effect.Effect<void, StoreProblem>

export class FaultyStore {
  readonly commits: Array<Commit> = []
  /** Runs before the commit reaches the store; failing keeps it from it. */
  before: (commit: Commit) => Step = () => Effect.void
  /** Runs when the store has taken the commit and the engine does not know it yet. */
  after: (commit: Commit) => Effect.Effect<void> = () => Effect.void
  /** Runs before every read, and before a bundle or a removal reaches the store. */
  onRead: Step = Effect.void
  /** Runs when a page of a transcript was read and the engine does not have it yet. */
  afterRead: Effect.Effect<void> = Effect.void
  /** Runs when the store has taken a bundle. */
  afterPut: Effect.Effect<void> = Effect.void
  readonly #inner: WorkerStore["Service"]

  constructor(inner: WorkerStore["Service"]) {
    this.#inner = inner
  }

  get service(): WorkerStore["Service"] {
    const inner = this.#inner
    return WorkerStore.of({
      ...inner,
      commit: (commit) =>
        Effect.suspend(() => this.before(commit)).pipe(
          Effect.andThen(inner.commit(commit)),
          Effect.tap(() => Effect.sync(() => this.commits.push(commit))),
          Effect.andThen(Effect.suspend(() => this.after(commit)))
        ),
      transcript: (id, start, limit, maxBytes) =>
        Effect.suspend(() => this.onRead).pipe(
          Effect.andThen(inner.transcript(id, start, limit, maxBytes)),
          Effect.tap(() => Effect.suspend(() => this.afterRead))
        ),
      events: (id, after, limit) =>
        Effect.andThen(
          Effect.suspend(() => this.onRead),
          inner.events(id, after, limit)
        ),
      putBundle: (bundle) =>
        Effect.suspend(() => this.onRead).pipe(
          Effect.andThen(inner.putBundle(bundle)),
          Effect.andThen(Effect.suspend(() => this.afterPut))
        ),
      remove: (id) =>
        Effect.andThen(
          Effect.suspend(() => this.onRead),
          inner.remove(id)
        )
    })
  }
}
