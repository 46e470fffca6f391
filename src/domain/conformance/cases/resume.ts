/** Resume torture: cut at every frame, from every cursor, with cursors that are wrong; no hole, no duplicate, no silence. */
import { Deferred, Effect, Fiber, Stream } from "effect"
import type { WorkerId } from "../../Identifiers.ts"
import type { SourceFrame } from "../../RuntimeSource.ts"
import { type Bench, user } from "../Bench.ts"
import type { Case, Need } from "../Case.ts"
import { broken, refused, same, that } from "../Expect.ts"
import * as Frames from "../Frames.ts"

const needs: ReadonlyArray<Need> = ["workers.create", "workers.input", "workers.stop", "events"]

/** Attachments that one torture makes before it says that the stream leads nowhere. */
const maxAttachments = 1_000

const long = "Sphinx of black quartz, judge my vow, and judge it once more."

const origin = Effect.fnUntraced(function* (bench: Bench, worker_id: WorkerId) {
  const [first] = yield* Stream.runCollect(Stream.take(bench.source.events(worker_id, undefined), 1))
  return first?.kind === "snapshot" ? first.cursor : yield* broken("The stream does not begin with a snapshot")
})

const read = (bench: Bench, worker_id: WorkerId, cursor: string | undefined) =>
  Stream.runCollect(bench.source.events(worker_id, cursor))

/** A worker that has ended, the cursor from before its first input, and everything that came after it. */
const ended = Effect.fnUntraced(function* (bench: Bench, texts: ReadonlyArray<string> = ["one", "two"]) {
  const { worker_id } = yield* bench.worker()
  const start = yield* origin(bench, worker_id)
  const watch = yield* bench.watch(worker_id, start)
  for (const text of texts) yield* bench.talk(worker_id, user(text))
  yield* bench.source.stop(worker_id, undefined, {})
  return { worker_id, start, whole: yield* watch.rest }
})

/** A resumed stream: a snapshot, exactly these durable events, the end, and not a word of resync. */
const exactly = Effect.fnUntraced(function* (
  frames: ReadonlyArray<SourceFrame>,
  marks: ReadonlyArray<string>,
  what: string
) {
  yield* that(!frames.some(({ kind }) => kind === "resync"), `${what}: resync although the cursor is good`)
  yield* same(frames[0]?.kind, "snapshot", `${what}: the first frame`)
  yield* same(Frames.marks(frames), marks, `${what}: events`)
  yield* same(frames.at(-1)?.kind, "end", `${what}: the last frame`)
})

/** Reads a stream to its end in attachments of so many frames each. */
const inPieces = Effect.fnUntraced(function* (bench: Bench, worker_id: WorkerId, start: string, size: number) {
  const frames: Array<SourceFrame> = []
  let cursor = start
  for (let attachment = 0; attachment < maxAttachments; attachment++) {
    const piece = yield* Stream.runCollect(Stream.take(bench.source.events(worker_id, cursor), size))
    frames.push(...piece)
    if (piece.length < size || piece.at(-1)?.kind === "end") return frames
    cursor = Frames.cursorOf(piece) ?? cursor
  }
  return yield* broken(`The stream is not over after ${maxAttachments} attachments`)
})

/** A snapshot and the first event after it, which is only said once the reader waits for it. */
const liveFrame = Effect.fnUntraced(function* (bench: Bench, worker_id: WorkerId, cursor: string) {
  const waits = yield* Deferred.make<void>()
  const reading = yield* bench.source.events(worker_id, cursor).pipe(
    Stream.tap(({ kind }) => (kind === "snapshot" ? Deferred.succeed(waits, undefined) : Effect.void)),
    Stream.take(2),
    Stream.runCollect,
    Effect.ensuring(Deferred.succeed(waits, undefined)),
    Effect.forkChild
  )
  yield* Deferred.await(waits)
  yield* bench.talk(worker_id, user("one"))
  return yield* Fiber.join(reading)
})

/** Whether frames are a fresh start: told as a resync, then a snapshot, and nothing of the past again. */
const afresh = Effect.fnUntraced(function* (frames: ReadonlyArray<SourceFrame>, what: string) {
  yield* same(Frames.kinds(frames).slice(0, 2), ["resync", "snapshot"], `${what}: the first frames`)
  yield* same(Frames.marks(frames), [], `${what}: events of the past`)
  yield* same(frames.at(-1)?.kind, "end", `${what}: the last frame`)
})

