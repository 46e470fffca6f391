/** What different people see of one worker: the same, from whichever moment on they look. */
import { Effect } from "effect"
import { idle, user, type Watch } from "../Bench.ts"
import type { Case, Need } from "../Case.ts"
import { same, that } from "../Expect.ts"
import * as Frames from "../Frames.ts"

const needs: ReadonlyArray<Need> = ["workers.create", "workers.input", "workers.stop", "events"]

/** Long enough to be answered piece by piece by a worker that answers so. */
const long = "The quick brown fox jumps over the lazy dog, again and again and again. ".repeat(3)

/** Watchers that join while the turn goes on. */
const late = 6

export const cases: ReadonlyArray<Case> = [
  {
    id: "events.fresh-state",
    tier: "streaming",
    needs,
    sentence: "By the time the stream says that a worker is idle or has ended, it is so for everybody who asks.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      const watch = yield* bench.watch(worker_id)
      yield* watch.next
      yield* source.input(worker_id, user("one"), {})
      yield* watch.until(Frames.states("idle"), "the worker was idle again")
      yield* same((yield* source.get(worker_id)).state, "idle", "State after the stream said idle")
      yield* source.stop(worker_id, undefined, {})
      yield* watch.rest
      yield* same((yield* source.get(worker_id)).state, "stopped", "State after the stream ended")
      const listed = yield* source.list({ state: "stopped" })
      yield* that(
        listed.items.some((it) => it.worker_id === worker_id),
        "The list does not know that the worker has ended"
      )
    })
  },
  {
    id: "events.watchers",
    tier: "streaming",
    needs,
    sentence: "Everybody who watches a worker sees the same events.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      const watches = yield* Effect.all(Array.from({ length: 4 }, () => bench.watch(worker_id)))
      for (const watch of watches) yield* watch.next
      yield* bench.talk(worker_id, user("one"))
      yield* bench.source.stop(worker_id, undefined, {})
      const seen = yield* Effect.forEach(watches, (watch) => Effect.map(watch.rest, Frames.marks))
      yield* that(seen[0]!.length > 0, "Nobody saw an event")
      for (const other of seen) yield* same(other, seen[0], "What another watcher saw")
    })
  },
  {
    id: "events.joining",
    tier: "streaming",
    needs,
    sentence:
      "Whoever joins in the middle of a turn misses nothing between the snapshot and what is live, nor the text in flight.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      const first = yield* bench.watch(worker_id)
      yield* first.next
      yield* source.input(worker_id, user(long), {})
      const joined: Array<Watch> = []
      while (joined.length < late) {
        const frame = yield* first.next
        const watch = yield* bench.watch(worker_id)
        yield* watch.next
        joined.push(watch)
        if (frame === undefined || Frames.states("idle")(frame)) break
      }
      yield* idle(source, worker_id)
      yield* source.stop(worker_id, undefined, {})
      const whole = yield* first.rest
      const expected = Frames.shown(whole)
      for (const watch of joined) {
        const frames = yield* watch.rest
        const { as_of, state, transcript } = Frames.shown(frames)
        yield* same(
          [as_of, state, transcript.items],
          [expected.as_of, expected.state, expected.transcript.items],
          "What a watcher that joined later shows"
        )
        const done = frames.findIndex(Frames.named("text_done"))
        const answer = frames[done]
        if (answer === undefined || !Frames.isEvent(answer) || !whole.some(Frames.named("text_delta"))) continue
        const before = Frames.shown(frames.slice(0, done)).in_flight?.text
        yield* same(before, answer.event.data.text, "Text in flight when the answer was complete")
      }
    })
  }
]
