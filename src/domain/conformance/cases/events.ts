/** One stream of one worker, from its snapshot to its end: order, numbers, cursors, and agreement with everything else. */
import { Effect } from "effect"
import { isDurable, knownEvents } from "../../WorkerEvent.ts"
import type { WorkerId } from "../../Identifiers.ts"
import { type Bench, user } from "../Bench.ts"
import type { Case, Need } from "../Case.ts"
import { same, that } from "../Expect.ts"
import * as Frames from "../Frames.ts"

const needs: ReadonlyArray<Need> = ["workers.create", "workers.input", "workers.stop", "events"]

/** Long enough to be answered piece by piece by a worker that answers so. */
const long = "The quick brown fox jumps over the lazy dog, again and again and again. ".repeat(3)

/** A fresh worker, watched from before its first input to its end. */
const life = Effect.fnUntraced(function* (bench: Bench, texts: ReadonlyArray<string>) {
  const { worker_id } = yield* bench.worker()
  const watch = yield* bench.watch(worker_id)
  yield* watch.next
  for (const text of texts) {
    yield* bench.source.input(worker_id, user(text), {})
    yield* watch.until(Frames.states("idle"), "the worker was idle again")
  }
  yield* bench.source.stop(worker_id, undefined, {})
  return { worker_id, frames: yield* watch.rest }
})

/** The stream of a worker that has ended, without a cursor. */
const afterwards = Effect.fnUntraced(function* (bench: Bench, worker_id: WorkerId) {
  return yield* (yield* bench.watch(worker_id)).rest
})

