/** What was acknowledged is still there after the runtime has been started again. */
import { Effect, Stream } from "effect"
import { type Bench, key, said, settled, user } from "../Bench.ts"
import type { Case, Need } from "../Case.ts"
import { same, that } from "../Expect.ts"
import * as Frames from "../Frames.ts"

const needs: ReadonlyArray<Need> = ["workers.create", "workers.input", "workers.stop", "workers.transcript"]

/** Restarts the runtime and connects to it again. */
const again = (bench: Bench) => Effect.andThen(bench.subject.restart!, bench.subject.connect)

export const cases: ReadonlyArray<Case> = [
  {
    id: "restart.transcript",
    tier: "durable",
    needs,
    hook: "restart",
    sentence: "Workers and their transcripts survive a restart, and the workers go on.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      yield* bench.talk(worker_id, user("one"))
      const { items } = yield* bench.source.transcript(worker_id, {})
      const source = yield* again(bench)
      yield* same((yield* source.transcript(worker_id, {})).items, items, "The transcript after the restart")
      yield* same((yield* source.get(worker_id)).state, "idle", "State after the restart")
      const { answer } = yield* source.input(worker_id, user("two"), {})
      yield* same(answer.transcript_sequence, items.length + 1, "Place of the next input")
      yield* source.stop(worker_id, undefined, {})
    })
  },
  {
    id: "restart.acknowledged",
    tier: "durable",
    needs,
    hook: "restart",
    sentence: "An input that was acknowledged right before a restart is there after it, even if its turn is not.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      const { answer } = yield* bench.source.input(worker_id, user("one"), {})
      const source = yield* again(bench)
      const { items } = yield* source.transcript(worker_id, {})
      const item = items.find((it) => it.sequence === answer.transcript_sequence)
      yield* same([item?.content, item?.event_id], ["one", answer.event_id], "The acknowledged input")
      yield* that((yield* source.get(worker_id)).state !== "busy", "The worker looks busy with a turn that is gone")
      yield* source.stop(worker_id, undefined, {})
    })
  },
  {
    id: "restart.receipts",
    tier: "durable",
    needs: [...needs, "idempotency"],
    hook: "restart",
    sentence: "A key that was used before a restart gets the same answer after it.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      const options = key(yield* bench.word)
      const before = yield* bench.source.input(worker_id, user("one"), options)
      const source = yield* again(bench)
      const after = yield* source.input(worker_id, user("one"), options)
      yield* same(after, { answer: before.answer, replayed: true }, "The repeated input")
      yield* source.stop(worker_id, undefined, {})
    })
  },
  {
    id: "restart.cursors",
    tier: "durable",
    needs: [...needs, "events"],
    hook: "restart",
    sentence:
      "A cursor from before a restart goes on without a hole, or is answered with a resync: numbers are not used twice.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      yield* bench.talk(worker_id, user("one"))
      const watch = yield* bench.watch(worker_id)
      yield* watch.next
      yield* bench.talk(worker_id, user("two"))
      yield* watch.until(Frames.states("idle"), "the worker was idle again")
      const last = Number(Frames.durable(watch.frames).at(-1)?.event_id)
      const source = yield* again(bench)
      yield* source.stop(worker_id, undefined, {})
      const frames = yield* Stream.runCollect(source.events(worker_id, Frames.cursorOf(watch.frames)))
      const numbers = Frames.durable(frames).map(({ event_id }) => Number(event_id))
      if (frames[0]?.kind === "resync") {
        yield* same(frames[1]?.kind, "snapshot", "The frame after the resync")
        yield* that(Number(Frames.shown(frames).as_of) > last, "Numbers are used again after the restart")
        return
      }
      yield* same(
        numbers,
        numbers.map((_, index) => last + 1 + index),
        "Numbers after the restart"
      )
      yield* that(numbers.length > 0, "The end of the worker is missing")
    })
  },
  {
    id: "restart.waiting",
    tier: undefined,
    needs: [...needs, "workers.input.queue"],
    hook: "restart",
    sentence: "An input that waited before a restart is said after it, once.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      // Where no input is known that keeps it busy the first may be done by then, and the second is said before.
      yield* bench.source.input(worker_id, user(bench.subject.hold ?? "one"), {})
      yield* bench.source.input(worker_id, { ...user("waited"), mode: "queue" }, {})
      const source = yield* again(bench)
      yield* settled(source, worker_id)
      const texts = yield* said(source, worker_id)
      yield* same(texts.filter((text) => text === "waited").length, 1, "Times it was said")
      yield* source.stop(worker_id, undefined, {})
    })
  }
]
