/**
 * The event stream of a worker whose runtime has none: its state and its transcript, looked at again and again while
 * somebody watches. Numbers and cursors are positions in the transcript, which is durable, so nothing is missed or told twice.
 */
import { Effect, Option, Stream } from "effect"
import type { WorkerId } from "../Identifiers.ts"
import * as Problem from "../Problem.ts"
import type { RuntimeSource, SourceFrame } from "../RuntimeSource.ts"
import * as Snapshot from "../Snapshot.ts"
import type { TranscriptItem } from "../Transcript.ts"
import { isTerminal, type Worker } from "../Worker.ts"
import { event, type WorkerEvent } from "../WorkerEvent.ts"

/** Between two looks at a worker that is busy, and at one that is not, in milliseconds. */
export const busyPollMs = 1_000
export const idlePollMs = 3_000

const position = /^(0|[1-9][0-9]{0,14})$/

/** A worker as it was at one look. `growing`: an answer at the end that the turn may still add to. */
interface Look {
  readonly worker: Worker
  readonly items: ReadonlyArray<TranscriptItem>
  /** Items that will not change any more. */
  readonly total: number
  readonly growing: string
}

const eventOf = ({ content, role, sequence }: TranscriptItem): WorkerEvent => {
  switch (role) {
    case "user":
      return event({ event: "user_message", data: { segments: [{ kind: "text", content }], sequence } })
    case "assistant":
      return event({ event: "text_done", data: { text: content, sequence } })
    case "system":
      return event({ event: "system_item", data: { item: { content }, sequence } })
  }
}

const statusOf = ({ state }: Worker) => (state === "busy" ? ("running" as const) : ("idle" as const))

const durable = (item: TranscriptItem): SourceFrame => ({
  kind: "event",
  cursor: String(item.sequence),
  event_id: String(item.sequence),
  durable: true,
  seq: item.sequence,
  event: eventOf(item)
})

const transient = (total: number, shown: WorkerEvent): SourceFrame => ({
  kind: "event",
  cursor: String(total),
  event_id: String(total),
  durable: false,
  event: shown
})

/** The worker as it was just told, and its transcript from a position on. */
const lookFrom = Effect.fnUntraced(function* (source: RuntimeSource["Service"], worker: Worker, start: number) {
  const items: Array<TranscriptItem> = []
  let from: number | null = start
  while (from !== null) {
    const page: { readonly items: ReadonlyArray<TranscriptItem>; readonly next_start: number | null } =
      yield* source.transcript(worker.worker_id, { start: from })
    items.push(...page.items)
    from = page.items.length === 0 ? null : page.next_start
  }
  const last = items.at(-1)
  const grows = worker.state === "busy" && last?.role === "assistant"
  const done = grows ? items.slice(0, -1) : items
  return { worker, items: done, total: start + done.length, growing: grows ? last.content : "" } satisfies Look
})

const snapshotOf = ({ growing, items, total, worker }: Look): Snapshot.Snapshot => {
  const tail = Snapshot.trim(items)
  return {
    ...Snapshot.empty,
    status: statusOf(worker),
    state: worker.state,
    transcript: { start: total - tail.length, total_items: total, items: tail },
    in_flight: growing === "" ? null : { text: growing, thinking: "", tool_calls: [] },
    as_of: String(total)
  }
}

/** What one look tells after another. */
const told = (before: Look, now: Look): ReadonlyArray<SourceFrame> => {
  const frames: Array<SourceFrame> = now.items.map(durable)
  const shown = now.items.length > 0 ? "" : before.growing
  const more = now.growing.startsWith(shown) ? now.growing.slice(shown.length) : ""
  if (more !== "") frames.push(transient(now.total, event({ event: "text_delta", data: { text: more } })))
  const { state } = now.worker
  if (state !== before.worker.state) {
    frames.push(transient(now.total, event({ event: "status", data: { status: statusOf(now.worker), state } })))
  }
  if (isTerminal(state)) frames.push({ kind: "end", state })
  return frames
}

/** A transcript that got shorter is another one. */
const isBehind = (total: number, cursor: number) => total < cursor

/**
 * As `RuntimeSource.events`. Fails with what `get` and `transcript` fail with, `operation_unsupported` where the runtime
 * has no transcript either.
 *
 * @param cursor a position in the transcript
 */
export const frames = (
  source: RuntimeSource["Service"],
  worker_id: WorkerId,
  cursor: string | undefined
): Stream.Stream<SourceFrame, Problem.Problem> => {
  const begin = Effect.gen(function* () {
    const worker = yield* source.get(worker_id)
    const asked = cursor !== undefined && position.test(cursor) ? Number(cursor) : undefined
    // The one that grows is not counted in a cursor and may be counted in the length.
    const at = asked === undefined || isBehind(worker.transcript_len, asked) ? undefined : asked
    const tail = Math.max(0, worker.transcript_len - Snapshot.maxTailItems)
    const look = yield* lookFrom(source, worker, Math.min(at ?? tail, tail))
    return { look, at, lost: cursor !== undefined && at === undefined }
  })
  return Stream.unwrap(
    Effect.map(begin, ({ at, look, lost }) => {
      const first: Array<SourceFrame> = lost ? [{ kind: "resync", reason: "epoch_changed" }] : []
      first.push({
        kind: "snapshot",
        cursor: String(at ?? look.total),
        snapshot: snapshotOf(look)
      })
      if (at !== undefined) first.push(...look.items.filter(({ sequence }) => sequence > at).map(durable))
      const { state } = look.worker
      if (isTerminal(state)) return Stream.fromIterable<SourceFrame>([...first, { kind: "end", state }])
      const live = Stream.paginate(look, (before: Look) =>
        Effect.sleep(before.worker.state === "busy" ? busyPollMs : idlePollMs).pipe(
          Effect.andThen(source.get(worker_id)),
          Effect.filterOrFail(
            ({ transcript_len }) => !isBehind(transcript_len, before.total),
            () => Problem.make("invalid_cursor", "The worker has another transcript than before.")
          ),
          Effect.flatMap((worker) => lookFrom(source, worker, before.total)),
          Effect.map(
            (now) => [told(before, now), isTerminal(now.worker.state) ? Option.none() : Option.some(now)] as const
          )
        )
      )
      return Stream.concat(Stream.fromIterable(first), live)
    })
  )
}
