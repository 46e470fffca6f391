/** A runtime with one worker whose event stream a test cuts, tampers with and restarts; the truth is kept beside it. */
import { Cause, Deferred, Effect, Option, Queue, Stream } from "effect"
import { EventLog, type LogEntry } from "../../src/domain/EventLog.ts"
import { RuntimeId, WorkerId } from "../../src/domain/Identifiers.ts"
import * as Problem from "../../src/domain/Problem.ts"
import * as RuntimeSource from "../../src/domain/RuntimeSource.ts"
import * as Snapshot from "../../src/domain/Snapshot.ts"
import { event, type WorkerEvent } from "../../src/domain/WorkerEvent.ts"

export const runtime_id = RuntimeId.make("rt-hub")
export const worker_id = WorkerId.make("worker-1")

type Frame = RuntimeSource.SourceFrame
type Connection = Queue.Queue<Frame, Problem.Problem | Cause.Done>

const unscripted = Problem.fail("operation_unsupported")

export class ScriptedRuntime {
  log: EventLog
  /** Connections ever opened, and open now. */
  opened = 0
  readonly connections = new Set<Connection>()
  /** The cursor of every connection, in order. */
  readonly cursors: Array<string | undefined> = []
  /** What a new connection meets instead of the stream. */
  refusal: Effect.Effect<never, Problem.Problem> | undefined
  /** What becomes of a frame on its way. */
  tamper: (frame: Frame) => ReadonlyArray<Frame> = (frame) => [frame]
  #arrivals: Deferred.Deferred<void> | undefined
  #epochs = 0

  constructor() {
    this.log = new EventLog({ epoch: "e0" })
  }

  /** One source object; another call gives another one over the same worker. */
  source(id: RuntimeId = runtime_id): RuntimeSource.RuntimeSource["Service"] {
    return RuntimeSource.make(
      { id, kind: "scripted", display_name: "Scripted", built_in: false },
      {
        describe: unscripted,
        list: () => unscripted,
        get: () => unscripted,
        create: () => unscripted,
        input: () => unscripted,
        stop: () => unscripted,
        cancel: () => unscripted,
        transcript: () => unscripted,
        bundles: unscripted,
        putBundle: () => unscripted,
        bundleAvailability: () => unscripted,
        events: (_worker, cursor) => this.#events(cursor)
      }
    )
  }

  say(...events: ReadonlyArray<WorkerEvent>): void {
    for (const said of events) this.log.append(said)
  }

  text(text: string): void {
    this.say(event({ event: "text_done", data: { text } }))
  }

  delta(text: string): void {
    this.say(event({ event: "text_delta", data: { text } }))
  }

  user(text: string): void {
    this.say(event({ event: "user_message", data: { segments: [{ kind: "text", content: text }] } }))
  }

  state(state: string): void {
    this.say(event({ event: "status", data: { status: state === "busy" ? "running" : "idle", state } }))
  }

  /** Ends every connection, after what was already sent. */
  cut(problem: Problem.Problem = Problem.make("runtime_unreachable")): void {
    for (const connection of this.connections) Queue.failCauseUnsafe(connection, Cause.fail(problem))
    this.connections.clear()
  }

  /** As a runtime that lost its store: another epoch, and numbers from 1. */
  restart(state: Snapshot.Snapshot = Snapshot.empty): void {
    this.cut()
    this.#epochs += 1
    this.log = new EventLog({ epoch: `e${this.#epochs}`, snapshot: state, head: 0 })
  }

  /** Completes when a connection is open. */
  readonly connected: Effect.Effect<void> = Effect.suspend(() => {
    if (this.connections.size > 0) return Effect.void
    this.#arrivals ??= Deferred.makeUnsafe()
    return Deferred.await(this.#arrivals)
  })

  #events(text: string | undefined): Stream.Stream<Frame, Problem.Problem> {
    const open = Effect.gen({ self: this }, function* () {
      this.opened += 1
      this.cursors.push(text)
      if (this.refusal !== undefined) return yield* this.refusal
      const cursor = EventLog.parseCursor(text)
      if (Option.isNone(cursor)) return yield* Problem.make("invalid_cursor")
      const queue: Connection = yield* Queue.make<Frame, Problem.Problem | Cause.Done>()
      const offer = (frame: Frame) => {
        for (const made of this.tamper(frame)) Queue.offerUnsafe(queue, made)
      }
      const frameOf = (entry: LogEntry): Frame => ({
        kind: "event",
        cursor: entry.cursor,
        event_id: entry.event_id,
        durable: entry.durable,
        ...(entry.durable ? { seq: entry.seq } : undefined),
        event: entry.event
      })
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const attached = this.log.attach(cursor.value, (entry) => offer(frameOf(entry)))
          if (attached.resync !== undefined) offer({ kind: "resync", reason: attached.resync })
          offer({ kind: "snapshot", cursor: attached.cursor, snapshot: attached.snapshot })
          for (const entry of attached.replay) offer(frameOf(entry))
          this.connections.add(queue)
          if (this.#arrivals !== undefined) Deferred.doneUnsafe(this.#arrivals, Effect.void)
          this.#arrivals = undefined
          return attached
        }),
        ({ detach }) =>
          Effect.sync(() => {
            detach()
            this.connections.delete(queue)
          })
      )
      return Stream.fromQueue(queue)
    })
    return Stream.unwrap(open)
  }
}
