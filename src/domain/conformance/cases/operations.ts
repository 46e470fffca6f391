/** What can be done to a worker, and that an answer means that it was done. */
import { Effect } from "effect"
import { WorkerId } from "../../Identifiers.ts"
import { type Bench, idle, system, user } from "../Bench.ts"
import type { Case } from "../Case.ts"
import { refused, same, that } from "../Expect.ts"

const everything = (bench: Bench, worker_id: WorkerId) =>
  Effect.map(bench.source.transcript(worker_id, {}), ({ items }) => items)

/** Ends a worker one way, then crosses it with both: all of them answer how it ended first. */
const ending = (verb: "stop" | "cancel", other: "stop" | "cancel", state: "stopped" | "cancelled") =>
  Effect.fnUntraced(function* (bench: Bench) {
    const { source } = bench
    const { worker_id } = yield* bench.worker()
    yield* same((yield* source[verb](worker_id, "done", {})).answer.state, state, `State in the answer of ${verb}`)
    const found = yield* source.get(worker_id)
    yield* same(found.state, state, `State after ${verb}`)
    yield* same((yield* source[verb](worker_id, undefined, {})).answer.state, state, `Answer of a second ${verb}`)
    yield* same(
      (yield* source[other](worker_id, undefined, {})).answer.state,
      state,
      `Answer of ${other} after ${verb}`
    )
    const later = yield* source.get(worker_id)
    yield* same([later.state, later.last_event_id], [state, found.last_event_id], "State and events after repeating")
  })

export const cases: ReadonlyArray<Case> = [
  {
    id: "operations.create",
    tier: "core",
    needs: ["workers.create"],
    sentence: "A created worker is idle, has the name that was asked for, and is found as it was answered.",
    run: Effect.fnUntraced(function* (bench) {
      const display_name = `Worker ${yield* bench.word}`
      const made = yield* bench.worker({ display_name })
      yield* same([made.display_name, made.state, made.transcript_len], [display_name, "idle", 0], "The new worker")
      const found = yield* bench.source.get(made.worker_id)
      yield* same(
        [found.worker_id, found.display_name, found.state, found.profile],
        [made.worker_id, display_name, "idle", made.profile],
        "The worker as found"
      )
    })
  },
  {
    id: "operations.chosen-id",
    tier: "core",
    needs: ["workers.create"],
    sentence: "An id that the caller chose is kept, and nobody else can have it.",
    run: Effect.fnUntraced(function* (bench) {
      const worker_id = WorkerId.make(`chosen-${yield* bench.word}`)
      yield* same((yield* bench.worker({ worker_id })).worker_id, worker_id, "Id of the new worker")
      yield* refused(bench.source, bench.worker({ worker_id }), { operation: "worker.create" }, "worker_id_taken")
    })
  },
  {
    id: "operations.distinct",
    tier: "core",
    needs: ["workers.create"],
    sentence: "Workers that are created at the same time are different ones.",
    run: Effect.fnUntraced(function* (bench) {
      const made = yield* Effect.all(
        Array.from({ length: 8 }, () => bench.worker()),
        { concurrency: "unbounded" }
      )
      yield* same(new Set(made.map((it) => it.worker_id)).size, made.length, "Different ids")
    })
  },
  {
    id: "operations.initial-input",
    tier: "core",
    needs: ["workers.create", "workers.transcript"],
    sentence: "The initial input is the first item of the transcript by the time the worker is answered.",
    run: Effect.fnUntraced(function* (bench) {
      const content = `first ${yield* bench.word}`
      const { worker_id } = yield* bench.worker({ initial_input: user(content) as never })
      const [first] = yield* everything(bench, worker_id)
      yield* same([first?.sequence, first?.role, first?.content], [1, "user", content], "First item")
    })
  },
  {
    id: "operations.input-is-there",
    tier: "core",
    needs: ["workers.create", "workers.input", "workers.transcript"],
    sentence: "An input is in the transcript, at the place that its ack names, by the time it is acknowledged.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      for (const kind of [user, system]) {
        const content = `said ${yield* bench.word}`
        const { answer } = yield* source.input(worker_id, kind(content), {})
        const item = (yield* everything(bench, worker_id)).find((it) => it.sequence === answer.transcript_sequence)
        yield* same(
          [item?.role, item?.content, item?.event_id],
          [kind("").kind, content, answer.event_id],
          "The acknowledged item"
        )
        const found = yield* source.get(worker_id)
        yield* that(found.transcript_len >= answer.transcript_sequence, "transcript_len does not count the input")
        yield* idle(source, worker_id)
      }
    })
  },
  {
    id: "operations.refused-input-is-not",
    tier: "core",
    needs: ["workers.create", "workers.input", "workers.transcript"],
    sentence: "A refused input leaves nothing in the transcript.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      yield* refused(
        source,
        source.input(worker_id, user("  "), {}),
        { operation: "worker.input", worker_id },
        "invalid_request"
      )
      yield* same(yield* everything(bench, worker_id), [], "Transcript")
    })
  },
  {
    id: "operations.busy",
    tier: "core",
    needs: ["workers.create", "workers.input", "workers.stop"],
    hook: "hold",
    sentence: "A worker that works is busy until it is ended.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      yield* source.input(worker_id, user(bench.subject.hold!), {})
      yield* same((yield* source.get(worker_id)).state, "busy", "State after the input")
      yield* same((yield* source.stop(worker_id, undefined, {})).answer.state, "stopped", "Answer of stop")
      yield* same((yield* source.get(worker_id)).state, "stopped", "State after stop")
    })
  },
  {
    id: "operations.idle-again",
    tier: "core",
    needs: ["workers.create", "workers.input"],
    sentence: "A worker that has done its work is idle and takes the next input.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      for (const text of ["one", "two", "three"]) yield* bench.talk(worker_id, user(text))
      const { transcript_len } = yield* bench.source.get(worker_id)
      yield* that(transcript_len >= 3, "The transcript does not hold the three inputs")
    })
  },
  {
    id: "operations.stop",
    tier: "core",
    needs: ["workers.create", "workers.stop", "workers.cancel"],
    sentence: "A stopped worker stays stopped, however often it is stopped or cancelled again.",
    run: ending("stop", "cancel", "stopped")
  },
  {
    id: "operations.cancel",
    tier: "core",
    needs: ["workers.create", "workers.stop", "workers.cancel"],
    sentence: "A cancelled worker stays cancelled, however often it is cancelled or stopped again.",
    run: ending("cancel", "stop", "cancelled")
  },
  {
    id: "operations.ended-takes-nothing",
    tier: "core",
    needs: ["workers.create", "workers.input", "workers.stop"],
    sentence: "A worker that has ended takes no input.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      yield* source.stop(worker_id, undefined, {})
      const input = source.input(worker_id, user("too late"), {})
      yield* refused(source, input, { operation: "worker.input", worker_id }, "worker_not_running")
    })
  }
]
