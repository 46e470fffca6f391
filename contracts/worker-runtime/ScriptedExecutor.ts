/** An executor that does what a test tells it: each turn waits for the test to say, finish, fail or break it. */
import { Cause, Effect, Exit, Queue, Stream } from "effect"
import type * as Problem from "../../src/domain/Problem.ts"
import type { Profile } from "../../src/domain/Profile.ts"
import type { WorkerInput } from "../../src/domain/Worker.ts"
import { event, type WorkerEvent } from "../../src/domain/WorkerEvent.ts"
import { type RunFailure, type SpawnRequest, WorkerExecutor } from "../../src/domain/WorkerExecutor.ts"

type Spawning = Effect.Effect<void, Problem.Problem<"execution_backend_unavailable" | "worker_execution_rejected">>
type Accepting = Effect.Effect<
  void,
  Problem.Problem<"worker_busy" | "worker_execution_rejected" | "execution_backend_unavailable">
>

/** One turn as the test drives it. */
export interface Turn {
  readonly worker_id: string
  readonly input: WorkerInput
  readonly says: (...events: ReadonlyArray<WorkerEvent>) => Effect.Effect<void>
  readonly finishes: Effect.Effect<void>
  readonly fails: (failure: RunFailure) => Effect.Effect<void>
  readonly breaks: (defect: unknown) => Effect.Effect<void>
  readonly interruptsItself: Effect.Effect<void>
  /** Set once the engine runs the turn. */
  started: boolean
  /** How the stream ended; undefined while it has not. */
  exit: Exit.Exit<unknown, unknown> | undefined
}

export const profiles: ReadonlyArray<Profile> = [
  { selector: { kind: "builtin", value: "first" }, label: "First", description: "The default." },
  { selector: { kind: "named", value: "second" }, label: "Second", description: "Another." }
]

export const said = (text: string): WorkerEvent => event({ event: "text_done", data: { text } })
export const delta = (text: string): WorkerEvent => event({ event: "text_delta", data: { text } })

export class ScriptedExecutor {
  readonly spawned: Array<SpawnRequest> = []
  /** Sessions that have ended, by worker. */
  readonly closed: Array<string> = []
  readonly accepted: Array<WorkerInput> = []
  readonly turns: Array<Turn> = []
  /** Runs inside every spawn and every accept. */
  onSpawn: (request: SpawnRequest) => Spawning = () => Effect.void
  onAccept: (input: WorkerInput) => Accepting = () => Effect.void
  /** Runs when a session ends. */
  onClose: Effect.Effect<void> = Effect.void
  /** Runs when a turn is called off. */
  onCallOff: Effect.Effect<void> = Effect.void
  /** What a session says to an answer to a permission request. */
  onPermit: (permission_id: string, option_id: string) => Effect.Effect<boolean> = () => Effect.succeed(true)
  /** Answers to permission requests that sessions were given. */
  readonly permitted: Array<readonly [permission_id: string, option_id: string]> = []
  profiles = profiles
  declarationKinds: ReadonlySet<string> = new Set(["tool"])

  /** The newest turn. */
  get turn(): Turn {
    return this.turns.at(-1)!
  }

  readonly #ends = new Map<string, Queue.Queue<RunFailure>>()

  /** The session of the worker ends by itself. */
  endsItself(worker_id: string, failure: RunFailure): Effect.Effect<void> {
    return Effect.asVoid(Queue.offer(this.#ends.get(worker_id)!, failure))
  }

  get service(): WorkerExecutor["Service"] {
    return WorkerExecutor.of({
      profiles: this.profiles,
      declarationKinds: this.declarationKinds,
      spawn: (request) =>
        Effect.gen({ self: this }, function* () {
          this.spawned.push(request)
          // Two resources, as a real session has them: the second to be released must not be forgotten over the first.
          yield* Effect.addFinalizer(() => Effect.sync(() => this.closed.push(request.worker_id)))
          yield* Effect.addFinalizer(() => Effect.suspend(() => this.onClose))
          yield* this.onSpawn(request)
          const ends = yield* Queue.unbounded<RunFailure>()
          this.#ends.set(request.worker_id, ends)
          return {
            ended: Queue.take(ends),
            permit: (permission_id, option_id) =>
              Effect.suspend(() => {
                this.permitted.push([permission_id, option_id])
                return this.onPermit(permission_id, option_id)
              }),
            backend_id: `session-of-${request.worker_id}`,
            accept: (input) =>
              Effect.gen({ self: this }, function* () {
                yield* this.onAccept(input)
                this.accepted.push(input)
                return yield* this.#turn(request.worker_id, input)
              })
          }
        })
    })
  }

  readonly #turn = Effect.fnUntraced(function* (this: ScriptedExecutor, worker_id: string, input: WorkerInput) {
    const queue = yield* Queue.make<WorkerEvent, RunFailure | Cause.Done>()
    const turn: Turn = {
      worker_id,
      input,
      says: (...events) => Queue.offerAll(queue, events),
      finishes: Queue.end(queue),
      fails: (failure) => Queue.fail(queue, failure),
      breaks: (defect) => Queue.failCause(queue, Cause.die(defect)),
      interruptsItself: Queue.failCause(queue, Cause.interrupt()),
      started: false,
      exit: undefined
    }
    this.turns.push(turn)
    const stream: Stream.Stream<WorkerEvent, RunFailure> = Stream.suspend(() => {
      turn.started = true
      return Stream.fromQueue(queue)
    })
    return Stream.onExit(stream, (exit) =>
      Effect.suspend(() => {
        turn.exit = exit
        return Exit.hasInterrupts(exit) ? this.onCallOff : Effect.void
      })
    )
  })
}
