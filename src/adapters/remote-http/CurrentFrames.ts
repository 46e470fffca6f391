/** The dialect `worker-events.v1`: the runtime numbers its durable events and sends real snapshots. */
import { Array as Arr, Cause, Effect, Option, type Pull, Result, Stream } from "effect"
import type { WorkerId } from "../../domain/Identifiers.ts"
import type * as Problem from "../../domain/Problem.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"
import type { SourceFrame } from "../../domain/RuntimeSource.ts"
import * as Json from "./Json.ts"
import type { Feed } from "./StreamOptions.ts"
import * as WireFrame from "./WireFrame.ts"

/** A durable event's id is its number; a transient one repeats the number before it: `12.3`. */
const durable = /^(0|[1-9][0-9]{0,14})$/
const transient = /^(0|[1-9][0-9]{0,14})\.[1-9][0-9]{0,8}$/

const broken = Result.fail(RuntimeFault.problem("stream"))

/** Undefined for a frame that is of no use. */
type Translated = Result.Result<SourceFrame | undefined, Problem.Problem>

const eventOf = (frame: Extract<WireFrame.WireFrame, { kind: "event" }>): Translated => {
  const { cursor, event, event_id } = frame
  if (event.event === "snapshot") {
    const snapshot = WireFrame.snapshotOf(event)
    return Option.isNone(snapshot) ? broken : Result.succeed({ kind: "snapshot", cursor, snapshot: snapshot.value })
  }
  const isDurable = durable.test(event_id)
  if (!isDurable && !transient.test(event_id)) return broken
  // Written anew and not cut out of the frame: what watchers get holds nothing but this event.
  const json = Json.write(event)
  if (Option.isNone(json)) return broken
  return Result.succeed({
    kind: "event",
    cursor,
    event_id,
    durable: isDurable,
    ...(isDurable ? { seq: Number(event_id) } : undefined),
    event,
    json: json.value
  })
}

const translate = (worker_id: WorkerId, text: string, greeted: boolean): Translated => {
  const decoded = WireFrame.decode(text)
  if (Option.isNone(decoded)) return broken
  const frame = decoded.value
  if (!greeted && frame.kind !== "hello") return broken
  switch (frame.kind) {
    case "event":
      return frame.worker_id === worker_id ? eventOf(frame) : Result.fail(RuntimeFault.problem("wrong_worker"))
    case "hello":
    case "other":
      return Result.succeed(undefined)
    default:
      return Result.succeed(frame)
  }
}

export const frames = (worker_id: WorkerId, feed: Feed): Stream.Stream<SourceFrame, Problem.Problem> =>
  Stream.fromPull(
    Effect.sync(() => {
      let greeted = false
      let ended = false
      const read: Pull.Pull<Arr.NonEmptyReadonlyArray<SourceFrame>, Problem.Problem> = Effect.flatMap(
        feed.take,
        (texts) => {
          const translated: Array<SourceFrame> = []
          for (const text of texts) {
            const frame = translate(worker_id, text, greeted)
            if (Result.isFailure(frame)) return Effect.fail(frame.failure)
            greeted = true
            if (frame.success === undefined) continue
            translated.push(frame.success)
            if (frame.success.kind !== "end") continue
            ended = true
            break
          }
          return Arr.isReadonlyArrayNonEmpty(translated) ? Effect.succeed(translated) : read
        }
      )
      return Effect.suspend(() => (ended ? Cause.done() : read))
    })
  )