export const cases: ReadonlyArray<Case> = [
  {
    id: "events.snapshot-first",
    tier: "streaming",
    needs,
    sentence: "A stream begins with a snapshot, and has no second one unless it says resync.",
    run: Effect.fnUntraced(function* (bench) {
      const { frames } = yield* life(bench, ["one", "two"])
      yield* same(frames[0]?.kind, "snapshot", "The first frame")
      yield* same(frames.filter(({ kind }) => kind === "snapshot").length, 1, "Snapshots")
    })
  },
  {
    id: "events.snapshot-is-real",
    tier: "streaming",
    needs: [...needs, "workers.transcript"],
    sentence: "The snapshot is the worker as it is: state, transcript, and the event that it is as of.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      yield* bench.talk(worker_id, user("one"))
      const watch = yield* bench.watch(worker_id)
      yield* watch.until(({ kind }) => kind === "snapshot", "a snapshot")
      const snapshot = Frames.shown(watch.frames)
      const { items, total_items } = yield* source.transcript(worker_id, {})
      const { last_event_id } = yield* source.get(worker_id)
      yield* same([snapshot.status, snapshot.state], ["idle", "idle"], "status and state")
      yield* same(snapshot.as_of, String(last_event_id), "as_of")
      yield* same(snapshot.transcript.total_items, total_items, "total_items")
      yield* same(
        snapshot.transcript.items.map((it) => [it.sequence, it.role, it.content, it.event_id]),
        items.map((it) => [it.sequence, it.role, it.content, it.event_id]),
        "Tail of the transcript"
      )
    })
  },
  {
    id: "events.turn",
    tier: "streaming",
    needs,
    sentence: "A turn is told in order: the input, running, what is said, its end, idle.",
    run: Effect.fnUntraced(function* (bench) {
      const { frames } = yield* life(bench, ["one"])
      const names = Frames.durable(frames).map(({ event }) => event.event)
      yield* same(names.slice(0, 2), ["user_message", "status"], "How the turn begins")
      yield* same(names.slice(-3), ["run_end", "status", "status"], "How the turn and the worker end")
      const told = names.filter((name) => name === "user_message" || name === "run_end")
      yield* same(told, ["user_message", "run_end"], "How often the turn is told")
      const states = Frames.durable(frames).flatMap(({ event }) => (event.event === "status" ? [event.data.state] : []))
      yield* same(states, ["busy", "idle", "stopped"], "States")
    })
  },
  {
    id: "events.numbers",
    tier: "streaming",
    needs,
    sentence: "Durable events have ids and cursors of their own, in one numbering without a hole.",
    run: Effect.fnUntraced(function* (bench) {
      const { frames } = yield* life(bench, ["one", "two", "three"])
      const durable = Frames.durable(frames)
      yield* that(durable.length > 0, "There is no durable event")
      for (const member of ["event_id", "cursor"] as const) {
        const values = durable.map((frame) => frame[member])
        yield* same(new Set(values).size, values.length, `Different ${member}s`)
      }
      const numbers = durable.map(({ event_id, seq }) => seq ?? Number(event_id))
      const first = numbers[0]!
      yield* same(
        numbers,
        numbers.map((_, index) => first + index),
        "Numbers"
      )
    })
  },
  {
    id: "events.all-ids",
    tier: "streaming",
    needs,
    sentence: "No two events of a stream have the same id, however fast they come.",
    run: Effect.fnUntraced(function* (bench) {
      const { frames } = yield* life(bench, [long])
      const ids = Frames.events(frames).map(({ event_id }) => event_id)
      yield* that(
        ids.every((id) => id !== ""),
        "An event has no id"
      )
      yield* same(new Set(ids).size, ids.length, "Different ids")
    })
  },
  {
    id: "events.transient",
    tier: "streaming",
    needs,
    sentence: "Transient events are marked as such and repeat the last durable cursor.",
    run: Effect.fnUntraced(function* (bench) {
      const { frames } = yield* life(bench, [long])
      let cursor: string | undefined
      for (const frame of frames) {
        if (frame.kind === "snapshot") ({ cursor } = frame)
        if (frame.kind !== "event") continue
        const { event } = frame
        if (Object.hasOwn(knownEvents, event.event)) {
          yield* same(frame.durable, isDurable(event), `durable of ${event.event}`)
        }
        if (frame.durable) ({ cursor } = frame)
        else yield* same(frame.cursor, cursor, `Cursor of the transient ${event.event}`)
      }
    })
  },
  {
    id: "events.agree",
    tier: "streaming",
    needs: [...needs, "workers.transcript"],
    sentence: "Stream, transcript, acks and the worker speak of the same events by the same numbers.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      const watch = yield* bench.watch(worker_id)
      yield* watch.next
      const { answer } = yield* source.input(worker_id, user("one"), {})
      const said = yield* watch.until(Frames.named("user_message"), "the input was told")
      yield* same(Frames.isEvent(said) ? said.event_id : "", String(answer.event_id), "Event id of the input")
      yield* watch.until(Frames.states("idle"), "the worker was idle again")
      const ended = (yield* source.stop(worker_id, undefined, {})).answer
      const frames = yield* watch.rest
      const last = Frames.durable(frames).at(-1)
      yield* same(last?.event_id, String(ended.event_id), "Event id of the end")
      yield* same(last?.event_id, String((yield* source.get(worker_id)).last_event_id), "last_event_id")
      const { items } = yield* source.transcript(worker_id, {})
      const told = Frames.shown(frames).transcript.items
      yield* same(
        told.map((it) => [it.sequence, it.role, it.content, it.event_id]),
        items.map((it) => [it.sequence, it.role, it.content, it.event_id]),
        "The transcript as told by the stream"
      )
    })
  },
  {
    id: "events.end",
    tier: "streaming",
    needs: [...needs, "workers.cancel"],
    sentence: "The end of the worker is told by a last status and one end frame, and then the stream is over.",
    run: Effect.fnUntraced(function* (bench) {
      for (const [verb, state] of [
        ["stop", "stopped"],
        ["cancel", "cancelled"]
      ] as const) {
        const { worker_id } = yield* bench.worker()
        const watch = yield* bench.watch(worker_id)
        yield* watch.next
        yield* bench.source[verb](worker_id, undefined, {})
        const frames = yield* watch.rest
        const tail = frames.filter(({ kind }) => kind !== "bookmark").slice(-2)
        yield* same(Frames.kinds(tail), ["event", "end"], `The last frames after ${verb}`)
        yield* that(Frames.states(state)(tail[0]!), `The last event does not say ${state}`)
        yield* same(tail[1], { kind: "end", state }, "The last frame")
      }
    })
  },
  {
    id: "events.ended-worker",
    tier: "streaming",
    needs,
    sentence: "The stream of a worker that has ended is its final snapshot and its end.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      yield* bench.talk(worker_id, user("one"))
      yield* bench.source.stop(worker_id, undefined, {})
      const frames = yield* afterwards(bench, worker_id)
      yield* same(Frames.kinds(frames), ["snapshot", "end"], "Frames")
      const { in_flight, state, status } = Frames.shown(frames)
      yield* same([status, state, in_flight], ["idle", "stopped", null], "The final snapshot")
    })
  },
  {
    id: "events.end-while-busy",
    tier: "streaming",
    needs,
    hook: "hold",
    sentence: "Stopping a busy worker ends its turn before it ends the worker.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      const watch = yield* bench.watch(worker_id)
      yield* watch.next
      yield* bench.source.input(worker_id, user(bench.subject.hold!), {})
      yield* watch.until(Frames.states("busy"), "the worker was busy")
      yield* bench.source.stop(worker_id, undefined, {})
      const names = Frames.durable(yield* watch.rest).map(({ event }) => event.event)
      yield* same(names.slice(-2), ["run_end", "status"], "The last events")
    })
  }
]