export const cases: ReadonlyArray<Case> = [
  {
    id: "resume.every-cursor",
    tier: "streaming",
    needs,
    sentence: "From every cursor that was ever seen the stream goes on with the next event, as often as it is asked.",
    run: Effect.fnUntraced(function* (bench) {
      const { start, whole, worker_id } = yield* ended(bench)
      const marks = Frames.marks(whole)
      yield* exactly(yield* read(bench, worker_id, start), marks, "From the first cursor")
      for (const [index, { cursor }] of Frames.durable(whole).entries()) {
        const what = `From the cursor of event ${index + 1}`
        yield* exactly(yield* read(bench, worker_id, cursor), marks.slice(index + 1), what)
        yield* exactly(yield* read(bench, worker_id, cursor), marks.slice(index + 1), `${what}, again`)
      }
    })
  },
  {
    id: "resume.every-frame",
    tier: "streaming",
    needs,
    sentence: "A stream that is cut after any frame goes on without a hole and without a duplicate.",
    run: Effect.fnUntraced(function* (bench) {
      const { start, whole, worker_id } = yield* ended(bench)
      const marks = Frames.marks(whole)
      const { length } = yield* read(bench, worker_id, start)
      for (let size = 1; size < length; size++) {
        const before = yield* Stream.runCollect(Stream.take(bench.source.events(worker_id, start), size))
        const after = yield* read(bench, worker_id, Frames.cursorOf(before) ?? start)
        yield* same([...Frames.marks(before), ...Frames.marks(after)], marks, `Events around a cut after frame ${size}`)
      }
    })
  },
  {
    id: "resume.live",
    tier: "streaming",
    needs,
    sentence: "A watcher that is cut off after every frame while the worker works still sees every event once.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      const start = yield* origin(bench, worker_id)
      const waited = yield* liveFrame(bench, worker_id, start)
      const talking = Effect.gen(function* () {
        yield* bench.talk(worker_id, user(long))
        yield* bench.source.stop(worker_id, undefined, {})
      })
      const cursor = Frames.cursorOf(waited) ?? start
      const [pieces] = yield* Effect.all([inPieces(bench, worker_id, cursor, 2), talking], { concurrency: "unbounded" })
      const frames = [...waited, ...pieces]
      yield* same(Frames.marks(frames), Frames.marks(yield* read(bench, worker_id, start)), "Events seen in pieces")
    })
  },
  {
    id: "resume.snapshot",
    tier: "streaming",
    needs,
    sentence:
      "A resumed watcher shows the same as one that never left: the snapshot says up to which event it is as of.",
    run: Effect.fnUntraced(function* (bench) {
      const { start, whole, worker_id } = yield* ended(bench)
      const expected = Frames.shown(whole)
      for (const cursor of [start, ...Frames.durable(whole).map((frame) => frame.cursor)]) {
        const frames = yield* read(bench, worker_id, cursor)
        const { as_of, state, transcript } = Frames.shown(frames)
        yield* same(
          [as_of, state, transcript.items],
          [expected.as_of, expected.state, expected.transcript.items],
          "What a resumed watcher shows"
        )
        const snapshot = frames.find((frame) => frame.kind === "snapshot")
        yield* same(snapshot?.snapshot.as_of, expected.as_of, "as_of of the snapshot")
      }
    })
  },
  {
    id: "resume.together",
    tier: "streaming",
    needs,
    sentence: "Resuming at the same time from different places gives everybody their own rest.",
    run: Effect.fnUntraced(function* (bench) {
      const { whole, worker_id } = yield* ended(bench)
      const marks = Frames.marks(whole)
      const resumed = yield* Effect.forEach(
        Frames.durable(whole),
        ({ cursor }, index) => Effect.map(read(bench, worker_id, cursor), (frames) => ({ frames, index })),
        { concurrency: "unbounded" }
      )
      for (const { frames, index } of resumed) yield* exactly(frames, marks.slice(index + 1), `Resumed at ${index + 1}`)
    })
  },
  {
    id: "resume.malformed",
    tier: "streaming",
    needs,
    sentence: "A malformed cursor is invalid_cursor: never the whole past again, never silence.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* ended(bench, ["one"])
      for (const cursor of ["no cursor at all", "\u0001\u0002", "../..", "x".repeat(300)]) {
        const problem = yield* refused(
          bench.source,
          read(bench, worker_id, cursor),
          { operation: "worker.events", worker_id },
          "invalid_cursor"
        )
        yield* same(problem.retryable, false, "retryable")
      }
    })
  },
  {
    id: "resume.foreign",
    tier: "streaming",
    needs,
    sentence: "A cursor of another worker is answered with a resync and a fresh snapshot.",
    run: Effect.fnUntraced(function* (bench) {
      const one = yield* ended(bench, ["one"])
      const other = yield* ended(bench, ["one"])
      for (const { cursor } of Frames.durable(other.whole)) {
        yield* afresh(yield* read(bench, one.worker_id, cursor), "With a cursor of another worker")
      }
    })
  },
  {
    id: "resume.expired",
    tier: "streaming",
    needs,
    hook: "expire",
    sentence: "A cursor whose events are gone is answered with a resync and a fresh snapshot.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      const start = yield* origin(bench, worker_id)
      yield* bench.subject.expire!(bench.source, worker_id)
      yield* bench.source.stop(worker_id, undefined, {})
      const frames = yield* read(bench, worker_id, start)
      yield* afresh(frames, "With an expired cursor")
      yield* same(frames[0], { kind: "resync", reason: "expired" }, "The first frame")
    })
  },
  {
    id: "resume.cut",
    tier: "streaming",
    needs,
    hook: "cut",
    sentence:
      "A stream whose connection breaks fails and does not pretend to be over; it goes on from its last cursor.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      const watch = yield* bench.watch(worker_id)
      yield* watch.next
      yield* bench.talk(worker_id, user("one"))
      yield* watch.until(Frames.states("idle"), "the worker was idle again")
      const before = Frames.marks(watch.frames)
      yield* bench.subject.cut!
      const about = { operation: "worker.events", worker_id }
      const codes = ["runtime_unreachable", "runtime_unavailable", "runtime_timeout"] as const
      const problem = yield* refused(bench.source, watch.rest, about, ...codes)
      yield* that(problem.retryable, "A broken connection is not retryable")
      yield* bench.talk(worker_id, user("two"))
      yield* bench.source.stop(worker_id, undefined, {})
      const after = yield* read(bench, worker_id, Frames.cursorOf(watch.frames))
      const numbers = [...before, ...Frames.marks(after)].map((mark) => Number(mark.slice(0, mark.indexOf(" "))))
      yield* same(
        numbers,
        numbers.map((_, index) => numbers[0]! + index),
        "Numbers of the events around the cut"
      )
    })
  }
]
