/**
 * The dialect of field v1: stub snapshots, opaque cursors, no resuming. Subscribes first, then composes the snapshot over
 * REST, and lets through exactly the events that it does not hold yet.
 */
import { Effect, Option, Queue, Stream } from "effect"
import type * as Problem from "../../domain/Problem.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"
import type { SourceFrame } from "../../domain/RuntimeSource.ts"
import { spoken } from "../../domain/Snapshot.ts"
import type { TranscriptItem } from "../../domain/Transcript.ts"
import { isTerminal, type Worker } from "../../domain/Worker.ts"
import { isDurable } from "../../domain/WorkerEvent.ts"
import * as FieldSnapshot from "./FieldSnapshot.ts"
import * as Json from "./Json.ts"
import type { Feed, Options } from "./StreamOptions.ts"
import * as WireFrame from "./WireFrame.ts"

/** Some runtimes subscribe only after the upgrade: their first frame says that they have. Not waited for longer. */
export const firstFrameWait = "2 seconds"

/** How often the worker is looked at, since the stream does not say when it ends. */
export const lookEvery = "15 seconds"

/** Events after which the worker may have ended. */
const finals: ReadonlySet<string> = new Set(["status", "run_end", "error"])

const own = "field:"
const number = /^(0|[1-9][0-9]{0,14})$/

/** Cursors are made here, from the number of the last event; the runtime's own would be believed even when stale. */
const cursorOf = (last: number | undefined): string => `${own}${last ?? "-"}`

export const isOwn = (cursor: string | undefined): boolean => cursor?.startsWith(own) === true

/** Lets through what the composed snapshot does not hold. */
class Sieve {
  readonly #as_of: number
  /** Items that were said after the subscription may have begun, and that may therefore come as events as well. */
  #expected: ReadonlyArray<TranscriptItem>
  /** Whether the stream's event ids are the numbers that REST uses. */
  #numbered = true
  #last: number | undefined
  #lastJson = ""
  #unnumbered = 0
  /** Items of the transcript that are known to the consumer. */
  length: number

  constructor({ as_of, snapshot }: FieldSnapshot.Composed, lengthBefore: number) {
    this.#as_of = as_of
    this.#last = as_of
    this.#expected = snapshot.transcript.items.filter(({ sequence }) => sequence > lengthBefore)
    this.length = snapshot.transcript.total_items
  }

  /** Undefined for an event that is part of the snapshot or came before. */
  pass({ event, event_id }: Extract<WireFrame.WireFrame, { kind: "event" }>): SourceFrame | undefined | "broken" {
    const json = Json.write(event)
    if (Option.isNone(json)) return "broken"
    const at = number.test(event_id) ? Number(event_id) : undefined
    const durable = isDurable(event)
    const said = spoken(event)
    const held = at !== undefined && at <= this.#as_of
    if (said !== undefined) {
      const found = this.#expected.findIndex(({ content, role }) => role === said.role && content === said.content)
      if (found >= 0) {
        this.#expected = this.#expected.slice(found + 1)
        return undefined
      }
      // Said, not in the transcript, and yet numbered below it: these numbers mean something else.
      if (held || at === undefined) this.#numbered = false
    } else if (this.#numbered && held) return undefined
    if (durable && this.#numbered && at !== undefined && at === this.#last && json.value === this.#lastJson) {
      return undefined
    }
    if (said !== undefined) this.length += 1
    return this.#frame(event, json.value, durable, at)
  }

  #frame(event: SourceEvent["event"], json: string, durable: boolean, at: number | undefined): SourceFrame {
    const numbered = this.#numbered && at !== undefined
    if (durable) {
      const repeated = numbered && at === this.#last
      this.#last = numbered ? at : undefined
      this.#lastJson = json
      if (!numbered || repeated) this.#unnumbered += 1
      // Two events under one id are two events; the consumer would take the second for a repetition.
      const event_id = numbered && !repeated ? String(at) : `${own}${this.#unnumbered}`
      return { kind: "event", cursor: cursorOf(this.#last), event_id, durable, event, json }
    }
    return { kind: "event", cursor: cursorOf(this.#last), event_id: own, durable, event, json }
  }
}

type SourceEvent = Extract<SourceFrame, { kind: "event" }>

/** Looks at the worker now and then: whether it has ended, and whether it says more than the stream does. */
const watchWorker = (options: Options, sieve: Sieve, end: (worker: Worker) => Effect.Effect<void>) => {
  let behind = 0
  return Effect.gen(function* () {
    const length = sieve.length
    const worker = yield* options.worker
    if (isTerminal(worker.state)) return yield* end(worker)
    // Once may be an event on its way; twice without one in between is a hole.
    behind = worker.transcript_len > sieve.length && length === sieve.length ? behind + 1 : 0
    if (behind > 1) return yield* RuntimeFault.problem("stream")
  }).pipe(
    // Whether the runtime can be reached is the socket's to say.
    Effect.catchIf(
      (problem) => problem._tag !== "worker_not_found" && problem._tag !== "runtime_protocol_error",
      () => Effect.void
    )
  )
}

/** @param before the worker as it was before the subscription; undefined when nobody looked */
export const frames = (
  options: Options,
  feed: Feed,
  before: Worker | undefined
): Stream.Stream<SourceFrame, Problem.Problem> =>
  Stream.callback<SourceFrame, Problem.Problem>((queue) =>
    Effect.gen(function* () {
      const early = yield* Effect.timeoutOption(feed.take, firstFrameWait)
      const composed = yield* FieldSnapshot.compose(options)
      const { as_of, snapshot, worker } = composed
      const resumed = options.cursor === cursorOf(as_of)
      if (options.cursor !== undefined && !resumed) yield* Queue.offer(queue, { kind: "resync", reason: "expired" })
      yield* Queue.offer(queue, { kind: "snapshot", cursor: cursorOf(as_of), snapshot })

      const end = ({ state }: Worker) =>
        isTerminal(state) ? Effect.andThen(Queue.offer(queue, { kind: "end", state }), Queue.end(queue)) : Effect.void
      if (isTerminal(worker.state)) return yield* end(worker)

      const sieve = new Sieve(composed, before?.transcript_len ?? worker.transcript_len)
      const look = watchWorker(options, sieve, end)
      const looking = Effect.forever(Effect.andThen(Effect.sleep(lookEvery), look))

      const deliver = Effect.fnUntraced(function* (texts: ReadonlyArray<string>) {
        let mayHaveEnded = false
        for (const text of texts) {
          const decoded = WireFrame.decode(text)
          if (Option.isNone(decoded)) return yield* RuntimeFault.problem("stream")
          const frame = decoded.value
          if (frame.kind === "end") yield* end({ ...worker, state: frame.state })
          if (frame.kind !== "event" || frame.event.event === "snapshot") continue
          if (frame.worker_id !== options.worker_id) return yield* RuntimeFault.problem("wrong_worker")
          const passed = sieve.pass(frame)
          if (passed === "broken") return yield* RuntimeFault.problem("stream")
          if (passed !== undefined) yield* Queue.offer(queue, passed)
          mayHaveEnded ||= finals.has(frame.event.event)
        }
        if (mayHaveEnded) yield* look
      })
      if (Option.isSome(early)) yield* deliver(early.value)
      const reading = Effect.forever(Effect.flatMap(feed.take, deliver))
      return yield* Effect.raceFirst(reading, looking).pipe(
        // Many runtimes just hang up when the worker has ended.
        Effect.tapError(() => Effect.ignore(Effect.flatMap(options.worker, end)))
      )
    }).pipe(Effect.catchCause((cause) => Queue.failCause(queue, cause)))
  )
