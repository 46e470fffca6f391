/** What a case works with: a connection of its own, workers that end with the case, and streams that it reads at will. */
import { Cause, Effect, Exit, Option, Queue, Random, type Scope, Stream } from "effect"
import { IdempotencyKey, WorkerId } from "../Identifiers.ts"
import type { Problem } from "../Problem.ts"
import type { RuntimeDescription } from "../Runtime.ts"
import type { SourceFrame } from "../RuntimeSource.ts"
import type { CreateWorker, Worker, WorkerInput } from "../Worker.ts"
import { broken, type Failure } from "./Expect.ts"
import type { Source, Subject } from "./Subject.ts"

/** A stream that is being read. */
export interface Watch {
  /** Everything that has been taken so far. */
  readonly frames: ReadonlyArray<SourceFrame>
  /** Undefined once the stream is over. */
  readonly next: Effect.Effect<SourceFrame | undefined, Problem>
  /** Takes frames up to one that is wanted. A stream that ends before it breaks its promise. */
  readonly until: (wanted: (frame: SourceFrame) => boolean, what: string) => Effect.Effect<SourceFrame, Failure>
  /** Takes what is left. */
  readonly rest: Effect.Effect<ReadonlyArray<SourceFrame>, Problem>
}

export interface Bench {
  readonly subject: Subject
  readonly source: Source
  /** What the runtime said about itself when the run began. */
  readonly described: RuntimeDescription
  /** A word that was never used before. */
  readonly word: Effect.Effect<string>
  /** A worker that ends with the case. */
  readonly worker: (request?: CreateWorker) => Effect.Effect<Worker, Problem, Scope.Scope>
  /** Reads a stream from now on; `slow` takes nothing before it is asked for. */
  readonly watch: (worker_id: WorkerId, cursor?: string, pace?: "slow") => Effect.Effect<Watch, Problem, Scope.Scope>
  /** Says something to an idle worker and waits until it is idle again. */
  readonly talk: (worker_id: WorkerId, input: WorkerInput) => Effect.Effect<void, Failure, Scope.Scope>
}

export const user = (content: string): WorkerInput => ({ kind: "user", content })
export const system = (content: string): WorkerInput => ({ kind: "system", content })
export const key = (text: string) => ({ idempotency_key: IdempotencyKey.make(text) })

/** Nobody has this worker. */
export const nobody = WorkerId.make("nobody-has-this-worker")

/** Looks whether a worker is idle are so many milliseconds apart: a first short wait, doubled up to the longest. */
const firstLookMs = 1
const longestLookMs = 16

/** Cleaning up after a case waits no longer than this for a runtime, in milliseconds. */
const farewellMs = 2_000

const watch = Effect.fnUntraced(function* (
  source: Source,
  worker_id: WorkerId,
  cursor: string | undefined,
  pace: "slow" | undefined
) {
  const queue = yield* Queue.make<SourceFrame, Problem | Cause.Done>(pace === "slow" ? { capacity: 1 } : undefined)
  yield* source
    .events(worker_id, cursor)
    .pipe(pace === "slow" ? Stream.rechunk(1) : (stream) => stream, Stream.runIntoQueue(queue), Effect.forkScoped)
  const frames: Array<SourceFrame> = []
  const next: Watch["next"] = Effect.flatMap(Effect.exit(Queue.take(queue)), (exit) => {
    if (Exit.isSuccess(exit)) {
      frames.push(exit.value)
      return Effect.succeed(exit.value)
    }
    const failure = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
    if (failure === undefined) return Effect.failCause(exit.cause as Cause.Cause<never>)
    return Cause.isDone(failure) ? Effect.succeed(undefined) : Effect.fail(failure)
  })
  const until: Watch["until"] = Effect.fnUntraced(function* (wanted, what) {
    for (;;) {
      const frame = yield* next
      if (frame === undefined) return yield* broken(`The stream was over before ${what}`)
      if (wanted(frame)) return frame
    }
  })
  const rest = Effect.gen(function* () {
    while ((yield* next) !== undefined);
    return frames
  })
  return { frames, next, until, rest } satisfies Watch
})

/** Waits until the worker has done its work. */
export const idle = Effect.fnUntraced(function* (source: Source, worker_id: WorkerId) {
  for (let wait = firstLookMs; ; wait = Math.min(longestLookMs, wait * 2)) {
    const { state } = yield* source.get(worker_id)
    if (state === "idle") return
    if (state !== "busy") return yield* broken(`The worker turned ${state} over an input`)
    yield* Effect.sleep(wait)
  }
})

/** Waits until the worker has done its work, and all that waited for it. */
export const settled = Effect.fnUntraced(function* (source: Source, worker_id: WorkerId) {
  for (let wait = firstLookMs; ; wait = Math.min(longestLookMs, wait * 2)) {
    const { queued_inputs, state } = yield* source.get(worker_id)
    if (state !== "busy" && state !== "idle") return yield* broken(`The worker turned ${state} over what waited for it`)
    if (state === "idle" && queued_inputs === undefined) return
    yield* Effect.sleep(wait)
  }
})

/** A worker whose turn lasts until somebody ends it. */
export const held = Effect.fnUntraced(function* ({ source, subject, worker }: Bench) {
  const { worker_id } = yield* worker()
  yield* source.input(worker_id, user(subject.hold!), {})
  return worker_id
})

/** What was said to the worker, in order. */
export const said = (source: Source, worker_id: WorkerId) =>
  Effect.map(source.transcript(worker_id, {}), ({ items }) =>
    items.filter(({ role }) => role === "user").map(({ content }) => content)
  )

export const make = (subject: Subject, source: Source, described: RuntimeDescription): Bench => ({
  subject,
  source,
  described,
  word: Effect.map(Effect.all([Random.nextInt, Random.nextInt]), (numbers) =>
    numbers.map((it) => (it >>> 0).toString(36)).join("")
  ),
  worker: (request = {}) =>
    Effect.acquireRelease(
      Effect.map(source.create({ ...subject.create, ...request }, {}), ({ answer }) => answer),
      ({ worker_id }) => source.stop(worker_id, undefined, {}).pipe(Effect.timeout(farewellMs), Effect.ignoreCause),
      { interruptible: true }
    ),
  watch: (worker_id, cursor, pace) => watch(source, worker_id, cursor, pace),
  talk: Effect.fnUntraced(function* (worker_id, input) {
    yield* source.input(worker_id, input, {})
    yield* idle(source, worker_id)
  })
})
