/** A turn is ended and its worker is not: by an interrupt, or by an input that does not wait. */
import { Effect } from "effect"
import { held, idle, nobody, said, user } from "../Bench.ts"
import type { Case, Need } from "../Case.ts"
import { refused, same } from "../Expect.ts"
import * as Frames from "../Frames.ts"

const needs: ReadonlyArray<Need> = [
  "workers.create",
  "workers.input",
  "workers.stop",
  "workers.transcript",
  "workers.interrupt"
]

export const cases: ReadonlyArray<Case> = [
  {
    id: "steering.interrupt",
    tier: undefined,
    needs,
    hook: "hold",
    sentence:
      "An interrupt ends the turn and not the worker: it is idle once that is answered, and takes the next input.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const worker_id = yield* held(bench)
      yield* source.interrupt(worker_id, "enough", {})
      yield* same((yield* source.get(worker_id)).state, "idle", "State after the interrupt")
      const next = `next ${yield* bench.word}`
      yield* source.input(worker_id, user(next), {})
      yield* idle(source, worker_id)
      yield* same(yield* said(source, worker_id), [bench.subject.hold, next], "What was said")
    })
  },
  {
    id: "steering.interrupt-told",
    tier: undefined,
    needs: [...needs, "events"],
    hook: "hold",
    sentence: "Who watches is told of an interrupt: the turn was rolled back, and the worker is idle.",
    run: Effect.fnUntraced(function* (bench) {
      const worker_id = yield* held(bench)
      const watch = yield* bench.watch(worker_id)
      yield* watch.until(({ kind }) => kind === "snapshot", "a snapshot")
      yield* bench.source.interrupt(worker_id, undefined, {})
      yield* watch.until(Frames.states("idle"), "the worker was idle")
      const ends = Frames.durable(watch.frames).flatMap(({ event }) =>
        event.event === "run_end" ? [event.data.result] : []
      )
      yield* same(ends, ["rolled_back"], "How turns ended")
    })
  },
  {
    id: "steering.interrupt-without-turn",
    tier: undefined,
    needs,
    sentence: "An interrupt of a worker without a turn is answered and changes nothing.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      const before = yield* source.get(worker_id)
      yield* source.interrupt(worker_id, undefined, {})
      const after = yield* source.get(worker_id)
      yield* same([after.state, after.last_event_id], ["idle", before.last_event_id], "State and events")
    })
  },
  {
    id: "steering.interrupt-refused",
    tier: undefined,
    needs,
    sentence: "A worker that has ended, and one that is not there, have no turn to interrupt.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      yield* source.stop(worker_id, undefined, {})
      const operation = "worker.interrupt"
      const ended = source.interrupt(worker_id, undefined, {})
      yield* refused(source, ended, { operation, worker_id }, "worker_not_running")
      const missing = source.interrupt(nobody, undefined, {})
      yield* refused(source, missing, { operation, worker_id: nobody }, "worker_not_found")
    })
  },
  {
    id: "steering.input-interrupts",
    tier: undefined,
    needs: ["workers.create", "workers.input", "workers.stop", "workers.transcript", "workers.input.interrupt"],
    hook: "hold",
    sentence: "An input in the mode interrupt ends the turn and is said at once, at the place that its ack names.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const worker_id = yield* held(bench)
      const now = `now ${yield* bench.word}`
      const { answer } = yield* source.input(worker_id, { ...user(now), mode: "interrupt" }, {})
      const { items } = yield* source.transcript(worker_id, {})
      const item = items.find(({ sequence }) => sequence === answer.transcript_sequence)
      yield* same([item?.role, item?.content, item?.event_id], ["user", now, answer.event_id], "The acknowledged item")
      yield* idle(source, worker_id)
      yield* same(yield* said(source, worker_id), [bench.subject.hold, now], "What was said")
    })
  },
  {
    id: "steering.modes-while-idle",
    tier: undefined,
    needs: ["workers.create", "workers.input", "workers.transcript", "workers.input.queue", "workers.input.interrupt"],
    sentence: "To a worker that is not busy every mode is the same: the input is said at once.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      for (const mode of ["reject", "queue", "interrupt"] as const) {
        const { answer } = yield* source.input(worker_id, { ...user(mode), mode }, {})
        yield* same(answer.queued, undefined, `Where an input in the mode ${mode} waits`)
        const { items } = yield* source.transcript(worker_id, {})
        const item = items.find(({ sequence }) => sequence === answer.transcript_sequence)
        yield* same(item?.content, mode, `The input in the mode ${mode}`)
        yield* idle(source, worker_id)
      }
    })
  },
  {
    id: "steering.reject",
    tier: undefined,
    needs: ["workers.create", "workers.input", "workers.stop", "workers.transcript"],
    hook: "hold",
    sentence: "Without a mode, or in the mode reject, a busy worker refuses an input, and nothing becomes of it.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const worker_id = yield* held(bench)
      for (const mode of [{}, { mode: "reject" }] as const) {
        const input = source.input(worker_id, { ...user("hello"), ...mode }, {})
        yield* refused(source, input, { operation: "worker.input", worker_id }, "worker_busy")
      }
      yield* same((yield* source.get(worker_id)).queued_inputs, undefined, "Inputs that wait")
      yield* same(yield* said(source, worker_id), [bench.subject.hold], "What was said")
    })
  }
]
