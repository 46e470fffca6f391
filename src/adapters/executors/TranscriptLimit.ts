/** Holds a worker to the transcript that its profile allows: the turn that meets the bound ends, and no further one starts. */
import { Effect, Stream } from "effect"
import * as Problem from "../../domain/Problem.ts"
import * as Snapshot from "../../domain/Snapshot.ts"
import { event, type WorkerEvent } from "../../domain/WorkerEvent.ts"
import type { SpawnRequest, WorkerExecutor, WorkerSession } from "../../domain/WorkerExecutor.ts"

const reached = (max: number) =>
  Problem.fail(
    "worker_execution_rejected",
    `The worker's transcript has reached the ${max} bytes that its profile allows; go on with a new worker.`,
    { max }
  )

const sizeOf = (text: string): number => Buffer.byteLength(text)

/** As much of the text as fits, in whole characters. */
const fitting = (text: string, bytes: number): string =>
  sizeOf(text) <= bytes
    ? text
    : new TextDecoder().decode(Buffer.from(text).subarray(0, Math.max(0, bytes)), { stream: true })

const ending = event({ event: "run_end", data: { result: "limit_reached" } })

type Resume = NonNullable<SpawnRequest["resume"]>

const limit = (session: WorkerSession, max: number, before: Resume["transcript_bytes"]): WorkerSession => {
  let used = 0
  /** What earlier processes of the runtime have made of it, until it is known. */
  let earlier = before
  /** Text of the answer that grows; it is counted before it is complete, so that it cannot grow beyond the bound. */
  let growing = ""

  /** What is told instead of the event, and whether the turn is over by it. */
  const told = (next: WorkerEvent): { readonly events: ReadonlyArray<WorkerEvent>; readonly over: boolean } => {
    if (used >= max) return { events: [], over: true }
    if (next.event === "text_delta") {
      growing += String(next.data["text"])
      // UTF-8 needs at most three bytes for a UTF-16 unit: short answers need no counting.
      if (used + growing.length * 3 <= max || used + sizeOf(growing) <= max) return { events: [next], over: false }
      const text = fitting(growing, max - used)
      used = max
      return { events: [event({ event: "text_done", data: { text } }), ending], over: true }
    }
    const said = Snapshot.spoken(next)?.content
    if (said === undefined) return { events: [next], over: false }
    if (next.event === "text_done") growing = ""
    used += sizeOf(said)
    if (used <= max) return { events: [next], over: false }
    const text = fitting(said, max - (used - sizeOf(said)))
    used = max
    const kept =
      next.event === "text_done"
        ? event({ event: "text_done", data: { text } })
        : event({ event: "system_item", data: { item: { content: text } } })
    return { events: [kept, ending], over: true }
  }

  return {
    ...session,
    accept: Effect.fnUntraced(function* (input) {
      if (earlier !== undefined) {
        used += yield* earlier
        earlier = undefined
      }
      const size = sizeOf(input.content)
      if (used + size > max) return yield* reached(max)
      const turn = yield* session.accept(input)
      return Stream.suspend(() => {
        // What had grown when the last turn was interrupted was kept as it was.
        used += size + sizeOf(growing)
        growing = ""
        return turn.pipe(
          Stream.map(told),
          Stream.takeUntil(({ over }) => over),
          Stream.flatMap(({ events }) => Stream.fromIterable(events))
        )
      })
    })
  }
}

/** @param max bytes of UTF-8 of one worker's messages, answers and notes */
export const limited = (executor: WorkerExecutor["Service"], max: number): WorkerExecutor["Service"] => ({
  ...executor,
  spawn: (request) =>
    Effect.map(executor.spawn(request), (session) => limit(session, max, request.resume?.transcript_bytes))
})
